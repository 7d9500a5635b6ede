"""What was read from a log is known to be there still, or to be gone."""

import pytest

from interlock.serve.log.archive import archive_for
from interlock.serve.log.erasing import apply, begin, end, of_unit
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.presence import still_there
from interlock.serve.log.record import Record, record_bytes
from interlock.serve.log.shipping import locked, read_all, ship


def erase(log, unit):
    with locked(log, alone=True):
        apply(log, begin(log, of_unit((unit,)), "log.erased", {}))
        end(log)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
@pytest.mark.parametrize("shipped_first", [True, False])
def test_records_that_were_erased_are_not_there_any_more(tmp_path, kind, shipped_first):
    log = tmp_path / "log"
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=150)) as writer:
        for number in range(9):
            one = Record(id=f"{number}", time=1, product="p", status=200, entity=(number % 3,))
            writer.append([record_bytes(one)])
    read = list(read_all(log))
    assert still_there(log, read) == [True] * 9
    if shipped_first:
        with PredictionLog.open(log, "w0"), locked(log, alone=True):
            ship(log, archive_for(log, kind, tmp_path / "archive"))
        assert still_there(log, read) == [True] * 9
    erase(log, "1")
    assert still_there(log, read) == [True, False, True] * 3
    erase(log, "0")
    erase(log, "2")
    assert still_there(log, read) == [False] * 9
    assert still_there(log, []) == []
