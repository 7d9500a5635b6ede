"""Request columns: Arrow's many types, the reasons, and whole columns that cannot be used."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from interlock.data.request import Field, RequestSchema
from interlock.data.rule import MAX_TEXT
from interlock.data.validation import validate_columns
from interlock.errors import AuthorError


def judged(
    values: pa.Array, kind: str, *, parse: bool = False, **more: Any
) -> list[tuple[Any, str | None]]:
    schema = RequestSchema(name="R", fields=(Field(name="x", kind=kind, **more),))
    found = validate_columns(schema, pa.table({"x": values}), parse=parse)
    return [
        (value, reason and reason.removeprefix("x: "))
        for value, reason in zip(found.columns["x"], found.reasons, strict=True)
    ]


NO_INT, NO_FLOAT, BIG = "must be a whole number", "must be a finite number", "must lie within ±2^53"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([3, -4], pa.int8()), [(3, None), (-4, None)]),
        (pa.array([2**53, 2**53 + 1, -(2**53) - 1]), [(2**53, None), (None, BIG), (None, BIG)]),
        (pa.array([2**64 - 1, 7], pa.uint64()), [(None, BIG), (7, None)]),
        (
            pa.array([3.0, 3.5, float("nan"), float("inf"), 1e300, -1e300, None]),
            [
                (3, None),
                *[(None, NO_INT)] * 3,
                (None, BIG),
                (None, BIG),
                (None, "is missing"),
            ],
        ),
        (pa.array([Decimal("3.00"), Decimal("3.01")]), [(3, None), (None, NO_INT)]),
        (pa.array([5, 6, 5]).dictionary_encode(), [(5, None), (6, None), (5, None)]),
        (pa.nulls(1), [(None, "is missing")]),
    ],
)
def test_whole_numbers(values: pa.Array, expected: list[Any]) -> None:
    found = judged(values, "int")
    assert found == expected
    assert all(type(value) in (int, type(None)) for value, _ in found)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([1, 2**60]), [(1.0, None), (float(2**60), None)]),
        (pa.array(np.array([0.5, np.nan], np.float16)), [(0.5, None), (None, NO_FLOAT)]),
        (pa.array([float("-inf"), None]), [(None, NO_FLOAT), (None, "is missing")]),
        (pa.array([Decimal("0.1")]), [(0.1, None)]),
    ],
)
def test_numbers(values: pa.Array, expected: list[Any]) -> None:
    found = judged(values, "float")
    assert found == expected
    assert all(type(value) in (float, type(None)) for value, _ in found)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_texts_in_all_their_forms(kind: pa.DataType) -> None:
    values = pa.array(["é", "", None, "x" * MAX_TEXT, "x" * (MAX_TEXT + 1)], kind)
    assert judged(values, "str", optional=True) == [
        ("é", None),
        ("", None),
        (None, None),
        ("x" * MAX_TEXT, None),
        (None, f"must be at most {MAX_TEXT} characters"),
    ]
    listed = judged(values.slice(0, 3), "category", categories=("é",))
    assert listed == [
        ("é", None),
        (None, "must be one of the declared categories"),
        (None, "is missing"),
    ]


def test_dates_and_moments() -> None:
    days = [(date(2020, 1, 1), None), (None, "is missing")]
    assert judged(pa.array([date(2020, 1, 1), None], pa.date64()), "date") == days
    assert judged(pa.array(["2020-01-01", "2020-02-30", "2020-1-1", ""]), "date") == [
        (date(2020, 1, 1), None),
        *[(None, "must be a date")] * 3,
    ]
    noon = datetime(2020, 1, 1, 12, tzinfo=UTC)
    stamps = pa.array([noon, None], pa.timestamp("ns", tz="America/New_York"))
    found = judged(stamps, "datetime", optional=True)
    assert found == [(noon, None), (None, None)]
    assert found[0][0].utcoffset().total_seconds() == 0
    texts = pa.array(["2020-01-01T13:00:00+01:00", "2020-01-01T12:00:00", "2020-01-01"])
    assert judged(texts, "datetime") == [
        (noon, None),
        *[(None, "must be a time with a zone")] * 2,
    ]


def test_bounds_are_held() -> None:
    values = pa.array([1, 2, 3])
    assert [r for _, r in judged(values, "int", ge=2)] == ["must be ≥ 2", None, None]
    assert [r for _, r in judged(values, "int", gt=2)] == ["must be > 2", "must be > 2", None]
    assert [r for _, r in judged(values, "float", le=1.5)] == [None, *["must be ≤ 1.5"] * 2]
    assert [r for _, r in judged(values, "float", lt=2)] == [None, *["must be < 2"] * 2]


def test_text_columns_of_a_csv_file_are_parsed_only_when_asked() -> None:
    texts = pa.array(["3", "4.0", "4.5", "x", "", "1e2", None])
    assert judged(texts, "int", parse=True) == [
        (3, None),
        (4, None),
        *[(None, NO_INT)] * 4,
        (None, "is missing"),
    ]
    assert [v for v, _ in judged(texts, "float", parse=True)] == [3, 4, 4.5, None, None, 100, None]
    yes = judged(pa.array(["true", "False", "perhaps"]), "bool", parse=True)
    assert yes == [(True, None), (False, None), (None, "must be true or false")]
    with pytest.raises(AuthorError):
        judged(texts, "int")


def test_no_text_becomes_another_number_than_it_says() -> None:
    whole = pa.array([f"{2**53}", f"-{2**53}", f"{2**53 + 1}", "-9007199254740993.0", "9" * 400])
    exact = (2**53, -(2**53), None, None, None)
    assert [value for value, _ in judged(whole, "int", parse=True)] == [*exact]
    said = judged(whole, "int", parse=True)[2][1]
    assert said == judged(pa.array([2**53 + 1]), "int")[0][1]
    odd = pa.array(["1_0", "1_000.5", "0x10", "1e5", " +2.50 ", ".5", "5.", "-1E-2"])
    found = [value for value, _ in judged(odd, "float", parse=True)]
    assert found == [None, None, None, 1e5, 2.5, 0.5, 5.0, -0.01]
    late = pa.array(["2020-01-01T00:00:00+25:00", "2020-01-01T00:00:00+23:59"])
    assert [value is None for value, _ in judged(late, "datetime")] == [True, False]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([True]), "int"),
        (pa.array([True]), "float"),
        (pa.array([1]), "bool"),
        (pa.array([1]), "str"),
        (pa.array([1]), "date"),
        (pa.array([date(2020, 1, 1)]), "datetime"),
        (pa.array([datetime(2020, 1, 1, tzinfo=UTC)]), "date"),
        (pa.array([[1]]), "int"),
    ],
)
def test_a_column_of_another_type_is_refused_whole(values: pa.Array, kind: str) -> None:
    with pytest.raises(AuthorError) as caught:
        judged(values, kind)
    assert caught.value.code == "D104"


def test_columns_that_cannot_be_used_are_reported_together() -> None:
    schema = RequestSchema(
        name="R",
        fields=(
            Field(name="rooms", kind="int"),
            Field(name="at", kind="datetime"),
            Field(name="note", kind="str", optional=True),
            Field(name="wall", kind="str"),
        ),
    )
    naive = pa.array([datetime(2020, 1, 1)], pa.timestamp("us"))
    table = pa.table({"room": [1], "at": naive, "w": [1]})
    with pytest.raises(AuthorError) as caught:
        validate_columns(schema, table, names={"wall": "w"}, where="rows.parquet")
    assert [(m.code, m.where, m.fix.split(";")[0]) for m in caught.value.mistakes] == [
        ("D103", "rows.parquet", "did you mean 'room'?"),
        ("D105", "rows.parquet", "store them with a zone"),
        ("D104", "rows.parquet", "convert the column, or declare 'w' as what it is"),
    ]


def test_the_first_field_that_is_wrong_gives_the_reason() -> None:
    schema = RequestSchema(
        name="R",
        fields=(
            Field(name="a", kind="int", gt=0),
            Field(name="b", kind="int"),
            Field(name="c", kind="str", optional=True),
        ),
    )
    found = validate_columns(schema, pa.table({"b": [None, 1, None], "a": [0, 1, 2]}))
    assert found.reasons == ["a: must be > 0", None, "b: is missing"]
    assert found.columns["c"] == [None, None, None]


def test_a_table_without_rows_has_none() -> None:
    schema = RequestSchema(name="R", fields=(Field(name="a", kind="date"),))
    empty = validate_columns(schema, pa.table({"a": pa.array([], pa.date32())}))
    assert empty == ({"a": []}, [])


def test_times_that_no_calendar_holds_have_their_reason():
    fields = (Field(name="on", kind="date"), Field(name="at", kind="datetime"))
    table = pa.table(
        {
            "on": pa.array([0, -(2**31), 2**31 - 1, 0, 0], pa.date32()),
            "at": pa.array([0, 0, 0, -(2**60), 2**60], pa.timestamp("us", tz="UTC")),
        }
    )
    found = validate_columns(RequestSchema(name="Moments", fields=fields), table)
    outside = "must lie in the years 1 to 9999 of UTC"
    assert list(found.reasons) == [None, *[f"on: {outside}"] * 2, *[f"at: {outside}"] * 2]


@pytest.mark.parametrize(
    ("zone", "taken"),
    [(None, True), ("UTC", True), ("America/New_York", True), ("Asia/Tokyo", False)],
)
def test_a_day_whose_first_moment_is_before_the_year_1_of_utc_has_that_reason(zone, taken):
    schema = RequestSchema(name="Day", fields=(Field(name="on", kind="date", zone=zone),))
    days = [date(1, 1, 1), date(1, 1, 2), date(9999, 12, 31)]
    outside = "on: must lie in the years 1 to 9999 of UTC"
    for column in (pa.array(days), pa.array([day.isoformat() for day in days])):
        found = validate_columns(schema, pa.table({"on": column}))
        assert found.reasons == [None if taken else outside, None, None]
        assert found.columns["on"] == [days[0] if taken else None, *days[1:]]
