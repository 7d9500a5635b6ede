"""Only logs are erased from: what else is named is refused, with what it is."""

import pytest

from interlock.errors import OperatorError
from interlock.serve.log.archive import archive_for
from interlock.serve.log.folder import require_log
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, record_bytes
from interlock.serve.log.shipping import locked, ship


def write(log, *products):
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=1)) as writer:
        for product in products:
            record = Record(id="a", time=1, product=product, status=200)
            writer.append([record_bytes(record)])
    return log


def refused(folder):
    with pytest.raises(OperatorError) as caught:
        require_log(folder, "houses")
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.where) == ("S192", str(folder))
    return mistake.got


def test_a_log_of_the_product_is_one_also_when_it_is_empty(tmp_path):
    require_log(write(tmp_path / "log", "houses", "houses"), "houses")
    require_log(write(tmp_path / "empty"), "houses")


def test_what_is_no_log_is_refused(tmp_path):
    assert refused(tmp_path / "none") == "no folder"
    (tmp_path / "notes.log").write_text("not a segment")
    assert refused(tmp_path) == "a folder without a segment or counts of a log"
    file = tmp_path / "w0-00000000.log"
    file.write_text("")
    assert refused(file) == "no folder"


def test_a_log_of_another_product_is_refused_shipped_or_not(tmp_path):
    assert refused(write(tmp_path / "log", "houses", "flats")) == "a log of flats"
    shipped = write(tmp_path / "shipped", "boats", "flats")
    with PredictionLog.open(shipped, "w0"), locked(shipped, alone=True):
        ship(shipped, archive_for(shipped, "parquet", tmp_path / "archive"))
    assert refused(shipped) == "a log of boats and flats"


def test_a_projects_own_log_is_erased_from_by_its_environment(tmp_path):
    log = write(tmp_path / "environments" / "prod" / "houses" / "log", "houses")
    require_log(log, "houses")
    (tmp_path / "ledger.sqlite").touch()
    assert refused(log).startswith("the log of a project's environment")
