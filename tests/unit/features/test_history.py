"""Histories against the oracle, plain Python and obviously right: equal to the last bit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.clock import DAY, HOUR
from interlock.errors import AuthorError
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.history import compute, grid_point, grid_points, refresh_table
from interlock.features.oracle import recompute

Row = dict[str, Any]


def aggregate(
    function: str, column: str | None, window: int | None, kind: str, **more: Any
) -> Aggregate:
    name = f"{function}_{column}_{window}" + ("_where" if "where" in more else "")
    fields = {"name": name, "ttl": None, "default": None} | more
    return Aggregate(function=function, column=column, window=window, kind=kind, **fields)


WHERE = '"whole" > 0 AND NOT ("text" = \'x\' OR "real" IS NULL)'
SOME = '"yes" = TRUE'

EVERY = (
    *(
        aggregate(function, column, window, kind, **more)
        for window in (3, None)
        for function, column, kind, more in (
            ("count", None, "int", {}),
            ("count", None, "int", {"where": WHERE}),
            ("share", None, "float", {"where": WHERE}),
            ("sum", "whole", "int", {}),
            ("sum", "real", "float", {"where": SOME}),
            ("mean", "whole", "float", {"where": WHERE}),
            ("mean", "real", "float", {}),
            ("std", "whole", "float", {}),
            ("std", "real", "float", {"where": SOME}),
            ("min", "whole", "int", {}),
            ("max", "real", "float", {"where": SOME}),
            ("median", "whole", "float", {}),
            ("median", "real", "float", {"where": WHERE}),
            ("quantile", "real", "float", {"quantile": 0.9}),
            ("quantile", "whole", "float", {"quantile": 0.25, "where": SOME}),
            ("distinct", "text", "int", {}),
            ("distinct", "real", "int", {"where": SOME}),
            ("latest", "real", "float", {}),
            ("latest", "text", "str", {"where": SOME}),
            ("first", "whole", "int", {}),
            ("first", "yes", "bool", {"where": WHERE}),
        )
    ),
    aggregate("min", "text", 7, "str"),
    aggregate("max", "yes", 7, "bool"),
    aggregate("latest", "whole", None, "int", ttl=2, default=-5, name="fresh"),
    aggregate("mean", "real", 7, "float", ttl=2, default=-0.5, name="fresh_mean"),
    aggregate("sum", "real", 3, "float", default=0.1, name="defaulted"),
    aggregate("sum", "whole", 3, "float", name="widened"),
    aggregate("count", None, 3, "int", default=9, name="counted"),
    aggregate("count", "text", 7, "int", name="known"),
    aggregate("distinct", "whole", 7, "int", default=None, name="different"),
)

DEFINITION = HistoryDefinition(
    name="market",
    source="sales",
    entity=(("area", "str"), ("size", "int")),
    refresh=DAY,
    landing=0,
    aggregates=EVERY,
    digest="d",
)

ROWS = pa.schema(
    [
        ("area", pa.string()),
        ("size", pa.int64()),
        ("whole", pa.int64()),
        ("real", pa.float64()),
        ("text", pa.string()),
        ("yes", pa.bool_()),
        ("__event_time", pa.int64()),
        ("__available_at", pa.int64()),
        ("__key", pa.int64()),
    ]
)
AT = pa.schema(
    [
        ("__ordinal", pa.int64()),
        ("area", pa.string()),
        ("size", pa.int64()),
        ("__grid", pa.int64()),
    ]
)


# --- random histories: late rows, ties, corrections, nulls, unseen entities, empty windows ---

moments = st.integers(-12, 12)
reals = st.one_of(
    st.none(),
    st.sampled_from([-0.0, 0.1, 0.2, 5e-10, 1e8 + 0.1, math.nan]),
    st.floats(-1e6, 1e6),
    st.integers(-(10**9), 10**9).map(lambda i: i / 64),
)
events = st.fixed_dictionaries(
    {
        "area": st.sampled_from(["a", "a", "a", "b", "", "1", None]),
        "size": st.sampled_from([1, 1, 1, 11, None]),
        "whole": st.one_of(st.none(), st.integers(-(2**53), 2**53)),
        "real": reals,
        "text": st.sampled_from(["x", "é", "", None]),
        "yes": st.sampled_from([True, False, None]),
        "__event_time": moments,
        "late": st.integers(-2, 6),
        "__key": st.integers(0, 12),
    }
)
questions = st.lists(
    st.fixed_dictionaries(
        {
            "area": st.sampled_from(["a", "a", "a", "b", "", "1", "unseen", None]),
            "size": st.sampled_from([1, 1, 1, 11, None]),
            "__grid": st.integers(-14, 20),
        }
    ),
    max_size=12,
)


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    rows = draw(
        st.lists(
            events,
            max_size=25,
            unique_by=lambda r: (r["__key"], r["__event_time"] + r["late"]),
        )
    )
    return [{**r, "__available_at": r["__event_time"] + r["late"]} for r in rows]


def tables(rows: Sequence[Row], asked: Sequence[Row]) -> tuple[pa.Table, pa.Table]:
    at = [{"__ordinal": i, **question} for i, question in enumerate(asked)]
    return pa.Table.from_pylist(list(rows), ROWS), pa.Table.from_pylist(at, AT)


def expected_of(
    definition: HistoryDefinition, rows: Sequence[Row], question: Row
) -> list[tuple[str, Any]]:
    key = tuple(question[name] for name, _ in definition.entity)
    return typed(recompute(definition, list(rows), key, question["__grid"]))


def typed(values: Iterable[Any]) -> list[tuple[str, Any]]:
    """True is not 1 and 1 is not 1.0."""
    return [(type(value).__name__, value) for value in values]


some = st.lists(st.sampled_from(EVERY), min_size=1, max_size=12, unique=True)


@settings(max_examples=100, deadline=None)
@given(histories(), questions, some)
def test_every_aggregate_is_the_oracles(
    rows: list[Row], asked: list[Row], aggregates: list[Aggregate]
) -> None:
    definition = replace(DEFINITION, aggregates=tuple(aggregates))
    past, at = tables(rows, asked)
    found = compute(definition, past, at, threads=1)
    assert found.column_names == ["__ordinal", *(a.name for a in aggregates)]
    assert found["__ordinal"].to_pylist() == list(range(len(asked)))
    for question, values in zip(asked, found.to_pylist(), strict=True):
        assert typed(values[a.name] for a in aggregates) == expected_of(definition, rows, question)


@settings(max_examples=40, deadline=None)
@given(histories(), st.lists(st.integers(-14, 20), max_size=5), some)
def test_the_refresh_table_is_what_training_computes(
    rows: list[Row], grids: list[int], aggregates: list[Aggregate]
) -> None:
    definition = replace(DEFINITION, aggregates=tuple(aggregates))
    past, _ = tables(rows, [])
    table = refresh_table(definition, past, grids, threads=1)
    stored = {(r["area"], r["size"], r["__grid"]): r for r in table.to_pylist()}
    assert len(stored) == table.num_rows
    for grid in grids:
        for area in ("a", "b", "", "1", "unseen"):
            question = {"area": area, "size": 1, "__grid": grid}
            # what is not in the table has the declared defaults
            found = stored.get((area, 1, grid), {a.name: a.missing for a in aggregates})
            expected = expected_of(definition, rows, question)
            assert typed(found[a.name] for a in aggregates) == expected


def test_all_aggregates_at_once_over_many_rows_are_the_oracles() -> None:
    past, at = random_history(3_000)
    at = at.slice(0, 60)
    definition = in_days(DEFINITION)
    found = compute(definition, past, at)
    rows = past.to_pylist()
    for question, values in zip(at.to_pylist(), found.to_pylist(), strict=True):
        assert typed(values[a.name] for a in EVERY) == expected_of(definition, rows, question)


def random_history(n_rows: int) -> tuple[pa.Table, pa.Table]:
    rng = np.random.default_rng(7)
    event = rng.integers(0, 90 * DAY, n_rows)
    past = pa.table(
        {
            "area": rng.choice(["a", "b", "c"], n_rows),
            "size": rng.integers(0, 2, n_rows),
            "whole": rng.integers(0, 10**6, n_rows),
            "real": pa.array(rng.normal(size=n_rows) * 1e5, mask=rng.random(n_rows) < 0.1),
            "text": rng.choice(["x", "y"], n_rows),
            "yes": rng.random(n_rows) < 0.5,
            "__event_time": event,
            "__available_at": event + rng.integers(0, 5 * DAY, n_rows),
            "__key": np.arange(n_rows),
        }
    )
    at = pa.table(
        {
            "__ordinal": np.arange(500),
            "area": rng.choice(["a", "b", "z"], 500),
            "size": rng.integers(0, 2, 500),
            "__grid": rng.integers(0, 90, 500) * DAY,
        }
    )
    return past, at


def in_days(definition: HistoryDefinition) -> HistoryDefinition:
    scaled = tuple(
        replace(
            a,
            window=None if a.window is None else a.window * DAY,
            ttl=None if a.ttl is None else a.ttl * DAY,
        )
        for a in definition.aggregates
    )
    return replace(definition, aggregates=scaled)


def test_the_answer_does_not_depend_on_threads_or_row_order() -> None:
    past, at = random_history(30_000)
    definition = in_days(DEFINITION)
    one = compute(definition, past, at, threads=1)
    shuffled = past.take(np.random.default_rng(1).permutation(past.num_rows))
    assert compute(definition, past, at, threads=4).equals(one)
    assert compute(definition, shuffled, at, threads=4).equals(one)


def test_the_row_being_scored_does_not_count_itself() -> None:
    past = pa.table(
        {"area": ["a"], "size": [1], "__event_time": [DAY], "__available_at": [DAY], "__key": [1]}
    )
    definition = replace(DEFINITION, aggregates=(aggregate("count", None, DAY, "int"),))
    at = pa.table(
        {"__ordinal": [0, 1], "area": ["a", "a"], "size": [1, 1], "__grid": [DAY, 2 * DAY]}
    )
    assert compute(definition, past, at)[f"count_None_{DAY}"].to_pylist() == [0, 1]


def test_a_declared_end_of_revision_is_kept_even_when_its_successor_is_not_there() -> None:
    past = pa.table(
        {
            "area": ["a"],
            "size": [1],
            "__event_time": [0],
            "__available_at": [0],
            "__superseded_at": [5],
            "__key": [1],
        }
    )
    definition = replace(DEFINITION, aggregates=(aggregate("count", None, None, "int"),))
    at = pa.table({"__ordinal": [0, 1], "area": ["a", "a"], "size": [1, 1], "__grid": [4, 5]})
    assert compute(definition, past, at)["count_None_None"].to_pylist() == [1, 0]


def test_composite_keys_are_never_joined_as_text() -> None:
    past = pa.table(
        {
            "area": ["1", "11"],
            "size": [11, 1],
            "__event_time": [0, 0],
            "__available_at": [0, 0],
            "whole": [7, 8],
        }
    )
    definition = replace(DEFINITION, aggregates=(aggregate("sum", "whole", None, "int"),))
    at = pa.table({"__ordinal": [0, 1], "area": ["1", "11"], "size": [11, 1], "__grid": [9, 9]})
    assert compute(definition, past, at)["sum_whole_None"].to_pylist() == [7, 8]


def test_grid_points_are_multiples_of_the_refresh_after_landing() -> None:
    definition = replace(DEFINITION, refresh=DAY, landing=HOUR)
    instants = np.array([0, HOUR - 1, HOUR, DAY, DAY + HOUR, -1])
    assert grid_points(instants, definition).tolist() == [-DAY, -DAY, 0, 0, DAY, -DAY]
    assert [grid_point(i, definition) for i in instants.tolist()] == [-DAY, -DAY, 0, 0, DAY, -DAY]


def one_column(values: pa.Array, wanted: Aggregate) -> HistoryDefinition:
    return replace(DEFINITION, aggregates=(wanted,))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([2**62, 2**62]), aggregate("sum", "x", None, "int")),
        (pa.array([1e300, 1.0]), aggregate("sum", "x", None, "float")),
    ],
)
def test_a_sum_that_is_too_great_is_an_error(values: pa.Array, wanted: Aggregate) -> None:
    past = pa.table(
        {
            "area": ["a", "a"],
            "size": [1, 1],
            "x": values,
            "__event_time": [0, 0],
            "__available_at": [0, 0],
        }
    )
    at = pa.table({"__ordinal": [0], "area": ["a"], "size": [1], "__grid": [9]})
    with pytest.raises(AuthorError) as caught:
        compute(one_column(values, wanted), past, at)
    assert caught.value.code == "F122"


def test_columns_that_cannot_be_used_are_reported_together() -> None:
    past = pa.table(
        {"area": [1], "text": ["x"], "whole": [1.5], "__event_time": [0], "__available_at": [0]}
    )
    wanted = (
        aggregate("sum", "text", None, "float"),
        aggregate("sum", "whole", None, "int"),
        aggregate("mean", "missing", None, "float"),
    )
    at = pa.table({"__ordinal": [0], "area": ["a"], "size": [1], "__grid": [9]})
    with pytest.raises(AuthorError) as caught:
        compute(replace(DEFINITION, aggregates=wanted), past, at)
    assert [(m.code, m.what) for m in caught.value.mistakes] == [
        ("F123", f"history 'market' cannot use column '{name}' of the source")
        for name in ("area", "size", "text", "whole", "missing")
    ]
