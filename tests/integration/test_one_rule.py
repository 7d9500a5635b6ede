"""A table's row is valid exactly when the live request with its values is, and means the same."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.data.request import Field, RequestSchema
from interlock.data.validation import validate_columns
from interlock.errors import InterlockError
from interlock.serve.loaded.decode import RequestDecoder

SCHEMA = RequestSchema(
    name="House",
    fields=(
        Field(name="on", kind="date", zone="Asia/Tokyo"),
        Field(name="seen", kind="datetime", optional=True),
        Field(name="built", kind="int", ge=1800, lt=2100),
        Field(name="rooms", kind="int", optional=True),
        Field(name="area", kind="float", gt=0, le=1e6),
        Field(name="wall", kind="category", categories=("brick", "wood")),
        Field(name="note", kind="str", optional=True),
        Field(name="sold", kind="bool"),
    ),
)
DECODER = RequestDecoder(SCHEMA)

edges = st.sampled_from([2**53, 2**53 + 1, -(2**53), -(2**53) - 1, 0, 2**62])
days = st.one_of(
    st.dates(date(1600, 1, 1), date(2300, 1, 1)).map(date.isoformat),
    st.sampled_from(["2020-02-30", "2020-1-1", "", "20200101", "2020-01-01T00:00:00Z"]),
    st.sampled_from(["0001-01-01", "0001-01-02", "9999-12-31"]),
)
moments = st.sampled_from(
    [
        "2020-01-01T12:00:00Z",
        "2020-01-01T12:00:00.123456+02:00",
        "2020-01-01T12:00:00.1234564999Z",
        "2020-01-01T12:00:00.123456789Z",
        "1960-06-01T23:59:59.9999995-05:00",
        "1960-06-01T00:00:00-05:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-23:59",
        "2020-01-01T12:00:00",
        "2020-01-01",
        "noon",
    ]
)
numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-5, 5).map(float), st.just(1e6)
)
# a table's column of whole numbers with gaps is often stored as floats: 3.0 is then sent as 3
ROW = {
    "on": days,
    "seen": st.one_of(st.none(), moments),
    "built": st.one_of(st.none(), st.integers(1790, 2110), edges),
    "rooms": st.one_of(st.none(), st.integers(0, 9).map(float), st.just(2.5), st.just(-0.0)),
    "area": st.one_of(st.none(), numbers),
    "wall": st.sampled_from(["brick", "wood", "Brick", "", None]),
    "note": st.sampled_from([None, "", "é", "x" * 4_096, "x" * 4_097, "\x00"]),
    "sold": st.one_of(st.none(), st.booleans()),
}
TYPES = pa.schema(
    [
        ("on", pa.string()),
        ("seen", pa.string()),
        ("built", pa.int64()),
        ("rooms", pa.float64()),
        ("area", pa.float64()),
        ("wall", pa.string()),
        ("note", pa.string()),
        ("sold", pa.bool_()),
    ]
)
GOOD = {
    "on": "2020-01-01",
    "seen": None,
    "built": 1950,
    "rooms": None,
    "area": 100.0,
    "wall": "brick",
    "note": None,
    "sold": True,
}


def live(row: dict[str, Any]) -> tuple[Any, ...] | None:
    rooms = row["rooms"]
    if rooms is not None and rooms.is_integer():
        row = row | {"rooms": int(rooms)}
    try:
        return DECODER.decode(json.dumps(row).encode()).rows[0]
    except InterlockError:
        return None


def plain(values: tuple[Any, ...]) -> list[Any]:
    """Values with their types, for 1 == 1.0 == True; moments by their instant."""
    return [v.timestamp() if isinstance(v, datetime) else (type(v), v) for v in values]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(sorted(ROW)), min_size=0, max_size=2), st.data())
def test_batch_and_live_hold_a_row_to_one_rule(names: list[str], data: st.DataObject) -> None:
    rows = [
        GOOD | {name: data.draw(ROW[name], label=name) for name in names}
        for _ in range(data.draw(st.integers(1, 4)))
    ]
    found = validate_columns(SCHEMA, pa.Table.from_pylist(rows, TYPES))
    for i, row in enumerate(rows):
        answered = live(row)
        assert (found.reasons[i] is None) == (answered is not None), (row, found.reasons[i])
        if answered is not None:
            batch = tuple(found.columns[f.name][i] for f in SCHEMA.fields)
            assert plain(batch) == plain(answered)
