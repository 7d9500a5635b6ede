import pyarrow.parquet as pq
import pytest

from interlock.serve import erasing
from interlock.serve.archive import archive_for
from interlock.serve.erasing import apply, before, begin, end, of_unit, pending
from interlock.serve.log import LogOptions, PredictionLog
from interlock.serve.record import Record, read_record, record_bytes
from interlock.serve.shipping import locked, read_all, ship

KEY = ("unit-secret-3", "1")


def record(number):
    return record_bytes(
        Record(
            id=f"id{number:02d}",
            time=number,
            product="p",
            status=200,
            entity=(f"unit-secret-{number % 5}", 1),
            request=b'{"unit":"unit-secret-%d"}' % (number % 5),
        )
    )


def left():
    return [f"id{n:02d}" for n in range(40) if n % 5 != 3]


@pytest.fixture(params=["parquet", "delta"])
def log(request, tmp_path):
    """Twenty records in an archive, twenty in segments, the last of them still written."""
    folder = tmp_path / "log"
    for half in (range(20), range(20, 40)):
        with PredictionLog.open(folder, "w0", LogOptions(segment_bytes=600)) as writer:
            for number in half:
                writer.append([record(number)])
        if half.start == 0:
            with PredictionLog.open(folder, "w0"), locked(folder, alone=True):
                ship(folder, archive_for(folder, request.param, tmp_path / "archive"))
    (folder / "w0-00000000.torn").write_bytes(b"unit-secret-3")
    return folder


def ids(log):
    return sorted(read_record(e.payload).id for e in read_all(log))


UNIT = of_unit(KEY)


def bytes_of(log):
    files = [p for p in log.parent.rglob("*") if p.is_file() and p.suffix != ".parquet"]
    return b"".join(p.read_bytes() for p in files)


def test_a_units_rows_are_gone_from_segments_and_archives(log):
    assert b"unit-secret-3" in bytes_of(log)
    act = begin(log, UNIT, "log.erased", {})
    assert len(act.rows) == 8
    apply(log, act)
    end(log)
    assert ids(log) == left()
    assert b"unit-secret-3" not in bytes_of(log)
    assert pending(log) is None
    kept = [pq.read_table(path) for path in log.parent.rglob("*.parquet")]
    assert kept
    assert all("unit-secret-3" not in str(table.to_pylist()) for table in kept)


def test_an_erasure_that_dies_is_finished_and_twice_is_once(log, monkeypatch):
    act = begin(log, UNIT, "log.erased", {"reason": "asked"})
    monkeypatch.setattr(erasing, "archives", lambda log: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply(log, act)
    monkeypatch.undo()
    for _ in range(2):
        assert pending(log) == act
        apply(log, pending(log))
    end(log)
    assert ids(log) == left()


def test_a_record_torn_while_it_was_overwritten_is_made_whole(log):
    act = begin(log, UNIT, "log.erased", {})
    worker, segment, offset, _, size = act.rows[-1]
    path = log / f"{worker}-{segment:08d}.log"
    data = bytearray(path.read_bytes())
    data[offset + 16 : offset + 16 + size // 2] = bytes(size // 2)
    path.write_bytes(data)
    apply(log, pending(log))
    end(log)
    assert ids(log) == left()


def test_a_living_writer_goes_on(log):
    with PredictionLog.open(log, "w0") as writer:
        writer.append([record(43), record(44)])
        act = begin(log, UNIT, "log.erased", {})
        apply(log, act)
        end(log)
        writer.append([record(45)])
    assert ids(log) == [*left(), "id44", "id45"]


def test_a_journal_holds_no_key(log):
    begin(log, UNIT, "log.erased", {})
    assert b"unit-secret" not in (log / "erasing.json").read_bytes()


def test_an_archive_of_which_all_rows_went_has_no_file_of_them(log):
    everything = begin(log, before(1_000), "log.retained", {})
    assert len(everything.rows) == 40
    apply(log, everything)
    end(log)
    assert ids(log) == []
    assert list(log.parent.rglob("w0-*.parquet")) == []
    assert list(log.parent.rglob("part-*.parquet")) == []
    apply(log, everything)  # twice is once


def test_what_is_shipped_after_an_erasure_has_no_trace(log):
    apply(log, begin(log, UNIT, "log.erased", {}))
    end(log)
    with PredictionLog.open(log, "w0"), locked(log, alone=True):
        ship(log, archive_for(log, "parquet", log.parent / "second"))
    assert ids(log) == left()
