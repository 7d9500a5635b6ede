import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.stats.bootstrap import Means, Quantile, bootstrap, value_of
from interlock.stats.derived import Combined, Redrawn, Scaled
from interlock.stats.dispersion import RelativeDeviation
from interlock.stats.resamples import Resamples

VALUES = np.random.default_rng(0).lognormal(size=50)


def _expanded(resamples, values):
    for counts in resamples.chunks():
        for row in counts:
            yield np.repeat(values, row[resamples.unit_of_row].astype(int))


def test_any_function_of_rows_is_asked_for_every_resample():
    resamples = Resamples.of(50, seed=1, clusters=np.arange(50) // 2, count=20)
    drawn = bootstrap([Redrawn(lambda rows: VALUES[rows].max(), 50)], resamples)[:, 0]
    assert drawn.tolist() == [rows.max() for rows in _expanded(resamples, VALUES)]


def test_the_first_resamples_are_those_of_a_shorter_series():
    long, short = Resamples.of(50, seed=3), Resamples.of(50, seed=3, count=30)
    first = long.first(30)
    assert first.count == 30
    assert long.first(2_000) is long
    means = Means(VALUES[:, None])
    whole = bootstrap([means], long)
    assert (bootstrap([means], first) == bootstrap([means], short)).all()
    assert (whole[:30] == bootstrap([means], first)).all()


def test_scaled_and_combined_statistics_are_of_the_same_resamples():
    resamples, mean = Resamples.of(50, seed=1, count=40), Means(VALUES[:, None])
    median = Quantile(VALUES, 0.5)
    both = Combined([mean, median], lambda values: values[:, 0] - values[:, 1])
    one, other, apart, scaled = bootstrap([mean, median, both, Scaled(mean, 3)], resamples).T
    assert apart == pytest.approx(one - other)
    assert scaled == pytest.approx(3 * one)


@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=60), st.booleans())
@settings(max_examples=60, deadline=None)
def test_relative_deviation_is_that_of_the_rows_written_out(values, clustered):
    array = np.array(values)
    clusters = np.arange(len(values)) // 3 if clustered else None
    resamples = Resamples.of(len(values), seed=3, clusters=clusters, count=20)
    drawn = bootstrap([RelativeDeviation(array)], resamples)[:, 0]
    for found, rows in zip(drawn, _expanded(resamples, array), strict=True):
        centre = np.median(rows)
        assert found == pytest.approx(np.abs(rows - centre).mean() / centre, rel=1e-9, abs=1e-9)


def test_a_median_far_from_the_middle_of_all_rows_is_found_too():
    values = np.arange(1.0, 40_001.0)
    clusters = np.arange(40_000) // 10_000
    resamples = Resamples.of(40_000, seed=5, clusters=clusters, count=60)
    drawn = bootstrap([RelativeDeviation(values)], resamples)[:, 0]
    for found, rows in zip(drawn, _expanded(resamples, values), strict=True):
        centre = np.median(rows)
        assert found == pytest.approx(np.abs(rows - centre).mean() / centre)


def test_there_is_no_deviation_from_a_median_that_is_not_above_0():
    assert np.isnan(value_of(RelativeDeviation(np.array([-1.0, 0.0, 1.0])), 3))
