"""The oracle against what can be reckoned by hand, law by law."""

from __future__ import annotations

import math
import statistics
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.clock import DAY, HOUR, instant_of
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.oracle import can_recompute, recompute


def history(*aggregates: Aggregate, **more: Any) -> HistoryDefinition:
    fields = {"name": "h", "source": "s", "refresh": DAY, "landing": 0, "digest": ""} | more
    return HistoryDefinition(entity=(("e", "str"),), aggregates=aggregates, **fields)


def aggregate(function: str, column: str | None = "x", **more: Any) -> Aggregate:
    fields = {"name": function, "window": 10, "ttl": None, "default": None, "kind": "float"}
    return Aggregate(function=function, column=column, **(fields | more))


def row(event: int, x: Any, **more: Any) -> dict[str, Any]:
    times = {"__event_time": event, "__available_at": event, "__key": event}
    return {"e": "a", "x": x} | times | more


def one(wanted: Aggregate, rows: list[dict[str, Any]], grid: int = 10) -> Any:
    (found,) = recompute(history(wanted), rows, ("a",), grid)
    return found


FIVE = [row(1, 4.0), row(2, None), row(3, 1.0), row(4, 2.0), row(5, 4.0)]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (aggregate("count", None, kind="int"), 5),
        (aggregate("count", kind="int"), 4),
        (aggregate("distinct", kind="int"), 3),
        (aggregate("sum"), 11.0),
        (aggregate("mean"), 2.75),
        (aggregate("std"), 1.5),
        (aggregate("min"), 1.0),
        (aggregate("max"), 4.0),
        (aggregate("median"), 3.0),
        (aggregate("quantile", quantile=0.0), 1.0),
        (aggregate("quantile", quantile=0.25), 1.75),
        (aggregate("quantile", quantile=1.0), 4.0),
        (aggregate("latest"), 4.0),
        (aggregate("first"), 4.0),
        (aggregate("first", window=8), 1.0),
        (aggregate("share", None, where="x > 1"), 0.6),
        (aggregate("share", None, where="x is null"), 0.2),
        (aggregate("count", None, kind="int", where="not x > 1"), 1),
        (aggregate("mean", where="x < 4"), 1.5),
        (aggregate("std", where="x = 2", default=-1.0), -1.0),
        (aggregate("sum", ttl=6), 6.0),
        (aggregate("sum", ttl=4, default=0.0), 0.0),
    ],
)
def test_values_reckoned_by_hand(wanted: Aggregate, expected: Any) -> None:
    assert one(wanted, FIVE) == expected


def test_a_deviation_is_that_of_the_statistics_module() -> None:
    values = [2.5, 3.25, 5.5, 11.25, 11.75]
    rows = [row(i, v) for i, v in enumerate(values)]
    assert one(aggregate("std"), rows) == pytest.approx(statistics.stdev(values), rel=1e-15)


@given(st.lists(st.integers(-(2**53), 2**53), min_size=2, max_size=9))
def test_deviations_of_whole_numbers_are_exact(values: list[int]) -> None:
    rows = [row(i, v) for i, v in enumerate(values)]
    assert one(aggregate("std"), rows) == pytest.approx(statistics.stdev(values), rel=1e-14)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_sums_and_means_do_not_depend_on_the_order(values: list[float]) -> None:
    there = [row(i, v) for i, v in enumerate(values)]
    back = [row(i, v) for i, v in enumerate(reversed(values))]
    for function, right in (("sum", math.fsum(values)), ("mean", statistics.fmean(values))):
        wanted = aggregate(function)
        assert one(wanted, there) == one(wanted, back)
        assert one(wanted, there) == pytest.approx(right, rel=1e-9, abs=1e-8)


# --- the laws of time ---

COUNT = aggregate("count", None, kind="int", default=0)


def test_the_window_is_closed_at_its_start_and_open_at_its_end() -> None:
    assert [one(COUNT, [row(5, 1.0)], grid) for grid in (5, 6, 15, 16)] == [0, 1, 1, 0]


def test_a_late_row_counts_from_when_it_was_known() -> None:
    late = [row(5, 1.0, __available_at=9)]
    assert [one(COUNT, late, grid) for grid in (8, 9)] == [0, 1]


def test_a_row_known_before_its_event_waits_for_it() -> None:
    early = [row(5, 1.0, __available_at=1)]
    assert [one(COUNT, early, grid) for grid in (5, 6)] == [0, 1]


def test_the_latest_revision_known_counts_once() -> None:
    wanted = aggregate("sum")
    revisions = [
        row(1, 10.0, __key=7, __available_at=2),
        row(1, 20.0, __key=7, __available_at=5),
        row(1, 40.0, __key=7, __available_at=8),
    ]
    for rows in (revisions, revisions[::-1]):
        found = [one(wanted, rows, grid) for grid in (1, 2, 4, 5, 7, 8, 9)]
        assert found == [None, 10.0, 10.0, 20.0, 20.0, 40.0, 40.0]


def test_a_revision_may_move_a_row_to_another_entity() -> None:
    rows = [row(1, 1.0, __key=7), row(1, 1.0, __key=7, __available_at=5, e="b")]
    definition = history(COUNT)
    found = {g: [recompute(definition, rows, (e,), g)[0] for e in "ab"] for g in (4, 5)}
    assert found == {4: [1, 0], 5: [0, 1]}


def test_a_superseded_row_ends_even_without_a_successor() -> None:
    rows = [row(1, 1.0, __superseded_at=5)]
    assert [one(COUNT, rows, grid) for grid in (4, 5)] == [1, 0]


def test_ties_are_ordered_by_key() -> None:
    rows = [row(1, 1.0, __key=2), row(1, 2.0, __key=1)]
    assert (one(aggregate("latest"), rows), one(aggregate("first"), rows)) == (1.0, 2.0)


def test_an_unseen_entity_and_a_key_with_a_missing_part_have_the_defaults() -> None:
    wanted = history(aggregate("mean", default=0.5), aggregate("count", None, kind="int"))
    assert recompute(wanted, FIVE, ("b",), 10) == (0.5, 0)
    assert recompute(wanted, [row(1, 1.0, e=None)], (None,), 10) == (0.5, 0)


def test_keys_keep_their_types() -> None:
    definition = HistoryDefinition(
        name="h", source="s", entity=(("a", "str"), ("b", "int")), refresh=1, landing=0, digest="",
        aggregates=(COUNT,),
    )  # fmt: skip
    rows = [row(1, 1.0, a="1", b=11), row(2, 1.0, a="11", b=1)]
    asked = [("1", 11), ("11", 1), ("111", 1)]
    assert [recompute(definition, rows, key, 10) for key in asked] == [(1,), (1,), (0,)]


def test_a_day_of_daylight_saving_has_23_or_25_hours() -> None:
    """A window of a day is 24 hours of event times, whatever clocks on the wall show."""
    zone = ZoneInfo("America/New_York")
    noon_before = instant_of(datetime(2013, 3, 9, 12, tzinfo=zone))
    noon_after = instant_of(datetime(2013, 3, 10, 12, tzinfo=zone))
    assert noon_after - noon_before == 23 * HOUR
    wanted = aggregate("count", None, kind="int", window=DAY)
    rows = [row(noon_before, 1.0), row(noon_before - HOUR, 1.0), row(noon_before - HOUR - 1, 1.0)]
    assert one(wanted, rows, noon_after) == 2


def test_a_history_of_sql_cannot_be_recomputed() -> None:
    custom = history(aggregate("custom", None), sql="select 1")
    assert can_recompute(custom) is False
    with pytest.raises(ValueError, match="history 'h' is SQL written by hand"):
        recompute(custom, [], ("a",), 1)
