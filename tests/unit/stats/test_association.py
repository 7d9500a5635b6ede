"""Ranks, rank correlation and the area under the curve: against SciPy and scikit-learn."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from sklearn.metrics import roc_auc_score

from interlock.stats.association import (
    area_under_curve,
    correlation,
    crossed_means,
    rank_correlation,
    ranks,
)

values = st.lists(st.integers(-20, 20) | st.floats(-1e6, 1e6), min_size=2, max_size=80)


@given(values)
def test_ranks_are_scipys(found):
    np.testing.assert_allclose(ranks(found), scipy_stats.rankdata(found))


@given(values, st.data())
def test_the_rank_correlation_is_scipys(x, data):
    y = data.draw(st.lists(st.integers(-5, 5), min_size=len(x), max_size=len(x)))
    found = rank_correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(scipy_stats.spearmanr(x, y).statistic, abs=1e-9)


@given(values, st.data())
def test_the_area_under_the_curve_is_scikit_learns(score, data):
    positive = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(score), max_size=len(score)))
    )
    assume(0 < positive.sum() < len(positive))
    found = area_under_curve(score, positive)
    assert found == pytest.approx(roc_auc_score(positive, score), abs=1e-9)


def test_without_a_class_or_with_a_constant_there_is_no_number():
    assert np.isnan(area_under_curve([1.0, 2.0], np.array([True, True])))
    assert np.isnan(correlation(np.ones(3), np.arange(3.0)))


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-100, 100)), min_size=2, max_size=40))
def test_a_row_is_guessed_by_the_other_half_alone(rows):
    groups = np.array([g for g, _ in rows])
    targets = np.array([[t] for _, t in rows])
    found = crossed_means(groups, targets)
    for place, (group, _) in enumerate(rows):
        other = [t for k, (g, t) in enumerate(rows) if (k - place) % 2 and g == group]
        every = [t for k, (_, t) in enumerate(rows) if (k - place) % 2]
        assert found[place, 0] == pytest.approx(np.mean(other or every), abs=1e-9)
