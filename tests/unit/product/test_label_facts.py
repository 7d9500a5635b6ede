"""What labels give away by when they come, and by what is missing where they are."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

import interlock as il
from interlock.clock import DAY, HOUR
from interlock.data.label_times import (
    NEWEST_ROWS,
    LabelTimes,
    MeasuredDelay,
    label_times,
    measured_delay,
)
from interlock.evaluate.leakage import Absence
from interlock.product.labels import LabelFacts

START = datetime(2013, 1, 1, tzinfo=UTC)


class Order(il.Request):
    asked: datetime = il.asked_at()
    amount: float
    refunded_by: str | None = None


@il.label
def refunded(state: str | None) -> bool | None:
    return None if state is None else state == "refunded"


def facts(project, table, target, *, as_of="2014-01-01T00:00:00Z", request=Order, **source):
    project.write(pa.table(table), "orders.parquet")
    parts = {"key": "id", "event_time": "asked"} | source
    orders = project.source("orders.parquet", **parts)
    models = {"mean": il.Baseline(il.Mean()), "ridge": il.Candidate(Ridge())}
    if isinstance(target, il.Binary):
        prior = il.Baseline(il.ClassPrior())
        models = {"prior": prior, "logistic": il.Candidate(LogisticRegression())}
    product = project.product(
        request, source=orders, examples=orders.map(), target=target, candidates=models
    )
    return product.training_set(as_of=as_of, project_dir=project.folder).labels


def orders(states):
    """An order a day; a refund names who made it."""
    return {
        "id": list(range(len(states))),
        "asked": [START + timedelta(days=k) for k in range(len(states))],
        "amount": [1.0] * len(states),
        "state": pa.array(states, pa.string()),
        "refunded_by": pa.array([s and f"clerk {s}" for s in states], pa.string()),
    }


def test_a_field_that_is_missing_when_the_label_is(project):
    states = ["kept", "refunded", None, None, "kept"]
    found = facts(
        project, orders(states), il.Binary(refunded, available_after="1d"), available_after="0s"
    )
    fields = {absence.name: absence for absence in found.absences}
    assert fields["refunded_by"] == Absence(
        name="refunded_by", missing_with=0, rows_with=3, missing_without=2, rows_without=2
    )
    assert fields["amount"].missing_without == 0
    assert LabelFacts.from_row(json.loads(json.dumps(found.to_row()))) == found


def test_rows_quarantined_for_want_of_a_label_count_as_well(project):
    table = orders(["kept"] * 6) | {"price": pa.array([1, 2, None, None, 5, 6], pa.int64())}
    table["refunded_by"] = pa.array(["a", "b", None, None, "c", None], pa.string())
    found = facts(
        project,
        table,
        il.Regression("price", available_after="1d"),
        available_after="0s",
        columns={"price": il.Int(ge=0)},
    )
    (by,) = [absence for absence in found.absences if absence.name == "refunded_by"]
    assert (by.missing_with, by.rows_with, by.missing_without, by.rows_without) == (1, 4, 2, 2)


def test_how_long_labels_took_is_measured_by_their_first_revision(project):
    """The third order is corrected after nine days; its label was there after five hours."""
    asked = [START + timedelta(days=k) for k in (0, 1, 2, 2, 3)]
    hours = [1, 30, 5, 9 * 24, 2]
    table = {
        "id": [0, 1, 2, 2, 3],
        "asked": asked,
        "known_at": [a + timedelta(hours=h) for a, h in zip(asked, hours, strict=True)],
        "amount": [1.0] * 5,
        "state": pa.array(["kept", "kept", "kept", "refunded", None], pa.string()),
        "refunded_by": pa.array([None] * 5, pa.string()),
    }
    source = {"available_at": "known_at", "available_after": None}
    found = facts(project, table, il.Binary(refunded, available_after="1d"), **source)
    assert found.times.measured == MeasuredDelay(n=3, late=1, median=5 * HOUR, p95=30 * HOUR)


def test_a_label_promised_with_its_row_is_late_where_it_comes_in_a_later_revision(project):
    asked = [START, START, START + timedelta(days=1)]
    hours = [7, 7 + 24, 9]
    table = {
        "id": [0, 0, 1],
        "asked": asked,
        "known_at": [a + timedelta(hours=h) for a, h in zip(asked, hours, strict=True)],
        "amount": [1.0] * 3,
        "state": pa.array([None, "kept", "kept"], pa.string()),
        "refunded_by": pa.array([None] * 3, pa.string()),
    }
    source = {"available_at": "known_at", "available_after": None}
    found = facts(project, table, il.Binary(refunded), **source)
    assert found.times.measured == MeasuredDelay(n=2, late=1, median=24 * HOUR, p95=24 * HOUR)


def test_a_product_without_time_has_no_label_times(project):
    table = {"id": [1, 2], "amount": [1.0, 2.0], "price": [3.0, 4.0]}

    class Thing(il.Request):
        amount: float

    found = facts(
        project, table, il.Regression("price"), request=Thing, event_time=None, available_after=None
    )
    assert found.times is None


@given(
    st.lists(st.tuples(st.integers(0, 400), st.booleans()), max_size=500),
    st.integers(0, 500),
    st.integers(0, 50),
)
def test_every_row_waits_or_is_older_or_newest(rows, as_of, delay):
    event = np.array([at for at, _ in rows], dtype=np.int64)
    has_label = np.array([has for _, has in rows], dtype=bool)
    found = label_times(event, has_label, as_of=as_of, delay=delay)
    due = [has for at, has in rows if at + delay <= as_of]
    assert found.rows == len(rows)
    assert found.waiting + found.newest + found.older == len(rows)
    assert found.newest == min(len(due), max(NEWEST_ROWS, len(due) // 10))
    assert found.newest_without + found.older_without == due.count(False)


def test_the_newest_are_the_newest():
    event = np.arange(3_000)[::-1] * DAY
    found = label_times(event, event < 2_900 * DAY, as_of=3_000 * DAY, delay=DAY)
    assert (found.newest, found.newest_without, found.older_without) == (300, 100, 0)


@pytest.mark.parametrize("spans", [[], [5], [1, 2, 3]])
def test_delays_of_no_labels_are_not_measured(spans):
    found = measured_delay(np.array(spans, dtype=np.int64), delay=2)
    assert (found is None) == (not spans)
    assert found is None or found.late == sum(s > 2 for s in spans)


def test_times_survive_json():
    measured = MeasuredDelay(n=3, late=1, median=1, p95=2)
    for known in (None, measured):
        found = label_times(np.arange(5), np.ones(5, bool), as_of=9, delay=0, measured=known)
        assert LabelTimes.from_row(json.loads(json.dumps(found.to_row()))) == found
