"""Outcomes among predictions in the log: shipped, asked about, erased with what they are of."""

import json
from datetime import UTC, datetime

import pytest

from interlock.errors import IntegrityError
from interlock.serve.log.archive import archive_for
from interlock.serve.log.erasing import apply, before, begin, end, of_unit
from interlock.serve.log.logged import OUTCOMES, PREDICTIONS
from interlock.serve.log.outcome import Outcome, outcome_bytes
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, record_bytes
from interlock.serve.log.shipping import locked, read_all, ship
from interlock.serve.log.view import Asked, viewed


def predicted(number):
    return record_bytes(
        Record(
            id=f"id{number}",
            time=number,
            product="rents",
            status=200,
            entity=(f"unit-{number}",),
            prediction=100.0 * number,
        )
    )


def outcome(number, **facts):
    known = {
        "prediction": f"id{number}",
        "name": "rent",
        "value": 101.0 * number,
        "event_time": 50,
        "observed_at": 60,
        "time": 70 + number,
        "product": "rents",
    }
    return outcome_bytes(Outcome(**{**known, **facts}))


def write(log, *payloads):
    """One record to a segment, and one segment that stays open."""
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=1)) as writer:
        for payload in payloads:
            writer.append([payload])


def shipped(log, kind):
    with PredictionLog.open(log, "w0"), locked(log, alone=True):
        return ship(log, archive_for(log, kind, log.parent / kind))


def selected(log, statement):
    with viewed(log) as view:
        return [tuple(row.values()) for row in view.select(statement).read_all().to_pylist()]


@pytest.fixture
def log(tmp_path):
    folder = tmp_path / "log"
    write(folder, predicted(1), outcome(1), predicted(2), outcome(2), predicted(3))
    return folder


def told(log):
    entries = list(read_all(log))
    return (
        sorted(PREDICTIONS.told(e).id for e in PREDICTIONS.of(entries)),
        sorted(OUTCOMES.told(e).prediction for e in OUTCOMES.of(entries)),
    )


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_shipped_and_unshipped_outcomes_are_joined_with_their_predictions(log, kind):
    done = shipped(log, kind)
    assert (done.segments, done.rows) == (5, 5)
    write(log, outcome(3), predicted(4))
    assert told(log) == (["id1", "id2", "id3", "id4"], ["id1", "id2", "id3"])
    assert selected(
        log,
        "SELECT p.id, o.value - p.prediction FROM predictions p "
        "LEFT JOIN outcomes o ON o.prediction_id = p.id ORDER BY 1",
    ) == [("id1", 1.0), ("id2", 2.0), ("id3", 3.0), ("id4", None)]


def test_a_death_between_two_tables_loses_and_doubles_nothing(log, monkeypatch):
    write(log, outcome(3))
    archive = archive_for(log, "parquet", log.parent / "parquet")
    with PredictionLog.open(log, "w0", LogOptions(segment_bytes=10_000)) as writer:
        writer.append([predicted(5), outcome(5)])
    put = type(archive).put

    def die_at_outcomes(self, table, place, rows):
        if table is OUTCOMES:
            raise KeyboardInterrupt
        put(self, table, place, rows)

    with monkeypatch.context() as patched:
        patched.setattr(type(archive), "put", die_at_outcomes)
        with pytest.raises(KeyboardInterrupt):
            shipped(log, "parquet")
    both = (["id1", "id2", "id3", "id5"], ["id1", "id2", "id3", "id5"])
    assert told(log) == both
    shipped(log, "parquet")
    assert told(log) == both


def test_the_same_outcome_sent_twice_is_one_and_the_first_holds(log):
    write(log, outcome(1, time=90), outcome(2, time=91, value=7.0))
    assert selected(
        log, "SELECT prediction_id, value, disputed FROM outcomes ORDER BY prediction_id"
    ) == [("id1", 101.0, False), ("id2", 202.0, True)]


def test_a_later_revision_supersedes_from_when_it_was_observed(log):
    write(
        log,
        outcome(1, revision=1, observed_at=80, value=90.0),
        outcome(1, revision=3, observed_at=75, value=80.0),
        outcome(1, revision=0, source="office", value=1.0),
    )
    statement = (
        "SELECT value FROM outcomes WHERE prediction_id = 'id1' AND source = '' "
        "AND epoch_us(observed_at) <= {at} "
        "AND (superseded_at IS NULL OR epoch_us(superseded_at) > {at})"
    )
    assert {at: selected(log, statement.format(at=at)) for at in (59, 60, 74, 75, 80, 99)} == {
        59: [],
        60: [(101.0,)],
        74: [(101.0,)],
        75: [(80.0,)],
        80: [(80.0,)],
        99: [(80.0,)],
    }


def test_outcomes_of_predictions_that_are_not_there_are_counted(log):
    write(log, outcome(9))
    with viewed(log) as view:
        assert view.unknown_outcomes() == 1
        found = view.outcomes(["id9", "id1"]).select(["prediction_id", "known"]).to_pylist()
        assert view.count(Asked()) == 3
    assert found == [
        {"prediction_id": "id1", "known": True},
        {"prediction_id": "id9", "known": False},
    ]


@pytest.mark.parametrize(
    ("value", "columns"),
    [(3.5, (3.5, None)), (3, (3.0, "3")), (True, (1.0, "True")), ("late", (None, "late"))],
)
def test_values_stand_as_those_of_predictions_do(tmp_path, value, columns):
    write(tmp_path, outcome(1, value=value))
    assert selected(tmp_path, "SELECT value, class FROM outcomes") == [columns]


def test_instants_that_no_calendar_holds_are_shown_as_the_nearest_that_one_does(tmp_path):
    log, far = tmp_path / "log", 2**60
    asked = {"time": 1, "product": "rents", "status": 200}
    for sign in (-1, 1):
        row = record_bytes(Record(id=f"id{sign}", as_of=sign * far, **asked))
        told = outcome(sign, event_time=sign * far, observed_at=sign * far)
        write(log, row, told)
        if sign < 0:
            shipped(log, "parquet")
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    with viewed(log) as view:
        rows = view.rows(Asked()).read_all().to_pylist()
        told = view.outcomes(["id-1", "id1"]).to_pylist()
    assert {r["id"]: r["as_of"] for r in rows} == {"id-1": first, "id1": last}
    assert [(o["event_time"], o["observed_at"]) for o in told] == [(first,) * 2, (last,) * 2]
    assert selected(log, "SELECT list(event_time ORDER BY event_time) FROM outcomes") == [
        ([first, last],)
    ]


def erase(log, wanted):
    act = begin(log, wanted, "log.erased", {})
    apply(log, act)
    end(log)
    return len(act.rows)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_units_outcomes_go_with_its_predictions(log, kind):
    shipped(log, kind)
    write(log, outcome(2, revision=1, source="office"), outcome(8, source="for unit-2"))
    assert erase(log, of_unit(("unit-2",))) == 4
    assert told(log) == (["id1", "id3"], ["id1"])
    for path in log.parent.rglob("*"):
        assert not path.is_file() or b"office" not in path.read_bytes()


def test_an_outcome_of_an_unknown_prediction_goes_when_its_id_names_the_unit(log):
    write(log, outcome(9, prediction="customer-17"), outcome(9, prediction="customer-18"))
    assert erase(log, of_unit(("customer-17",))) == 1
    assert told(log)[1] == ["customer-18", "id1", "id2"]


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_an_outcome_of_another_units_prediction_goes_only_by_its_words(log, kind):
    """A price of 17 does not make it house 17's."""
    write(log, predicted(4), outcome(4, value=17.0), outcome(9, value=17.0))
    write(log, outcome(1, revision=2, source="of house 17"))
    shipped(log, kind)
    assert erase(log, of_unit(("17",))) == 2
    assert told(log) == (["id1", "id2", "id3", "id4"], ["id1", "id2", "id4"])
    assert erase(log, of_unit(("id4",))) == 0


def refused(number, body):
    """The refusal of outcomes."""
    return record_bytes(
        Record(
            id=f"refused{number}", time=80, product="rents", status=422, assigned="", arm="",
            request=body, error="S110", message="outcomes: the request has 1 mistake",
        )
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_refused_outcome_goes_with_its_prediction_or_its_unit(log, kind):
    write(log, refused(1, b'{"prediction_id": "id2", "value": null}'))
    write(log, refused(2, b'[{"prediction_id": "i\\u00642", "na'))
    write(log, refused(3, b'{"prediction_id": "id22", "source": "of unit-3"}'))
    shipped(log, kind)
    write(log, refused(4, b'{"prediction_id": "id3"}'))
    assert erase(log, of_unit(("unit-2",))) == 4
    assert told(log) == (["id1", "id3", "refused3", "refused4"], ["id1"])
    assert erase(log, of_unit(("unit-3",))) == 3
    assert told(log) == (["id1"], ["id1"])


def test_a_refused_outcome_is_shown_and_is_none(log):
    write(log, refused(1, b"{"))
    with viewed(log) as view:
        assert view.unknown_outcomes() == 0
        (row,) = view.rows(Asked(rejected=True)).read_all().to_pylist()
    assert (row["arm"], row["assigned"], row["status"], row["request"]) == ("", "", 422, "{")
    assert (row["covered"], row["message"][:9]) == (None, "outcomes:")
    assert told(log)[1] == ["id1", "id2"]


def test_what_is_old_goes_with_its_outcomes(log):
    write(log, outcome(9, time=1))
    assert erase(log, before(3)) == 5
    assert told(log) == (["id3"], [])


def test_an_archive_of_other_tables_is_not_read_as_this_one(log):
    shipped(log, "parquet")
    marker = log.parent / "parquet" / "_interlock_log.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"tables": ["predictions"]}))
    with pytest.raises(IntegrityError) as raised:
        told(log)
    assert raised.value.code == "S181"
