from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.train.answer import AnswerSpec, answer
from interlock.train.interval import calibrate_interval

PLAIN = AnswerSpec(task="regression", link="identity")
LOG = AnswerSpec(task="regression", link="identity", transform="log")


@given(n=st.integers(1, 300), level=st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]))
def test_the_rank_is_that_of_the_finite_sample_law(n, level):
    y = np.arange(1.0, n + 1.0)
    found = calibrate_interval(y, np.zeros((n, 1)), PLAIN, level=level)
    percent = round(level * 100)
    rank = -(-(n + 1) * percent // 100)  # in whole numbers
    if rank > n:
        assert found.interval is None
        assert f"there are {n}" in found.reason
    else:
        assert found.interval.high_offset == float(rank)
        assert found.interval.low_offset == -float(rank)


@pytest.mark.parametrize(("level", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19)])
def test_too_few_rows_say_how_many_are_needed(level, needed):
    def with_rows(n):
        return calibrate_interval(np.ones(n), np.ones((n, 1)), PLAIN, level=level)

    assert with_rows(needed).interval is not None
    assert with_rows(needed - 1).reason == (
        f"an interval at level {level:g} needs at least {needed} calibrate rows; "
        f"there are {needed - 1}"
    )


def test_coverage_on_fresh_rows_is_as_promised():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        y = np.exp(rng.normal(5, 0.3, 400))
        raw = np.full((400, 1), 5.0)
        spec = LOG.with_interval(calibrate_interval(y[:200], raw[:200], LOG, level=0.8).interval)
        found = answer(raw[200:], spec)
        covered.append(((found.low <= y[200:]) & (y[200:] <= found.high)).mean())
    assert np.mean(covered) == pytest.approx(0.8, abs=0.012)


def test_residuals_that_are_not_numbers_count_as_infinitely_large():
    y = np.ones(9)
    raw = np.zeros((9, 1))
    y[0], raw[1, 0] = 0.0, np.nan  # log 0 and a NaN score
    found = calibrate_interval(y, raw, LOG, level=0.9)
    assert found.interval is None
    assert found.reason == "too many of the 9 calibrate rows have no finite residual"
    assert calibrate_interval(y, raw, LOG, level=0.5).interval.high_offset == 0.0


def test_classes_have_no_interval():
    spec = AnswerSpec(task="binary", link="logit", classes=(0, 1))
    found = calibrate_interval(np.ones(9), np.ones((9, 1)), spec, level=0.8)
    assert found.reason == "intervals are for regressions"


def _spread(n, seed):
    """Rows whose noise grows with x, and quantiles that know it, if not quite."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, n)
    scale = 0.1 + x
    y = 5 + rng.normal(0, scale)
    return x, y, np.column_stack([np.full(n, 5.0), 5 - 1.25 * scale, 5 + 1.25 * scale])


def test_quantiles_make_intervals_that_cover_alike_everywhere():
    covered, by_quantiles, by_residuals = [], [], []
    for seed in range(60):
        x, y, raw = _spread(800, seed)
        parts = (x[400:] < 0.5), (x[400:] >= 0.5)
        for scores, found in ((raw, by_quantiles), (raw[:, :1], by_residuals)):
            calibration = calibrate_interval(y[:400], scores[:400], PLAIN, level=0.8)
            spec = PLAIN.with_interval(calibration.interval)
            ends = answer(scores[400:], spec)
            hit = (ends.low <= y[400:]) & (y[400:] <= ends.high)
            found.append([hit[part].mean() for part in parts])
            if scores is raw:
                covered.append(hit.mean())
    assert np.mean(covered) == pytest.approx(0.8, abs=0.012)
    assert np.mean(by_quantiles, axis=0) == pytest.approx([0.8, 0.8], abs=0.03)
    low, high = np.mean(by_residuals, axis=0)
    assert (low, high) > (0.9, 0.6)
    assert high < 0.72


@given(n=st.integers(1, 200), level=st.sampled_from([0.5, 0.8, 0.9]))
def test_quantiles_are_widened_by_the_same_rank(n, level):
    y = np.arange(1.0, n + 1.0)
    raw = np.tile([0.0, -0.5, 0.5], (n, 1))
    found = calibrate_interval(y, raw, PLAIN, level=level)
    alone = calibrate_interval(y, raw[:, :1], PLAIN, level=level)
    assert (found.interval is None) == (alone.interval is None)
    if found.interval is not None:
        assert found.interval.of == "quantiles"
        assert found.interval.high_offset == alone.interval.high_offset - 0.5


def test_quantiles_that_are_too_wide_are_narrowed():
    y = np.linspace(-1, 1, 99)
    raw = np.tile([0.0, -5.0, 5.0], (99, 1))
    found = calibrate_interval(y, raw, PLAIN, level=0.8).interval
    assert found.high_offset < -4
    assert answer(raw[:1], PLAIN.with_interval(found)).high[0] == pytest.approx(0.8, abs=0.05)


def test_a_quantile_that_is_no_number_counts_as_infinitely_far():
    y, raw = np.ones(9), np.tile([1.0, 0.5, 1.5], (9, 1))
    raw[0, 1], raw[1, 2] = np.nan, np.nan
    assert calibrate_interval(y, raw, PLAIN, level=0.9).interval is None
