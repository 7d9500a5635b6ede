"""A refresh: only what is missing, whole or not at all, forward in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from interlock.clock import DAY
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.lookup import HistoryLookup, view_name
from interlock.features.refresh import is_current, refresh
from interlock.store.online_sqlite import SqliteReader, SqliteWriter

MARKET = HistoryDefinition(
    name="market",
    source="sales",
    entity=(("area", "str"),),
    refresh=DAY,
    landing=0,
    aggregates=(
        Aggregate(
            name="sales",
            function="count",
            column=None,
            window=None,
            ttl=None,
            default=0,
            kind="int",
        ),
    ),
    digest="a" * 64,
)
VIEW = view_name(MARKET)
SALES = pa.table(
    {
        "area": ["a", "a", "b"],
        "__event_time": [DAY, 2 * DAY, 3 * DAY],
        "__available_at": [DAY, 2 * DAY, 3 * DAY],
    }
)


@pytest.fixture
def writer(tmp_path: Path) -> SqliteWriter:
    return SqliteWriter(tmp_path)


class Killed(BaseException):
    """As a signal ends it."""


class Dying(SqliteWriter):
    """Dies at its second table."""

    def write(self, view: str, grid: int, **given: Any) -> Any:
        if self.grids(view):
            raise Killed
        return super().write(view, grid, **given)


def nothing() -> pa.Table:
    raise AssertionError("nothing had to be computed")


def count(root: Path, area: str = "a") -> tuple[int, int]:
    (values, grids) = HistoryLookup(SqliteReader(root), [MARKET], replay=False).row([(area,)], 0)
    return values[0], grids[0]


def test_a_table_of_the_same_definition_and_rows_is_not_computed_again(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    grids = [3 * DAY, 4 * DAY]
    assert refresh(writer, MARKET, lambda: SALES, grids, source="s1") == {3 * DAY: 1, 4 * DAY: 2}
    assert refresh(writer, MARKET, nothing, grids, source="s1") == {}
    assert list(refresh(writer, MARKET, SALES, [4 * DAY, 5 * DAY], source="s1")) == [5 * DAY]
    assert list(refresh(writer, MARKET, SALES, grids, source="s2")) == grids
    assert list(refresh(writer, MARKET, SALES, grids)) == grids  # from rows without a name
    assert count(tmp_path) == (2, 5 * DAY)


def test_other_rows_at_the_same_grid_point_answer_at_once(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    refresh(writer, MARKET, SALES, [4 * DAY], source="s1")
    lookup = HistoryLookup(SqliteReader(tmp_path), [MARKET], replay=False)
    assert lookup.row([("a",)], 0) == ((2,), (4 * DAY,))
    refresh(writer, MARKET, SALES.slice(1), [4 * DAY], source="s2")
    assert lookup.row([("a",)], 0) == ((1,), (4 * DAY,))


def test_what_was_killed_goes_on_where_it_was_and_is_not_seen_before(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    grids = [day * DAY for day in (2, 3, 4)]
    with pytest.raises(Killed):
        refresh(Dying(tmp_path), MARKET, SALES, grids, source="s1")
    assert writer.grids(VIEW) == (2 * DAY,)
    assert writer.current(VIEW) is None
    assert list(refresh(writer, MARKET, SALES, grids, source="s1")) == grids[1:]
    assert count(tmp_path) == (2, 4 * DAY)


def test_a_table_that_was_lost_is_written_again(writer: SqliteWriter, tmp_path: Path) -> None:
    refresh(writer, MARKET, SALES, [4 * DAY], source="s1")
    assert is_current(writer, MARKET, 4 * DAY)
    assert not is_current(writer, MARKET, 5 * DAY)
    (tmp_path / VIEW / f"{4 * DAY}.sqlite").unlink()
    assert not is_current(writer, MARKET, 4 * DAY)
    assert refresh(writer, MARKET, SALES, [4 * DAY], source="s1") == {4 * DAY: 2}


def test_two_refreshes_of_which_one_is_ahead_leave_the_later_grid_point(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    refresh(writer, MARKET, SALES, [5 * DAY], source="s1")
    refresh(writer, MARKET, SALES, [4 * DAY], source="s1")  # began before, ended after
    assert count(tmp_path) == (2, 5 * DAY)


def test_a_pointer_set_by_a_clock_that_was_wrong_is_taken_back(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    refresh(writer, MARKET, SALES, [900 * DAY], source="s1")
    refresh(writer, MARKET, SALES, [4 * DAY], source="s1")
    assert count(tmp_path) == (2, 4 * DAY)


def test_a_later_grid_point_whose_table_is_lost_does_not_hold_the_pointer(
    writer: SqliteWriter, tmp_path: Path
) -> None:
    refresh(writer, MARKET, SALES, [5 * DAY], source="s1")
    (tmp_path / VIEW / f"{5 * DAY}.sqlite").unlink()
    refresh(writer, MARKET, SALES, [4 * DAY], source="s1")
    assert count(tmp_path) == (2, 4 * DAY)


def test_many_grid_points_are_the_same_as_one_at_a_time(tmp_path: Path) -> None:
    grids = [day * DAY for day in range(150)]
    together, alone = SqliteWriter(tmp_path / "together"), SqliteWriter(tmp_path / "alone")
    counts = refresh(together, MARKET, SALES, grids, publish=False)
    assert list(counts) == grids
    for grid in grids[::30]:
        assert refresh(alone, MARKET, SALES, [grid])[grid] == counts[grid]
    assert together.current(VIEW) is None


def test_another_definition_has_tables_of_its_own(writer: SqliteWriter, tmp_path: Path) -> None:
    other = replace(MARKET, digest="b" * 64)
    refresh(writer, MARKET, SALES, [4 * DAY], source="s1")
    assert refresh(writer, other, SALES, [4 * DAY], source="s1") == {4 * DAY: 2}
    assert count(tmp_path) == (2, 4 * DAY)
