"""What of a log's segments leaves memory, and when."""

import os

import pytest

from interlock.serve.log import prediction_log
from interlock.serve.log.pages import KEPT, let_go
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.read import read_log

MEGABYTE = 1 << 20


@pytest.fixture
def advised(monkeypatch):
    """(start, size) of each advice, of a file that is on disk by then."""
    found, on_disk = [], set()
    to_disk = prediction_log._to_disk

    def sync(fd):
        to_disk(fd)
        on_disk.add((fd, os.fstat(fd).st_size))

    def advise(fd, start, size, advice):
        assert advice == os.POSIX_FADV_DONTNEED
        assert (fd, os.fstat(fd).st_size) in on_disk
        found.append((start, size))

    monkeypatch.setattr(prediction_log, "_to_disk", sync)
    monkeypatch.setattr(os, "posix_fadvise", advise)
    return found


def test_the_end_of_a_segment_stays_and_the_whole_goes_once_it_is_ended(tmp_path, advised):
    options = LogOptions(ack="disk", segment_bytes=10 * MEGABYTE)
    with PredictionLog.open(tmp_path, "w0", options) as log:
        for number in range(12):
            log.append([bytes([number + 1]) * MEGABYTE])
    whole = [start for start, size in advised if size == 0]
    parts = [(start, start + size) for start, size in advised if size]
    assert whole == [0, 0]
    assert parts[0][0] == 0
    assert [start for start, _ in parts[1:]] == [stop for _, stop in parts[:-1]]
    assert 10 * MEGABYTE - KEPT - MEGABYTE <= parts[-1][1] <= 10 * MEGABYTE - KEPT + MEGABYTE
    assert [record.payload[0] for record in read_log(tmp_path)] == list(range(1, 13))


def test_little_is_not_worth_asking(advised):
    assert let_go(99, 0, KEPT + MEGABYTE - 1) == 0
    assert advised == []


def test_advice_that_is_not_taken_loses_nothing(tmp_path, monkeypatch):
    def advise(*_):
        raise OSError("no such advice here")

    monkeypatch.setattr(os, "posix_fadvise", advise)
    with PredictionLog.open(tmp_path, "w0", LogOptions(ack="disk", segment_bytes=50)) as log:
        log.append([b"a" * 100])
        log.append([b"b" * 100])
    assert [record.payload[:1] for record in read_log(tmp_path)] == [b"a", b"b"]
