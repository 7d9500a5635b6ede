import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from interlock.stats.intervals import median_interval, share_interval, wilson_interval
from interlock.stats.multiple import benjamini_hochberg


@given(st.integers(1, 400), st.data())
@settings(max_examples=80, deadline=None)
def test_shares_agree_with_scipy(n, data):
    successes = data.draw(st.integers(0, n))
    oracle = scipy_stats.binomtest(successes, n)
    for found, method in (
        (share_interval(successes, n), "exact"),
        (wilson_interval(successes, n), "wilson"),
    ):
        expected = oracle.proportion_ci(0.95, method)
        assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("interval", [share_interval, wilson_interval])
@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_shares_are_refused(interval, successes, n):
    with pytest.raises(ValueError, match="successes must lie in"):
        interval(successes, n)


@given(st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=40))
def test_a_median_lies_in_its_interval(values):
    low, high = median_interval(values)
    assert low <= np.median(values) <= high


@pytest.mark.parametrize("n", [6, 7, 10, 25, 60])
def test_a_median_interval_holds_its_level_and_no_narrower_pair_does(n):
    low, _ = median_interval([float(k) for k in range(n)])
    missed = 2 * scipy_stats.binom.cdf(low, n, 0.5)
    assert missed <= 0.05 < 2 * scipy_stats.binom.cdf(low + 1, n, 0.5)


def test_too_few_values_have_no_interval_and_nan_is_refused():
    assert median_interval([1.0] * 5) is None
    assert median_interval([]) is None
    with pytest.raises(ValueError, match="NaN"):
        median_interval([1.0, float("nan")])


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_values_agree_with_scipy(values):
    expected = scipy_stats.false_discovery_control(values) if values else []
    assert benjamini_hochberg(values) == pytest.approx(np.asarray(expected))


@pytest.mark.parametrize("values", [[0.1, float("nan")], [-0.1], [1.1], [[0.1]]])
def test_p_values_that_are_none_are_refused(values):
    with pytest.raises(ValueError, match="p-values must be"):
        benjamini_hochberg(values)


def test_no_adjusted_p_value_is_a_rounding_below_its_own():
    p = [0.9985007496251874] * 3  # p·3/3 is the number before it
    assert benjamini_hochberg(p).tolist() == p
