"""A challenger in shadow sees the history values that were logged, where they mean the same."""

from dataclasses import replace
from datetime import date

import pytest
from msgspec import structs

from interlock.clock import DAY
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.history import Found, UnavailableHistory
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.shadow.scoring import LoggedHistory


def history(name, *aggregates):
    return HistoryDefinition(
        name=name,
        source="sales",
        entity=(("area", "str"),),
        refresh=DAY,
        landing=0,
        aggregates=tuple(
            Aggregate(
                name=a, function="count", column=None, window=DAY, ttl=None, default=0, kind="int"
            )
            for a in aggregates
        ),
        digest="5" * 64,
    )


MARKET, RENTS = history("market", "sales", "median"), history("rents", "rent")
RECORD = Record(
    id="1", time=7, product="p", status=200,
    features={"sales": 3, "median": 2.5, "age": 9}, grid={"market": 5},
)  # fmt: skip
ASKED = [(("area",), 7)]


class Store:
    """Looks up other values than those that were logged."""

    def __init__(self):
        self.asked = 0

    def rows(self, asked):
        self.asked += 1
        return [Found((30, 25.0, 800.0), {"market": 6, "rents": 6}, False)]


def test_what_was_logged_needs_no_store():
    logged = LoggedHistory(UnavailableHistory(), [MARKET])
    logged.given = (RECORD, frozenset({"market"}))
    assert logged.rows(ASKED) == [Found((3, 2.5), {"market": 5}, False)]


def test_a_date_that_was_logged_is_one():
    latest = Aggregate(
        name="sold_on", function="latest", column="sold_on", window=None, ttl=None, default=None,
        kind="date",
    )  # fmt: skip
    logged = LoggedHistory(UnavailableHistory(), [replace(MARKET, aggregates=(latest,))])
    for day in (date(2024, 5, 31), None):
        record = structs.replace(RECORD, features={"sold_on": day})
        logged.given = (read_record(record_bytes(record)), frozenset({"market"}))
        assert logged.rows(ASKED)[0].values == (day,)


def test_what_was_not_logged_is_looked_up():
    store = Store()
    logged = LoggedHistory(store, [MARKET, RENTS])
    logged.given = (RECORD, frozenset({"market"}))
    assert logged.rows(ASKED) == [Found((3, 2.5, 800.0), {"market": 5, "rents": 6}, False)]
    assert store.asked == 1


@pytest.mark.parametrize(
    "record",
    [
        Record(id="1", time=7, product="p", status=200, features={"sales": 0}, degraded=True),
        Record(id="1", time=7, product="p", status=200),
    ],
)
def test_defaults_in_place_of_values_are_not_taken_over(record):
    logged = LoggedHistory(Store(), [MARKET, RENTS])
    logged.given = (record, frozenset({"market", "rents"}))
    assert logged.rows(ASKED)[0].values == (30, 25.0, 800.0)
    without = LoggedHistory(UnavailableHistory(), [MARKET])
    without.given = (record, frozenset({"market"}))
    with pytest.raises(ServiceError):
        without.rows(ASKED)


def test_another_definition_of_the_same_name_is_another_history():
    logged = LoggedHistory(Store(), [MARKET, RENTS])
    logged.given = (RECORD, frozenset())
    assert logged.rows(ASKED) == [Found((30, 25.0, 800.0), {"market": 6, "rents": 6}, False)]
