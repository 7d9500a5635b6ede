"""What is looked up is what training joined; unavailable is never missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from interlock.clock import DAY, HOUR
from interlock.errors import OperatorError
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.history import compute, grid_point
from interlock.features.lookup import HistoryLookup, view_name
from interlock.features.refresh import refresh
from interlock.store.online import Ask, Found, Unavailable
from interlock.store.online_sqlite import SqliteReader, SqliteWriter


def aggregate(function: str, column: str | None, kind: str, default: float | None) -> Aggregate:
    return Aggregate(
        name=f"{function}_3d",
        function=function,
        column=column,
        window=3 * DAY,
        ttl=None,
        default=default,
        kind=kind,
    )


MARKET = HistoryDefinition(
    name="market",
    source="sales",
    entity=(("area", "str"), ("size", "int")),
    refresh=DAY,
    landing=HOUR,
    aggregates=(
        aggregate("count", None, "int", None),
        aggregate("median", "price", "float", None),
        aggregate("mean", "price", "float", -1.0),
    ),
    digest="a" * 64,
)
WEATHER = replace(
    MARKET,
    name="weather",
    entity=(("area", "str"),),
    refresh=HOUR,
    aggregates=(aggregate("latest", "price", "int", None),),
    digest="b" * 64,
)
SALES = pa.table(
    {
        "area": ["a", "a", "b", "a", None],
        "size": [1, 1, 1, 2, 1],
        "price": [10, 21, 7, None, 5],
        "__event_time": [DAY, 2 * DAY, 3 * DAY, 2 * DAY, DAY],
        "__available_at": [2 * DAY, 4 * DAY, 3 * DAY, 2 * DAY, DAY],
        "__key": [1, 2, 3, 4, 5],
    }
)
GRIDS = [day * DAY for day in range(9)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    counts = refresh(SqliteWriter(tmp_path), MARKET, SALES, GRIDS)
    assert list(counts) == GRIDS
    assert counts[8 * DAY] == 0
    return tmp_path


def test_a_replayed_row_sees_what_training_computed(root: Path) -> None:
    entities = (("a", 1), ("a", 2), ("b", 1), ("unseen", 1), (None, 1), ("a", None))
    asked = [(i, key) for i in range(2 * HOUR, 8 * DAY, 7 * HOUR) for key in entities]
    at = pa.table(
        {
            "__ordinal": list(range(len(asked))),
            "area": pa.array([area for _, (area, _) in asked], pa.string()),
            "size": pa.array([size for _, (_, size) in asked], pa.int64()),
            "__grid": [grid_point(instant, MARKET) for instant, _ in asked],
        }
    )
    trained = compute(MARKET, SALES, at, threads=1).to_pylist()
    lookup = HistoryLookup(SqliteReader(root), [MARKET], replay=True)
    for (instant, key), row in zip(asked, trained, strict=True):
        values = tuple(row.values())[1:]
        assert lookup.row([key], instant) == (values, (grid_point(instant, MARKET),))


def test_live_the_current_grid_point_answers(root: Path) -> None:
    lookup = HistoryLookup(SqliteReader(root), [MARKET], replay=False)
    assert lookup.row([("a", 1)], 0) == ((0, None, -1.0), (8 * DAY,))
    SqliteWriter(root).publish(view_name(MARKET), 4 * DAY)
    assert lookup.row([("a", 1)], 0) == ((2, 15.5, 15.5), (4 * DAY,))


def test_live_an_earlier_moment_is_answered_from_its_own_grid_point(root: Path) -> None:
    """A request about yesterday does not see what only today knows."""
    live = HistoryLookup(SqliteReader(root), [MARKET], replay=False)
    replay = HistoryLookup(SqliteReader(root), [MARKET], replay=True)
    for instant in range(HOUR, 9 * DAY, 7 * HOUR):
        assert live.row([("a", 1)], instant) == replay.row([("a", 1)], instant)
        assert live.row([("a", 1)], instant)[1][0] <= instant - HOUR
    late = live.row([("a", 1)], 30 * DAY)
    assert late == live.row([("a", 1)], 8 * DAY + HOUR), "the current one is as new as there is"


def test_live_a_moment_that_the_store_no_longer_has_is_answered_from_the_current_one(
    root: Path,
) -> None:
    assert SqliteWriter(root).prune(view_name(MARKET), keep=3) == tuple(GRIDS[:6])
    lookup = HistoryLookup(SqliteReader(root), [MARKET], replay=False)
    asked = [([("a", 1)], day * DAY + HOUR) for day in (5, 6, 7, 8)]
    assert [grids for _, grids in lookup.rows(asked)] == [
        (8 * DAY,), (6 * DAY,), (7 * DAY,), (8 * DAY,)
    ]  # fmt: skip


def test_each_history_and_row_has_its_own_grid_point(root: Path) -> None:
    refresh(SqliteWriter(root), WEATHER, SALES, [2 * DAY, 8 * DAY])
    lookup = HistoryLookup(SqliteReader(root), [WEATHER, MARKET], replay=False)
    rows = [([("b",), ("b", 1)], 7 * DAY + HOUR), ([("b",), ("b", 1)], 9 * DAY)]
    first, second = lookup.rows(rows)
    assert (first[1], second[1]) == ((8 * DAY, 7 * DAY), (8 * DAY, 8 * DAY))


def test_a_store_that_goes_away_meanwhile_leaves_what_it_said(root: Path) -> None:
    reader = SqliteReader(root)
    lookup = HistoryLookup(reader, [MARKET], replay=False)
    read, asked = reader.read, []

    def once(asks: list[Ask]) -> list[Found]:
        asked.append(asks)
        if len(asked) > 1:
            raise Unavailable("F120", "gone")
        return read(asks)

    reader.read = once  # type: ignore[method-assign, assignment]
    assert lookup.row([("a", 1)], 7 * DAY + HOUR)[1] == (8 * DAY,)
    assert len(asked) == 2


def test_several_histories_are_answered_in_order(root: Path) -> None:
    refresh(SqliteWriter(root), WEATHER, SALES, [4 * DAY])
    SqliteWriter(root).publish(view_name(MARKET), 4 * DAY)
    lookup = HistoryLookup(SqliteReader(root), [WEATHER, MARKET], replay=False)
    assert lookup.row([("b",), ("b", 1)], 0) == ((7, 1, 7.0, 7.0), (4 * DAY, 4 * DAY))


def test_a_grid_point_without_a_file_is_unavailable_in_replay(root: Path) -> None:
    lookup = HistoryLookup(SqliteReader(root), [MARKET], replay=True)
    assert lookup.row([("a", 1)], 9 * DAY)[1] == (8 * DAY,)  # landed, and empty
    with pytest.raises(Unavailable):
        lookup.row([("a", 1)], 9 * DAY + HOUR)


def test_a_table_of_another_definition_is_unavailable(root: Path) -> None:
    other = replace(MARKET, digest="c" * 64)
    lookup = HistoryLookup(SqliteReader(root), [other], replay=False)
    with pytest.raises(Unavailable):
        lookup.row([("a", 1)], 0)
    (root / view_name(MARKET)).rename(root / view_name(other))
    with pytest.raises(Unavailable) as caught:
        lookup.row([("a", 1)], 0)
    assert "a table made by definition cccccccccccccccc" in str(caught.value)


def test_a_definition_without_digest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        HistoryLookup(SqliteReader(tmp_path), [replace(MARKET, digest="")], replay=False)
    assert caught.value.code == "F124"
