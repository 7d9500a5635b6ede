"""From request columns to features: one row in, one row out, histories as of each row's grid."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.clock import DAY, HOUR
from interlock.features.assemble import arrow_type, as_of, assemble, history_rows
from interlock.features.definition import (
    Aggregate,
    FeatureDefinition,
    FeatureSet,
    HistoryDefinition,
)
from interlock.features.request import PackedFeatures, RowFailure

SOURCE = """
def cell(x):
    return f"{x // 10:.0f}"

def age(as_of, built):
    return as_of.year - built

def broken(x):
    return 1 // (x - 13)
"""


def request(name, *arguments, kind="int"):
    return FeatureDefinition(
        name=name,
        arguments=arguments,
        nullable_arguments=(),
        kind=kind,
        optional=False,
        module="m",
        function=name,
    )


def aggregate(name, function, column=None, window=10 * DAY):
    return Aggregate(
        name=name,
        function=function,
        column=column,
        window=window,
        ttl=None,
        default=0 if function == "count" else None,
        kind="int" if function == "count" else "float",
    )


def history(*aggregates, name="market", entity=(("cell", "str"),), refresh=DAY, landing=0):
    return HistoryDefinition(
        name=name,
        source="sales",
        entity=entity,
        refresh=refresh,
        landing=landing,
        aggregates=aggregates,
        digest="",
    )


CELL = request("cell", "x", kind="str")
AGE = request("age", "as_of", "built")
BROKEN = request("broken", "x")
MARKET = history(aggregate("sales", "count"), aggregate("price", "mean", "price"))


def features(*made, histories=()):
    return FeatureSet(request=made, histories=histories, inputs=())


def packed(found, fields=("x", "built")):
    return PackedFeatures.load({"m": SOURCE}, found, fields=fields, name="assemble")


def none(definition, entities, grids):
    raise AssertionError("no history is declared")


def test_request_features_alone():
    found = features(CELL, AGE)
    instants = np.array([0, 400 * DAY])
    made = assemble(found, packed(found), {"x": [5.0, 15.0], "built": [60, 60]}, instants, none)
    assert dict(made.features) == {"cell": ["0", "1"], "age": [1910, 1911]}
    assert (dict(made.grids), made.failures) == ({}, ())


def test_a_failing_row_keeps_its_place_and_is_named():
    found = features(CELL, BROKEN)
    made = assemble(found, packed(found), {"x": [14, 13, 15]}, np.zeros(3, np.int64), none)
    assert made.features["broken"] == [1, None, 0]
    assert made.features["cell"] == ["1", "1", "1"]
    message = "ZeroDivisionError: integer division or modulo by zero"
    assert made.failures == (RowFailure(1, "broken", message),)


def test_each_history_is_asked_once_with_entities_and_grid_points():
    asked = []

    def provide(definition, entities, grids):
        asked.append((definition.name, dict(entities), grids.tolist()))
        return {a.name: [len(asked)] * len(grids) for a in definition.aggregates}

    slow = history(
        aggregate("slow", "count"),
        name="weekly",
        entity=(("x", "int"), ("cell", "str")),
        refresh=7 * DAY,
        landing=HOUR,
    )
    found = features(CELL, histories=(MARKET, slow))
    instants = np.array([10 * DAY, 14 * DAY, 14 * DAY + HOUR, -1])
    columns = {"x": [5, 15, None, 25]}
    made = assemble(found, packed(found), columns, instants, provide)
    assert asked == [
        ("market", {"cell": ["0", "1", None, "2"]}, [10 * DAY, 14 * DAY, 14 * DAY, -DAY]),
        (
            "weekly",
            {"x": [5, 15, None, 25], "cell": ["0", "1", None, "2"]},
            [7 * DAY, 7 * DAY, 14 * DAY, -7 * DAY],
        ),
    ]
    assert {n: list(v) for n, v in made.features.items()} == {
        "cell": ["0", "1", None, "2"],
        "sales": [1] * 4,
        "price": [1] * 4,
        "slow": [2] * 4,
    }
    assert {n: g.tolist() for n, g in made.grids.items()} == {
        "market": [10 * DAY, 14 * DAY, 14 * DAY, -DAY],
        "weekly": [7 * DAY, 7 * DAY, 14 * DAY, -7 * DAY],
    }


# -- rows of a source, and values as of a grid point --------------------------------------------


def revisions(rows):
    """Rows of (x, price, event day, available day)."""
    x, price, event, available = zip(*rows, strict=True) if rows else ((), (), (), ())
    return pa.table(
        {
            "x": pa.array(x, pa.float64()),
            "price": pa.array(price, pa.int64()),
            "__event_time": pa.array([d * DAY for d in event], pa.int64()),
            "__available_at": pa.array([d * DAY for d in available], pa.int64()),
            "__superseded_at": pa.array([2**63 - 1] * len(rows), pa.int64()),
        }
    )


def test_history_rows_compute_the_entity_on_the_sources_own_columns():
    found = features(AGE, CELL, histories=(MARKET,))
    table = revisions([(5.0, 100, 1, 2), (15.0, 200, 3, 3)])
    rows = history_rows(MARKET, packed(found), table)
    assert rows.column_names == [
        "cell",
        "price",
        "__event_time",
        "__available_at",
        "__superseded_at",
        "__key",
    ]
    assert rows["cell"].to_pylist() == ["0", "1"]
    assert rows["__key"].to_pylist() == [0, 1]
    assert rows["price"].to_pylist() == [100, 200]


def test_a_row_on_which_the_entity_fails_belongs_to_no_entity():
    keyed = history(aggregate("sales", "count"), entity=(("age", "int"),))
    found = features(request("age", "x", "built"), histories=(keyed,))
    source = "def age(x, built):\n    return 10 // built\n"
    loaded = PackedFeatures.load({"m": source}, found, fields=("x", "built"), name="fails")
    table = revisions([(1.0, 1, 1, 1)] * 3).append_column("built", pa.array([5, 0, None]))
    rows = history_rows(keyed, loaded, table)
    assert rows["age"].to_pylist() == [2, None, None]


def test_an_entity_that_is_a_plain_column_keeps_its_type():
    keyed = history(aggregate("sales", "count"), entity=(("zone", "int"), ("side", "str")))
    table = revisions([(1.0, 1, 1, 1)])
    table = table.append_column("zone", pa.array([7], pa.int32()))
    table = table.append_column("side", pa.array(["left"]).dictionary_encode())
    rows = history_rows(keyed, packed(features()), table)
    assert rows.schema.field("zone").type == pa.int64()
    assert rows["side"].to_pylist() == ["left"]


def brute(rows, cell, grid):
    """(count, mean) of rows known by the grid point and no older than ten days before it."""
    inside = [
        price
        for x, price, event, available in rows
        if f"{x // 10:.0f}" == cell and grid - 10 <= event < grid and available <= grid
    ]
    return len(inside), (sum(inside) / len(inside) if inside else None)


days = st.integers(0, 30)
sold = st.tuples(st.sampled_from([5.0, 15.0]), st.integers(1, 9), days, st.integers(0, 3)).map(
    lambda row: (row[0], row[1], row[2], row[2] + row[3])
)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(sold, max_size=20),
    st.lists(st.tuples(st.sampled_from([5.0, 15.0, 25.0, None]), days), min_size=1, max_size=12),
)
def test_values_are_as_of_each_rows_own_grid_point(rows, asked):
    found = features(CELL, histories=(MARKET,))
    loaded = packed(found, fields=("x",))
    provide = as_of({"market": history_rows(MARKET, loaded, revisions(rows))})
    columns = {"x": [x for x, _ in asked]}
    instants = np.array([day * DAY + HOUR for _, day in asked])
    made = assemble(found, loaded, columns, instants, provide)
    wanted = [brute(rows, None if x is None else f"{x // 10:.0f}", day) for x, day in asked]
    got = list(zip(made.features["sales"], made.features["price"], strict=True))
    assert got == wanted


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", 2**53),
        ("float", 0.1),
        ("bool", True),
        ("str", "ü"),
        ("category", "x"),
        ("date", date(1997, 1, 2)),
        ("datetime", datetime(1997, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)),
    ],
)
def test_a_value_of_each_kind_is_kept_exactly(kind, value):
    assert pa.array([value, None], type=arrow_type(kind)).to_pylist() == [value, None]
