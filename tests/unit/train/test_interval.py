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
