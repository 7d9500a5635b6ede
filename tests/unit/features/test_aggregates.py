"""Histories as declared: names, defaults, entities; nothing is read and nothing raised."""

import dataclasses

import pytest

import interlock as il
from interlock.data.source import Source
from interlock.features.aggregates import DeclaredAggregate, History
from interlock.features.declare import feature

SALES = Source("nowhere/sales.parquet", key="sale_id", event_time="sold_on")


@feature
def cell(x: float) -> str:
    return f"{x:.0f}"


OF_A_COLUMN = [il.sum, il.mean, il.min, il.max, il.median, il.latest]


@pytest.mark.parametrize("declare", OF_A_COLUMN)
def test_an_aggregate_of_a_column(declare):
    name = {"total": "sum", "minimum": "min", "maximum": "max"}.get(
        declare.__name__, declare.__name__
    )
    made = declare("price", "90d", default=-1)
    assert (made.function, made.column, made.window, made.default, made.ttl) == (
        name,
        "price",
        "90d",
        -1,
        None,
    )
    plain = declare("price")
    assert (plain.window, plain.default) == (None, None)


def test_a_count_is_of_rows_and_zero_where_there_are_none():
    made = il.count("7d")
    assert (made.function, made.column, made.window, made.default) == ("count", None, "7d", 0)
    assert il.count().window is None


def test_the_latest_value_may_grow_too_old():
    assert il.latest("temp", ttl="3h").ttl == "3h"


def test_declared_parts_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        il.count().window = "1d"
    with pytest.raises(dataclasses.FrozenInstanceError):
        History(SALES, by="zone", refresh="1d").refresh = "2d"


def test_a_history_names_its_aggregates_by_keyword_in_order():
    market = History(SALES, by="zone", refresh="1d", b=il.count("1d"), a=il.mean("price", "7d"))
    assert list(market.aggregates) == ["b", "a"]
    assert all(isinstance(a, DeclaredAggregate) for a in market.aggregates.values())
    assert (market.refresh, market.landing, market.name) == ("1d", "0s", "")


def test_an_entity_is_a_field_a_feature_or_several():
    assert History(SALES, by="zone", refresh="1d").entity_names == ("zone",)
    assert History(SALES, by=cell, refresh="1d").entity_names == ("cell",)
    both = History(SALES, by=("zone", cell), refresh="1h", landing="5m", name="market")
    assert both.entity_names == ("zone", "cell")
    assert (both.by, both.landing, both.name) == (("zone", cell), "5m", "market")


def test_nonsense_is_kept_for_the_check_to_report():
    """Writing a declaration never raises: ``interlock check`` says what is wrong with it."""
    made = History(SALES, by="no such field", refresh="often", price=3, other=il.mean(7, "x"))
    assert made.aggregates["price"] == 3
    assert made.aggregates["other"].column == 7
