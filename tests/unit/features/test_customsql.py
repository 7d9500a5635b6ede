"""Histories of SQL written by hand, under the same laws as the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from interlock.clock import DAY
from interlock.errors import AuthorError
from interlock.features.customsql import with_parameter
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.history import compute, refresh_table

SQL = """
    -- :as_of is a timestamp
    select area, count(*) as n, max(price)::double as top, ':as_of' as said from sales
    where day >= :as_of::timestamptz - interval 3 day group by area
"""


def value(name: str, kind: str, default: Any = None) -> Aggregate:
    return Aggregate(
        name=name, function="custom", column=None, window=None, ttl=None, default=default, kind=kind
    )


def custom(sql: str = SQL, *values: Aggregate) -> HistoryDefinition:
    return HistoryDefinition(
        name="top", source="sales", entity=(("area", "str"),), refresh=DAY, landing=0, digest="d",
        aggregates=values or (value("n", "int", 0), value("top", "float"), value("said", "str")),
        sql=sql,
    )  # fmt: skip


def sales() -> pa.Table:
    days = [0, 1, 2, 2, 5]
    return pa.table(
        {
            "area": ["a", "a", "b", None, "a"],
            "price": [10, 30, 20, 50, 90],
            "day": pa.array([d * DAY for d in days], pa.timestamp("us", tz="UTC")),
            "__event_time": [d * DAY for d in days],
            "__available_at": [0, 3 * DAY, 2 * DAY, 2 * DAY, 5 * DAY],
            "__superseded_at": [2**63 - 1, 2**63 - 1, 4 * DAY, 2**63 - 1, 2**63 - 1],
            "__key": [0, 1, 2, 3, 4],
        }
    )


def asked(*questions: tuple[str | None, int]) -> pa.Table:
    return pa.table(
        {
            "__ordinal": list(range(len(questions))),
            "area": pa.array([area for area, _ in questions], pa.string()),
            "__grid": pa.array([day * DAY for _, day in questions], pa.int64()),
        }
    )


def test_the_query_sees_what_was_known_of_events_before_the_grid_point() -> None:
    at = asked(("a", 1), ("a", 2), ("a", 3), ("a", 5), ("b", 3), ("b", 4), (None, 3), ("z", 3))
    found = compute(custom(), sales(), at)
    assert found.column_names == ["__ordinal", "n", "top", "said"]
    assert list(zip(found["n"].to_pylist(), found["top"].to_pylist(), strict=True)) == [
        (1, 10.0),  # the second sale is not known before day 3
        (1, 10.0),
        (2, 30.0),
        (0, None),  # three days back, and the sale of day 5 is not before day 5
        (1, 20.0),
        (0, None),  # superseded
        (0, None),
        (0, None),
    ]
    assert found["said"].to_pylist()[0] == ":as_of"


def test_the_refresh_table_is_what_training_computes() -> None:
    table = refresh_table(custom(), sales(), [3 * DAY, DAY])
    assert table.select(["area", "__grid", "n"]).to_pylist() == [
        {"area": "a", "__grid": DAY, "n": 1},
        {"area": "a", "__grid": 3 * DAY, "n": 2},
        {"area": "b", "__grid": 3 * DAY, "n": 1},
    ]


def test_no_question_needs_no_grid_point() -> None:
    assert compute(custom(), sales(), asked()).num_rows == 0


@pytest.mark.parametrize(
    ("sql", "got"),
    [
        ("select area, price as n from sales", "3 rows for 2 entities"),
        ("select area, count(*) as m from sales group by area", "area, m"),
        ("select area, random() as n from sales group by area", "other rows"),
        ("select area, nothing as n from sales", "Binder Error"),
        ("select area, area as n from sales group by area", "Conversion Error"),
        ("select 'a' as area, count(*) as n from 'data.csv'", "Permission Error"),
        ("select 'a' as area, count(*) as n from __given", "Catalog Error"),
    ],
)
def test_a_query_that_gives_what_cannot_be_used(sql: str, got: str) -> None:
    with pytest.raises(AuthorError) as caught:
        refresh_table(custom(sql, value("n", "float")), sales(), [3 * DAY])
    (mistake,) = caught.value.mistakes
    assert mistake.code == "F126"
    assert mistake.what == "the query of history 'top' gives what cannot be used"
    assert got in mistake.got


def test_the_query_is_part_of_the_definition_and_only_there_when_used() -> None:
    assert custom().to_row()["sql"] == SQL
    assert "sql" not in replace(custom(), sql=None).to_row()


@pytest.mark.parametrize(
    ("written", "run"),
    [
        ("x < :as_of", "x < $as_of"),
        ("':as_of' || \":as_of\" || :as_of", "':as_of' || \":as_of\" || $as_of"),
        ("x::as_of, :as_of::date", "x::as_of, $as_of::date"),
        ("/* :as_of */ :as_of_now", "/* :as_of */ :as_of_now"),
    ],
)
def test_as_of_is_bound_outside_texts_and_comments(written: str, run: str) -> None:
    assert with_parameter(written) == run
