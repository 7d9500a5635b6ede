import errno
import os
import subprocess
import sys
import threading
import time

import pytest

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log import prediction_log as log_module
from interlock.serve.log.prediction_log import LogFull, LogOptions, PredictionLog
from interlock.serve.log.read import read_log
from interlock.serve.log.segment import HEADER_SIZE
from interlock.serve.log.tally import Tally


def logged(directory):
    return [record.payload for record in read_log(directory)]


def test_a_record_is_in_the_file_when_append_returns(tmp_path):
    log = PredictionLog.open(tmp_path, "w0", LogOptions(sync_seconds=60))
    assert log.append([b"one"]) == 1
    assert log.append([b"two", b"three"]) == 3
    assert logged(tmp_path) == [b"one", b"two", b"three"]
    log.close()


def test_several_payloads_are_one_write(tmp_path, monkeypatch):
    sizes = []
    write = os.write
    with PredictionLog.open(tmp_path, "w0") as log:
        monkeypatch.setattr(
            os, "write", lambda fd, data: sizes.append(len(data)) or write(fd, data)
        )
        log.append([b"a" * 10, b"b" * 10, b"c" * 10])
    assert sizes == [78]


def test_the_sequence_goes_on_in_a_new_segment_after_a_restart(tmp_path):
    for payload in (b"one", b"two", b"three"):
        with PredictionLog.open(tmp_path, "w0") as log:
            log.append([payload])
    records = list(read_log(tmp_path))
    assert [(r.segment, r.sequence, r.payload) for r in records] == [
        (0, 1, b"one"),
        (1, 2, b"two"),
        (2, 3, b"three"),
    ]


def test_segments_rotate_by_size(tmp_path):
    with PredictionLog.open(tmp_path, "w0", LogOptions(segment_bytes=200)) as log:
        for number in range(10):
            log.append([b"%50d" % number])
    records = list(read_log(tmp_path))
    assert [int(r.payload) for r in records] == list(range(10))
    assert [r.segment for r in records] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]


def test_workers_have_segments_of_their_own(tmp_path):
    with PredictionLog.open(tmp_path, "w0") as zero, PredictionLog.open(tmp_path, "w1") as one:
        one.append([b"b"])
        zero.append([b"a"])
    assert [(r.worker, r.sequence, r.payload) for r in read_log(tmp_path)] == [
        ("w0", 1, b"a"),
        ("w1", 1, b"b"),
    ]
    assert sorted(p.name for p in tmp_path.glob("*.log")) == ["w0-00000000.log", "w1-00000000.log"]


def test_one_worker_name_cannot_be_opened_twice(tmp_path):
    with PredictionLog.open(tmp_path, "w0"), pytest.raises(OperatorError, match="S151"):
        PredictionLog.open(tmp_path, "w0")


def test_several_threads_lose_and_double_nothing(tmp_path):
    with PredictionLog.open(tmp_path, "w0", LogOptions(segment_bytes=5_000)) as log:

        def write(thread):
            for number in range(300):
                log.append([b"%d:%d" % (thread, number)])

        threads = [threading.Thread(target=write, args=(t,)) for t in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    records = list(read_log(tmp_path))
    assert [r.sequence for r in records] == list(range(1, 1201))
    assert len({r.payload for r in records}) == 1200


def test_a_torn_tail_is_cut_kept_aside_and_counted(tmp_path):
    with PredictionLog.open(tmp_path, "w0") as log:
        log.append([b"whole"])
        log.append([b"torn apart"])
    path = tmp_path / "w0-00000000.log"
    path.write_bytes(path.read_bytes()[:-3])
    assert logged(tmp_path) == [b"whole"]
    with PredictionLog.open(tmp_path, "w0") as log:
        assert log.tally == Tally(next_sequence=3, dropped=0, cut=23)
        log.append([b"next"])
    assert [(r.sequence, r.payload) for r in read_log(tmp_path)] == [(1, b"whole"), (3, b"next")]
    assert (tmp_path / "w0-00000000.torn").read_bytes()[16:] == b"torn ap"


def test_after_a_crash_the_next_number_comes_from_the_segments(tmp_path):
    with PredictionLog.open(tmp_path, "w0") as log:
        log.append([b"one", b"two"])
    (tmp_path / "w0.tally").unlink()
    (tmp_path / "w0-00000001.log").write_bytes(b"ILK")  # died while beginning a segment
    with PredictionLog.open(tmp_path, "w0") as log:
        assert log.tally == Tally(next_sequence=3, dropped=0, cut=3)
        assert log.append([b"three"]) == 3
    assert logged(tmp_path) == [b"one", b"two", b"three"]


def test_damage_before_the_end_is_an_integrity_error_or_told(tmp_path):
    with PredictionLog.open(tmp_path, "w0") as log:
        for payload in (b"one", b"two", b"six"):
            log.append([payload])
    path = tmp_path / "w0-00000000.log"
    data = bytearray(path.read_bytes())
    data[HEADER_SIZE + 19 + 16] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as caught:
        logged(tmp_path)
    assert str(caught.value) == (
        "error[S153]: the prediction log is damaged\n"
        f"  where: {path}, byte {HEADER_SIZE + 19}\n"
        "  expected: records whose checksums hold\n"
        "  got: 19 unreadable bytes\n"
        "  fix: restore the file from a copy, or read on without that stretch\n"
        "  untouched: all other records"
    )
    told = []
    assert [r.payload for r in read_log(tmp_path, on_damage=told.append)] == [b"one", b"six"]
    assert [(d.offset, d.size) for d in told] == [(HEADER_SIZE + 19, 19)]


def test_a_finished_segment_that_lost_its_end_is_damage(tmp_path):
    for payload in (b"one", b"two"):
        with PredictionLog.open(tmp_path, "w0") as log:
            log.append([payload])
    path = tmp_path / "w0-00000000.log"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match="S153"):
        logged(tmp_path)


class FaultyDisk:
    """Takes ``room`` more bytes, then writes short or not at all."""

    def __init__(self, monkeypatch, room, *, code=errno.ENOSPC):
        self.room, self.code, self.write = room, code, os.write
        monkeypatch.setattr(log_module.os, "write", self)

    def __call__(self, fd, data):
        if self.room == 0:
            raise OSError(self.code, os.strerror(self.code))
        taken = self.write(fd, data[: self.room])
        self.room -= taken
        return taken


@pytest.mark.parametrize("room", range(60))
def test_what_cannot_be_written_whole_is_not_written_at_all(tmp_path, monkeypatch, room):
    with PredictionLog.open(tmp_path, "w0") as log:
        log.append([b"before"])
        disk = FaultyDisk(monkeypatch, room)
        with pytest.raises(LogFull, match="S150"):
            log.append([b"x" * 10, b"y" * 20])  # 62 bytes
        assert logged(tmp_path) == [b"before"]
        disk.room = 10_000
        log.append([b"after"])
    records = list(read_log(tmp_path))
    assert [r.payload for r in records] == [b"before", b"after"]
    # a reader beside the writer may have seen the records cut back: their numbers stay unused
    assert records[1].sequence == (2 if room == 0 else 4)
    assert not list(tmp_path.glob("*.torn"))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT])
def test_a_full_or_failing_disk_is_said_and_got_over(tmp_path, monkeypatch, code):
    with PredictionLog.open(tmp_path, "w0") as log:
        disk = FaultyDisk(monkeypatch, 0, code=code)
        with pytest.raises(LogFull) as caught:
            log.append([b"x"])
        assert str(caught.value) == (
            "error[S150]: the prediction log cannot be written\n"
            f"  where: {tmp_path}\n"
            "  expected: a disk with space that can be written\n"
            f"  got: {errno.errorcode[code]}: {os.strerror(code)}\n"
            "  fix: free space or mend the disk; the service answers again by itself\n"
            "  untouched: the predictions logged so far"
        )
        disk.room = 10_000
        log.append([b"y"])
    assert logged(tmp_path) == [b"y"]


def test_a_full_disk_leaves_no_litter_of_segments(tmp_path, monkeypatch):
    with PredictionLog.open(tmp_path, "w0") as log:
        disk = FaultyDisk(monkeypatch, 5)
        for _ in range(20):
            with pytest.raises(LogFull):
                log.append([b"x" * 10])
        assert [p.name for p in tmp_path.glob("*.log")] == ["w0-00000000.log"]
        disk.room = 10_000
    assert logged(tmp_path) == []


def test_chosen_drops_are_counted_and_the_count_outlives_the_process(tmp_path, monkeypatch):
    log = PredictionLog.open(tmp_path, "w0", LogOptions(full="drop"))
    log.append([b"one"])
    disk = FaultyDisk(monkeypatch, 7)
    assert log.append([b"two", b"three"]) == 3  # no later record has these numbers
    log.append([b"four"])
    assert log.tally.dropped == 3
    on_disk = Tally.unpack((tmp_path / "w0.tally").read_bytes())
    assert on_disk is not None
    assert on_disk.dropped == 3  # before any close
    disk.room = 10_000
    log.append([b"five"])
    log.close()
    with PredictionLog.open(tmp_path, "w0") as log:
        assert log.tally.dropped == 3
    assert logged(tmp_path) == [b"one", b"five"]


def test_with_ack_disk_append_returns_after_the_sync(tmp_path, monkeypatch):
    synced = []
    to_disk = log_module._to_disk

    def slow(fd):
        size = os.fstat(fd).st_size
        to_disk(fd)
        synced.append(size)

    monkeypatch.setattr(log_module, "_to_disk", slow)
    with PredictionLog.open(tmp_path, "w0", LogOptions(ack="disk", sync_seconds=60)) as log:
        for number in range(1, 6):
            log.append([b"x" * 10])
            assert max(synced) >= HEADER_SIZE + 26 * number


def test_without_it_a_thread_syncs_soon(tmp_path, monkeypatch):
    synced = threading.Event()
    monkeypatch.setattr(log_module, "_to_disk", lambda fd: synced.set())
    with PredictionLog.open(tmp_path, "w0") as log:
        log.append([b"x"])
        assert synced.wait(60)


def test_a_failed_sync_is_told_and_the_file_is_not_trusted_again(tmp_path, monkeypatch):
    to_disk = log_module._to_disk
    failing = [True]

    def sync(fd):
        if failing[0]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        to_disk(fd)

    monkeypatch.setattr(log_module, "_to_disk", sync)
    with PredictionLog.open(tmp_path, "w0", LogOptions(ack="disk")) as log:
        for _ in range(3):
            with pytest.raises(LogFull, match="S150"):
                log.append([b"x"])
        assert len(list(tmp_path.glob("*.log"))) == 1
        failing[0] = False
        log.append([b"y"])
    assert [r.payload for r in read_log(tmp_path) if r.segment == 1] == [b"y"]


def test_a_segment_that_fails_keeps_no_other_from_the_disk(tmp_path, monkeypatch):
    synced = []

    def sync(fd):
        place = os.fstat(fd).st_ino
        if place == (tmp_path / "w0-00000000.log").stat().st_ino:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        synced.append(place)

    monkeypatch.setattr(log_module, "_to_disk", sync)
    options = LogOptions(segment_bytes=1, sync_seconds=60)  # until somebody waits for the disk
    with PredictionLog.open(tmp_path, "w0", options) as log:
        for payload in (b"x", b"y"):
            log.append([payload])
        with pytest.raises(LogFull, match="S150"):
            log.submit([b"z"]).result(60)
    ended = [path.stat().st_ino for path in sorted(tmp_path.glob("*.log"))[1:]]
    assert len(ended) > 1
    assert set(ended) <= set(synced)


def test_a_segment_that_cannot_be_closed_ends_nobodys_wait(tmp_path, monkeypatch):
    to_disk, ended = log_module._to_disk, []

    def sync(fd):
        to_disk(fd)
        if not ended and os.fstat(fd).st_ino == (tmp_path / "w0-00000000.log").stat().st_ino:
            ended.append(os.close(fd))

    monkeypatch.setattr(log_module, "_to_disk", sync)
    options = LogOptions(segment_bytes=1, sync_seconds=60)  # until somebody waits for the disk
    with PredictionLog.open(tmp_path, "w0", options) as log:
        log.append([b"x"])
        with pytest.raises(LogFull, match="S150"):
            log.submit([b"y"]).result(60)
        assert ended
        assert log.submit([b"z"]).result(60) == 3


def test_a_future_of_submit_waits_for_the_disk(tmp_path, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(log_module, "_to_disk", lambda fd: go.wait(60))
    with PredictionLog.open(tmp_path, "w0") as log:
        future = log.submit([b"x"])
        assert logged(tmp_path) == [b"x"]
        assert not future.done()
        go.set()
        assert future.result(60) == 1


def test_one_who_gives_up_waiting_ends_nobody_elses_wait(tmp_path, monkeypatch):
    go = threading.Event()
    monkeypatch.setattr(log_module, "_to_disk", lambda fd: go.wait(60))
    with PredictionLog.open(tmp_path, "w0", LogOptions(ack="disk")) as log:
        given_up = log.submit([b"x"])
        given_up.cancel()
        go.set()
        assert log.submit([b"y"]).result(60) == 2
        assert given_up.result(60) == 1


def test_close_syncs_and_then_refuses(tmp_path):
    log = PredictionLog.open(tmp_path, "w0", LogOptions(sync_seconds=60))
    log.append([b"x"])
    log.close()
    log.close()
    with pytest.raises(LogFull, match="EBADF"):
        log.append([b"y"])
    assert logged(tmp_path) == [b"x"]


def test_a_file_size_limit_is_a_full_disk(tmp_path):
    program = f"""
import resource
from pathlib import Path
from interlock.serve.log.prediction_log import PredictionLog, LogFull
from interlock.serve.log.read import read_log
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
directory = Path({str(tmp_path)!r})
log = PredictionLog.open(directory, "w0")
acknowledged, refused = 0, 0
for number in range(100):
    try:
        log.append([b"%3d" % number + b"x" * 97])
        acknowledged += 1
    except LogFull as error:
        refused += 1
        assert "EFBIG" in str(error) or "ENOSPC" in str(error), error
log.close()
records = list(read_log(directory))
assert len(records) == acknowledged, (len(records), acknowledged)
assert all(len(record.payload) == 100 for record in records)
print(acknowledged, refused)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    acknowledged, refused = map(int, done.stdout.split())
    assert acknowledged > 90  # the log goes on in the next segment
    assert refused > 0


def test_the_log_needs_neither_arrow_nor_duckdb():
    program = (
        "import sys, interlock.serve.log.prediction_log; "
        "print([m for m in ('pyarrow', 'duckdb', 'numpy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_segment_that_no_record_comes_to_end_is_ended_by_time(tmp_path):
    options = LogOptions(segment_seconds=0.05)
    with PredictionLog.open(tmp_path, "w0", options) as log:
        log.append([b"last of the day"])
        end = time.monotonic() + 60
        while len(list(tmp_path.glob("*.log"))) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)  # one without records is left as it is
        assert len(list(tmp_path.glob("*.log"))) == 2
        log.append([b"first of the next"])
    before, after = read_log(tmp_path)
    assert (before.segment, before.sequence, before.payload) == (0, 1, b"last of the day")
    assert (after.segment > 0, after.sequence, after.payload) == (True, 2, b"first of the next")
