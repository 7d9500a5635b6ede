"""p-values of an excess, held against the distributions they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interlock.stats.bootstrap import Means, bootstrap, percentile_interval
from interlock.stats.resamples import Resamples
from interlock.stats.significance import p_value

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("distance", [0.5, 1.0, 1.96, 2.5, 3.0, 4.0, 6.0])
def test_it_is_that_of_a_normal_estimate(distance):
    found = p_value(distance, distance + RNG.normal(size=200_000), units=10_000)
    assert found == pytest.approx(2 * stats.norm.sf(distance), rel=0.1)


def test_few_units_have_heavier_tails():
    resampled = 5 + RNG.normal(size=2_000)
    found = p_value(5.0, resampled, units=30)
    assert found == pytest.approx(2 * stats.t.sf(5 / resampled.std(ddof=1), 29))
    assert found > 10 * p_value(5.0, resampled, units=100_000)


@given(excess=st.floats(-5, 5), seed=st.integers(0, 99))
def test_it_agrees_with_the_interval(excess, seed):
    resampled = excess + np.random.default_rng(seed).normal(size=2_000)
    low, _ = percentile_interval(resampled)
    assert (p_value(excess, resampled, units=1_000) <= 0.05) == (low > 0 and excess > 0)


@pytest.mark.parametrize("excess", [0.0, -1.0, np.nan, -np.inf])
def test_what_is_no_excess_shows_nothing(excess):
    assert p_value(excess, np.full(2_000, 1.0), units=500) == 1.0


def test_undefined_resamples_never_speak_for_an_excess():
    resampled = np.full(2_000, 1.0)
    resampled[:300] = np.nan
    assert p_value(1.0, resampled, units=500) == pytest.approx(2 * 301 / 2_001)
    assert p_value(1.0, np.full(2_000, np.nan), units=500) == 1.0
    assert p_value(np.inf, np.full(2_000, np.inf), units=500) <= 2 * 11 / 2_001
    assert p_value(np.inf, np.full(2_000, np.inf), units=500) > 0.01


def test_under_the_null_it_is_small_as_often_as_it_says():
    rng = np.random.default_rng(3)
    found = []
    for seed in range(400):
        values = rng.exponential(size=150) - 1.0
        drawn = bootstrap([Means(values[:, None])], Resamples.of(150, seed=seed, count=400))[:, 0]
        found.append(p_value(values.mean(), drawn, units=150))
    # one-sided: an excess of 0 is exceeded by chance in half of the samples
    assert np.mean(np.array(found) <= 0.05) < 0.05
    assert np.mean(np.array(found) <= 0.5) == pytest.approx(0.25, abs=0.07)
