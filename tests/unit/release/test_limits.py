"""Limits of outliers: fitted by median and MAD, on a log scale where values are positive."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.digest import canonical_json
from interlock.release.limits import FEWEST, Limits, fit_limits
from interlock.stats.robust import modified_z_limits


def prices(n=1_000, seed=0):
    return np.random.default_rng(seed).lognormal(11.2, 0.5, n)


def test_a_house_sold_for_2_000_is_an_outlier_by_default():
    limits = fit_limits("price", np.append(prices(), [2_000.0, 2_000.0, 5e7]))
    assert limits.log
    assert limits.reason(2_000.0).startswith("price 2,000 is outside ")
    assert limits.reason(5e7)
    assert limits.reason(73_000.0) == ""
    assert limits.text == limits.reason(2_000.0).replace("price 2,000", "price")


def test_the_limits_are_the_modified_z_score_of_the_logarithm():
    found = prices()
    low, high = fit_limits("price", found).ends
    middle = np.median(np.log(found))
    mad = np.median(np.abs(np.log(found) - middle))
    for end, side in ((low, -1), (high, 1)):
        assert 0.6745 * (math.log(end) - middle) / mad == pytest.approx(3.5 * side)


def test_outliers_do_not_move_the_limits_much():
    clean = fit_limits("price", prices())
    spoiled = fit_limits("price", np.append(prices(), np.full(100, 2_000.0)))
    assert np.log(spoiled.ends) == pytest.approx(np.log(clean.ends), abs=0.35)
    assert spoiled.reason(2_000.0)


def test_few_values_that_are_not_positive_do_not_change_the_scale_and_are_outliers():
    found = fit_limits("price", np.append(prices(), [0.0, -1.0]))
    assert found.log
    assert found.reason(0.0)
    assert found.reason(-1.0)


def test_values_of_both_signs_are_taken_as_they_are():
    found = fit_limits("delay", np.random.default_rng(0).normal(0, 10, 500))
    assert not found.log
    assert found.reason(-80.0)
    assert found.reason(-20.0) == ""
    assert fit_limits("delay", prices(), log=False).ends[0] < 0


def test_each_group_has_limits_of_its_own_where_it_has_rows_enough():
    cheap, dear = prices(200) / 10, prices(200, seed=1) * 10
    values = np.concatenate([cheap, dear, [70_000.0] * 5])
    groups = ["cheap"] * 200 + ["dear"] * 200 + ["few"] * 4 + [None]
    found = fit_limits("price", values, by="zone", groups=groups)
    assert sorted(found.groups) == ["cheap", "dear"]
    assert found.reason(300_000.0, "cheap").endswith(" of zone cheap")
    assert found.reason(300_000.0, "dear") == ""
    for group in ("few", "never seen", None):
        assert found.reason(300_000.0, group) == ""
        assert found.reason(0.1, group).startswith("price 0.1 is outside ")
    assert found.text == "price is outside the limits of its zone"
    why = found.reader(["zone", "price"])
    assert why(("cheap", 300_000.0)) == found.reason(300_000.0, "cheap")
    assert Limits.from_row(json.loads(canonical_json(found.to_row()))) == found


@pytest.mark.parametrize(
    "values", [[1.0] * (FEWEST - 1), [7.0] * 500, [math.nan] * 500, [], [1.0] * 500 + [math.inf]]
)
def test_where_nothing_is_known_of_the_spread_there_are_no_limits(values):
    assert fit_limits("x", values) is None


def test_where_most_are_equal_the_mean_deviation_takes_the_place_of_the_mad():
    low, high = modified_z_limits([0.0] * 90 + [10.0] * 10)
    assert (low, high) == pytest.approx((-3.5 * 1.253314, 3.5 * 1.253314))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=FEWEST), st.booleans())
def test_limits_hold_the_median_and_can_be_written(values, log):
    found = fit_limits("x", values, log=log)
    if found is None:
        return
    assert Limits.from_row(json.loads(canonical_json(found.to_row()))) == found
    middle = float(np.median(np.asarray(values)))
    if not log and all(abs(v) < 1e300 for v in values):
        assert found.reason(middle) == ""


@given(st.one_of(st.none(), st.floats()))
def test_a_missing_value_is_no_outlier_and_what_is_no_number_is_one(value):
    why = fit_limits("x", prices()).reader(["x"])((value,))
    if value is None:
        assert why == ""
    elif not math.isfinite(value):
        assert why
