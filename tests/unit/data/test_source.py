"""Declared sources: defaults, and every mistake without reading a row."""

from __future__ import annotations

from typing import Any

import pytest

from interlock.clock import DAY
from interlock.data.columns import Category, Int, Str
from interlock.data.source import Source


def codes(source: Source) -> list[tuple[str, str]]:
    return [(m.code, m.got) for m in source.mistakes()]


def test_the_short_declaration_is_enough() -> None:
    source = Source("data/house sales.parquet", key="sale_id", event_time="sold_on")
    assert (source.name, source.keys, source.delay, source.has_delay) == (
        "house_sales",
        ("sale_id",),
        0,
        False,
    )
    assert source.mistakes() == ()


def test_where_is_the_line_of_the_declaration() -> None:
    source = Source("a.csv", key="k")
    line = test_where_is_the_line_of_the_declaration.__code__.co_firstlineno + 1
    assert source.where == f"{__file__}:{line}"


def test_examples_map_request_fields_to_columns() -> None:
    source = Source("a.csv", key="k")
    examples = source.map(valued_on="sold_on")
    assert examples.source is source
    assert (examples.column("valued_on"), examples.column("rooms")) == ("sold_on", "rooms")


def test_every_mistake_is_reported_at_once() -> None:
    source = Source(
        "a.csv",
        sql="SELECT 1",
        key=(),
        available_after="soon",
        available_at="known",
        columns={"price": Int(ge=5, lt=5), "wall": Category([])},
        zone="Mars/Base",
        name="../x",
    )
    assert codes(source) == [
        ("D106", "both"),
        ("D106", "()"),
        ("D106", "'../x'"),
        ("D106", "both"),
        ("D106", "no event_time"),
        ("C102", "'soon'"),
        ("C103", "'Mars/Base'"),
        ("C112", "no whole number is ≥ 5 and < 5"),
        ("C115", "()"),
    ]
    assert {m.where for m in source.mistakes()} == {source.where}


def test_neither_path_nor_query_is_a_mistake() -> None:
    assert codes(Source(key="k")) == [("D106", "neither")]


@pytest.mark.parametrize("values", ["abc", [1, 2], []])
def test_categories_are_a_list_of_texts(values: Any) -> None:
    source = Source("a.csv", key="k", columns={"wall": Category(values)})
    assert [m.code for m in source.mistakes()] == ["C115"]


def test_the_row_of_a_source_tells_everything_it_declares() -> None:
    source = Source(
        "a.csv",
        key=("a", "b"),
        event_time="t",
        available_after="1d",
        columns={"price": Int(ge=5_000, unit="USD"), "name": Str(nullable=True)},
        zone="UTC",
    )
    assert source.delay == DAY
    assert source.to_row() == {
        "name": "a",
        "path": "a.csv",
        "sql": None,
        "key": ["a", "b"],
        "event_time": "t",
        "available_after": "1d",
        "available_at": None,
        "columns": {
            "name": {"kind": "str", "unit": "", "nullable": True, "bounds": [], "categories": []},
            "price": {
                "kind": "int",
                "unit": "USD",
                "nullable": False,
                "bounds": [["≥", 5_000]],
                "categories": [],
            },
        },
        "zone": "UTC",
    }
