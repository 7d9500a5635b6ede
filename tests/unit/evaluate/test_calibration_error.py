import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.evaluate.calibration import calibration_error, reliability
from interlock.evaluate.metrics import METRICS
from interlock.stats.resamples import Resamples


def _rows(n, slope=1.0, seed=0):
    """Promises, and truths whose log odds are ``slope`` times as large."""
    rng = np.random.default_rng(seed)
    promised = rng.beta(1, 2, n)
    with np.errstate(divide="ignore"):
        truth = 1 / (1 + np.exp(-slope * np.log(promised / (1 - promised))))
    y = (rng.random(n) < truth).astype(float)
    return y, np.column_stack([1 - promised, promised])


def _in_truth(slope):
    y, odds = _rows(2_000_000, slope, seed=99)
    return METRICS["ece"].value(y, odds)


@given(seed=st.integers(0, 50), n=st.integers(50, 400))
@settings(max_examples=20, deadline=None)
def test_the_value_is_the_metrics(seed, n):
    y, odds = _rows(n, 0.7, seed)
    found = calibration_error(y, odds, Resamples.of(n, seed=1, count=100))
    assert found.value == pytest.approx(METRICS["ece"].value(y, odds))
    assert 0 <= found.interval.low <= found.value <= found.interval.high


def test_a_perfect_model_is_never_shown_to_be_off():
    """Its plain percentile interval lies above 0 always."""
    shown, above = 0, 0
    for seed in range(60):
        y, odds = _rows(1_500, 1.0, seed)
        drawn = Resamples.of(1_500, seed=seed, count=300)
        shown += calibration_error(y, odds, drawn).interval.low > 0
        above += calibration_error(y, odds, drawn).interval.high > 0.005
    assert shown / 60 <= 0.05
    assert above == 60


@pytest.mark.parametrize("slope", [0.8, 0.5])
def test_the_interval_holds_the_true_error(slope):
    truth, held = _in_truth(slope), 0
    for seed in range(60):
        y, odds = _rows(1_500, slope, seed)
        found = calibration_error(y, odds, Resamples.of(1_500, seed=seed, count=300))
        held += found.interval.low <= truth <= found.interval.high
    assert held / 60 >= 0.93


def test_bad_calibration_is_shown():
    y, odds = _rows(5_000, 0.4)
    found = calibration_error(y, odds, Resamples.of(5_000, seed=1))
    assert found.interval.low > 0.05


def test_clusters_widen_the_interval():
    y, odds = _rows(3_000, 0.8)
    ids = np.argsort(np.argsort(odds[:, 1])) // 10  # rows of a cluster have much in common
    alone = calibration_error(y, odds, Resamples.of(3_000, seed=1)).interval
    grouped = calibration_error(y, odds, Resamples.of(3_000, seed=1, clusters=ids)).interval
    assert grouped.low <= alone.low


def test_the_reliability_curve():
    y, odds = _rows(8_000)
    bins = reliability(y, odds, Resamples.of(8_000, seed=1))
    assert len(bins) == 10
    assert sum(b.observed.n for b in bins) == 8_000
    promised = [b.promised for b in bins]
    assert promised == sorted(promised)
    inside = [b.observed.interval.low <= b.promised <= b.observed.interval.high for b in bins]
    assert sum(inside) >= 8


def test_of_more_classes_it_is_the_likeliest():
    rng = np.random.default_rng(1)
    odds = rng.dirichlet([1, 1, 1], 4_000)
    y = (odds.cumsum(axis=1) < rng.random(4_000)[:, None]).sum(axis=1).astype(float)
    bins = reliability(y, odds, Resamples.of(4_000, seed=1))
    assert min(b.promised for b in bins) > 1 / 3
    assert calibration_error(y, odds, Resamples.of(4_000, seed=1)).interval.low == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.2, 1.2])
def test_probabilities_that_are_none_are_undefined(bad):
    y, odds = _rows(200)
    odds[5, 1] = bad
    drawn = Resamples.of(200, seed=1)
    found = calibration_error(y, odds, drawn)
    assert np.isnan(found.value)
    assert found.interval is None
    assert reliability(y, odds, drawn) == ()


def test_numbers_are_refused():
    y, odds = _rows(200)
    with pytest.raises(ValueError, match="needs probabilities of 200 rows"):
        calibration_error(y, odds[:, 1], Resamples.of(200, seed=1))
