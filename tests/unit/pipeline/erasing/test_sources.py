"""Sources that still hold an erased unit are named."""

from datetime import date

import pytest

from interlock.pipeline.erasing.sources import Sources, search_sources
from interlock.pipeline.erasing.unit import Unit


def searched(bench, key):
    bound = bench.context(unit=("built",)).bound
    return search_sources(bound, Unit.of(bound, key))


@pytest.mark.parametrize("key", ["1954", "1954.0"])
def test_a_source_that_holds_the_unit_is_named(bench, key):
    assert searched(bench, (key,)) == Sources(hold=("sales",))


def test_one_that_does_not_is_not(bench):
    assert searched(bench, ("1949",)) == Sources()


def test_rows_that_are_not_known_yet_or_unsound_count(bench):
    bench.write(sold_on=[date(2190, 1, 1)] * 10)
    assert searched(bench, ("1954",)).hold == ("sales",)
    bench.write(sale_id=[1] * 10)  # one key for all: every row is set aside
    assert searched(bench, ("1954",)).hold == ("sales",)


def test_a_source_that_cannot_be_read_may_hold_it(bench):
    bound = bench.context(unit=("built",)).bound
    (bench.folder / "sales.parquet").unlink()
    assert search_sources(bound, Unit.of(bound, ("1954",))) == Sources(unreadable=("sales",))
