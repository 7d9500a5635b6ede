import math

import numpy as np
import pytest

from interlock.evaluate.compare import Estimate, difference, estimate, estimates, rows_needed
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import METRICS
from interlock.stats.resamples import Resamples
from interlock.verdict import Interval

RNG = np.random.default_rng(0)
Y = RNG.lognormal(12, 0.4, 600)
GOOD = Y * RNG.lognormal(0, 0.10, 600)
POOR = GOOD * RNG.lognormal(0, 0.10, 600)
MDAPE = METRICS["mdape"]


def test_an_estimate_holds_value_interval_and_rows():
    found = estimate(MDAPE, Y, GOOD, seed=1)
    assert found.value == pytest.approx(np.median(np.abs(GOOD - Y) / Y))
    assert found.interval.low < found.value < found.interval.high
    assert (found.n, found.units, found.interval.level) == (600, 600, 0.95)


def test_several_metrics_share_their_resamples():
    together = estimates([MDAPE, METRICS["r2"]], Y, GOOD, seed=1)
    assert together == tuple(estimate(m, Y, GOOD, seed=1) for m in (MDAPE, METRICS["r2"]))
    drawn = Resamples.of(600, seed=1)
    assert together == estimates([MDAPE, METRICS["r2"]], Y, GOOD, seed=99, resamples=drawn)


def test_a_difference_is_paired():
    found = difference(MDAPE, Y, GOOD, POOR, seed=1)
    one, other = (estimate(MDAPE, Y, p, seed=1) for p in (GOOD, POOR))
    assert found.value == one.value - other.value
    assert found.interval.high < 0
    widths = [e.interval.high - e.interval.low for e in (found, one, other)]
    assert widths[0] < math.hypot(widths[1], widths[2])


def test_a_model_compared_with_itself_differs_by_exactly_nothing():
    found = difference(METRICS["rmse"], Y, GOOD, GOOD, seed=1)
    assert (found.value, found.interval.low, found.interval.high) == (0, 0, 0)


def test_the_interval_of_a_mean_is_that_of_the_textbook():
    error = np.abs(GOOD - Y)
    found = estimate(METRICS["mae"], Y, GOOD, seed=1)
    half = 1.96 * error.std(ddof=1) / math.sqrt(600)
    assert found.interval.high - found.value == pytest.approx(half, rel=0.1)
    assert found.value - found.interval.low == pytest.approx(half, rel=0.1)


def test_clusters_count_as_units():
    found = estimate(MDAPE, Y, GOOD, seed=1, clusters=np.arange(600) // 4)
    assert (found.n, found.units) == (600, 150)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_undefined_metric_has_no_interval(bad):
    spoiled = np.where(np.arange(600) == 7, bad, GOOD)
    for found in (
        estimate(MDAPE, Y, spoiled, seed=1),
        difference(MDAPE, Y, spoiled, GOOD, seed=1),
        difference(MDAPE, Y, GOOD, spoiled, seed=1),
    ):
        assert math.isnan(found.value)
        assert found.interval is None


def test_a_metric_undefined_in_many_resamples_has_no_interval():
    y = np.zeros(400)
    y[0] = 1.0  # a third of the resamples have no positive
    score = np.linspace(0.9, 0.1, 400)
    found = estimate(METRICS["roc_auc"], y, np.column_stack([1 - score, score]), seed=1)
    assert found.value == 1.0
    assert found.interval is None


def test_resamples_of_other_rows_are_refused():
    with pytest.raises(ValueError, match="resamples of 5 rows do not fit 600 rows"):
        estimate(MDAPE, Y, GOOD, seed=1, resamples=Resamples.of(5, seed=1))


def _found(value, low, high, n=100):
    return Estimate(value=value, interval=Interval(low=low, high=high), n=n, units=n)


@pytest.mark.parametrize(
    ("found", "limit", "rows"),
    [
        (_found(1.0, 0.0, 2.0), Limit(at_most=1.5), 400),
        (_found(1.0, 0.0, 2.0), Limit(at_least=0.5), 400),
        (_found(1.0, 0.0, 1.2), Limit(at_most=0.5), 400),
        (_found(1.0, 0.0, 2.0), Limit(at_most=1.0), None),
        (_found(math.nan, 0.0, 2.0), Limit(at_most=1.0), None),
        (Estimate(value=1.0, interval=None, n=5, units=5), Limit(at_most=1.0), None),
    ],
)
def test_rows_needed_shrink_the_interval_to_the_limit(found, limit, rows):
    assert rows_needed(found, limit) == rows
