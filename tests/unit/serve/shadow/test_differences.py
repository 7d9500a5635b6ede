"""What the report of a shadow says: whole and by part, over segments and archives."""

import json

import pytest

from interlock.cli.render_rollout import _shadow_lines, tolerance_of
from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log.archive import archive_for
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.shipping import locked, read_all, ship
from interlock.serve.shadow.differences import contrasted
from interlock.serve.shadow.logs import shadow_log
from interlock.use_cases.rollout import RolloutReport


def asked(number, **facts):
    """Every third house stands on the hill; its challenger says 10 % more there, else the same."""
    known = {
        "id": f"id{number:04d}",
        "time": number,
        "product": "p",
        "status": 200,
        "entity": (number,),
        "request": json.dumps({"where": "hill" if number % 3 == 0 else "town"}).encode(),
        "features": {"age": number % 50},
        "prediction": 100.0 + number,
    }
    return Record(**{**known, **facts})


def score(entry, record, **facts):
    more = 1.1 if b"hill" in record.request else 1.0
    known = {
        "id": "",
        "time": record.time,
        "product": "p",
        "status": 200,
        "shadows": (entry.worker, entry.segment, entry.offset),
        "prediction": None if record.prediction is None else record.prediction * more,
    }
    return Record(**{**known, **facts})


@pytest.fixture
def place(tmp_path):
    """Makes a log of the records, half of it shipped, and the scores of all but the last two."""

    def make(records, score=score, kind="parquet"):
        log = tmp_path / "log"
        half = len(records) // 2
        for some in (records[:half], records[half:]):
            with PredictionLog.open(log, "w0", LogOptions(segment_bytes=20_000)) as writer:
                writer.append([record_bytes(record) for record in some])
            if some is records[:half] or not half:
                with PredictionLog.open(log, "w0"), locked(log, alone=True):
                    ship(log, archive_for(log, kind, tmp_path / "archive"))
        scores = shadow_log(log, "salt")
        by_time = {record.time: record for record in records}
        with PredictionLog.open(scores, "shadow") as writer:
            found = sorted(read_all(log), key=lambda e: read_record(e.payload).time)
            for entry in found[: len(found) - 2]:
                record = by_time[read_record(entry.payload).time]
                if record.status == 200:
                    writer.append([record_bytes(score(entry, record))])
        return log, scores

    return make


def by_name(report):
    return {part.named: part for part in report.parts}


def test_parts_have_their_differences_and_every_row_lies_in_one(place):
    report = contrasted(*place([asked(n) for n in range(902)]), since=0, by=("where", "age"))
    assert (report.whole.rows, report.whole.units, report.waiting) == (900, 900, 2)
    parts = by_name(report)
    assert list(parts)[:2] == ["where = town", "where = hill"]
    hill, town = parts["where = hill"], parts["where = town"]
    assert (hill.rows, hill.same, town.rows, town.same) == (300, 0, 600, 600)
    assert (hill.differences.higher.value, hill.differences.beyond.value) == (1.0, 1.0)
    assert (town.differences.higher.value, town.differences.beyond.value) == (0.0, 0.0)
    assert hill.agreeing.value == 0.0
    assert 0 < hill.agreeing.interval.high < 0.02, "none of 300 is not surely none of all"
    values = [told.value for told in hill.differences.quantiles]
    assert values == pytest.approx([14.5, 32.5, 55, 77.5, 95.5], rel=0.03)
    assert report.whole.differences.higher.value == pytest.approx(1 / 3)
    assert sum(part.rows for part in report.parts if part.column == "age") == 900
    assert [part.label for part in report.parts if part.column == "age"] == [
        "below 9", "9 to below 19", "19 to below 29", "29 to below 39", "39 and above",
    ]  # fmt: skip


def test_a_part_with_too_few_rows_or_units_is_named_and_not_told(place):
    records = [asked(n, entity=(n % 20,) if n % 3 else (n,)) for n in range(602)]
    records[5] = asked(5, request=b'{"where":"lake"}')
    report = contrasted(*place(records), since=0, by=("where",))
    parts = by_name(report)
    for name, rows in (("where = lake", 1), ("where = town", 399)):
        assert (parts[name].reason, parts[name].rows) == ("too few", rows)
        assert parts[name].agreeing is parts[name].differences is None
    assert parts["where = hill"].reason == ""


def test_of_many_values_the_smaller_ones_are_one_part_and_missing_is_another(place):
    records = [asked(n, request=json.dumps({"id": f"v{n % 40}"}).encode()) for n in range(402)]
    records[0] = asked(0, request=b'{"id":null}')
    report = contrasted(*place(records), since=0, by=("id", "nothing"))
    names = [part.named for part in report.parts]
    assert len(names) == 22
    assert names[-2:] == ["id = 20 other values", "id = missing"]
    assert sum(part.rows for part in report.parts) == 400
    assert report.unlogged == ("nothing",)


def test_rows_that_say_nothing_of_the_challenger_are_left_out(place):
    records = [asked(n) for n in range(12)]
    records[0] = asked(0, pinned=True)
    records[1] = asked(1, replay=True)
    records[2] = asked(2, status=422, prediction=None)
    report = contrasted(*place(records), since=5)
    assert (report.whole.rows, report.waiting, report.whole.reason) == (5, 2, "too few")


def test_failures_limits_and_classes_are_counted(place):
    def answer(entry, record):
        if record.time < 5:
            return score(entry, record, status=500, error="S125", prediction=None)
        if record.time < 8:
            return score(entry, record, not_covered="yes", prediction=None)
        return score(entry, record, prediction=record.time % 2 == 0)

    records = [asked(n, prediction=True) for n in range(202)]
    report = contrasted(*place(records, answer, "delta"), since=0)
    whole = report.whole
    assert (whole.rows, whole.failed, whole.limits, whole.same) == (200, 5, 3, 96)
    assert (report.errors, whole.differences) == ({"S125": 5}, None)
    assert whole.agreeing.value == pytest.approx(96 / 195)


def test_one_is_another_class_than_true(place):
    def answer(entry, record):
        return score(entry, record, prediction=1)

    report = contrasted(*place([asked(n, prediction=True) for n in range(4)], answer), since=0)
    assert (report.whole.rows, report.whole.same) == (2, 0)


def test_the_tolerance_is_a_number_or_a_share(place):
    log, scores = place([asked(n) for n in range(902)])
    for text, share in (("9%", 1 / 3), ("11 %", 0.0), ("55.05", 150 / 900)):
        report = contrasted(log, scores, since=0, tolerance=tolerance_of(text))
        assert report.whole.differences.beyond.value == pytest.approx(share, abs=0.002), text
    for wrong in ("", "much", "-1", "1e3", "nan"):
        with pytest.raises(OperatorError) as raised:
            tolerance_of(wrong)
        assert raised.value.code == "C165"


def test_the_same_rows_give_the_same_report(place):
    log, scores = place([asked(n) for n in range(302)])
    first = contrasted(log, scores, since=0, by=("where", "age"))
    assert contrasted(log, scores, since=0, by=("where", "age")) == first


def test_nothing_scored_yet_is_no_error(tmp_path, place):
    assert contrasted(tmp_path / "none", tmp_path / "no", since=0).whole.rows == 0
    log, _ = place([asked(n) for n in range(10)])
    report = contrasted(log, tmp_path / "no", since=0, by=("where",))
    assert (report.whole.rows, report.waiting, report.parts) == (0, 10, ())


def test_damage_is_told_as_what_it_is(place):
    log, scores = place([asked(n) for n in range(10)])
    path = min(scores.glob("*.log"))
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    with pytest.raises(IntegrityError) as raised:
        contrasted(log, scores, since=0)
    assert raised.value.code == "S153"


def test_what_people_read(place):
    records = [asked(n) for n in range(902)]
    records[5] = asked(5, request=b'{"where":"lake"}')
    report = contrasted(*place(records), since=0, by=("where", "colour"))
    lines = _shadow_lines(RolloutReport(rollout=None, champion=None, running=True, shadow=report))
    assert [line.rstrip() for line in lines] == WRITTEN.splitlines()[1:]


WRITTEN = """
  challenger − champion  rows  failed  same answer         off by > 5 %        higher  median difference  5 % to 95 %
  all rows               900   0       66.7 % (63.6–69.8)  33.3 % (30.2–36.4)  33.3 %  0 (0–0)            0 to 85.9
  where = town           599   0       100 % (99.4–100.0)  0 % (0.000–0.614)   0 %     0 (0–0)            0 to 0
  where = hill           300   0       0 % (0.00–1.22)     100 % (99–100)      100 %   54.9 (49.7–60.0)   14.2 to 94.8
  where = lake           1     0       too few
  too few: under 100 rows, or under 30 units, say nothing
  not compared by colour: the log does not hold it
  2 rows wait to be scored"""  # noqa: E501
