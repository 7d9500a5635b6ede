from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.train.baseline import fit_rule
from interlock.train.candidate import ClassPrior, GroupClassPrior, GroupMean, GroupMedian, Mean

GROUPS = st.sampled_from([0.0, 1.0, 2.5, np.nan])
ROWS = st.lists(st.tuples(GROUPS, st.floats(-1e6, 1e6)), min_size=1, max_size=40)


def same(a, b):
    return a == b or (np.isnan(a) and np.isnan(b))


@given(training=ROWS, asked=st.lists(st.one_of(GROUPS, st.just(9.0))))
def test_each_group_is_answered_with_its_own_median(training, asked):
    groups, y = (np.array(column) for column in zip(*training, strict=True))
    fitted = fit_rule(GroupMedian("g"), groups[:, np.newaxis], y)
    found = fitted.predict(np.array(asked, dtype=float).reshape(-1, 1))
    assert found.shape == (len(asked), 1)
    for value, group in zip(found[:, 0], asked, strict=True):
        own = [t for g, t in training if same(g, group)]
        assert value == np.median(own or y)


def test_means_and_priors_are_weighted():
    matrix, empty = np.array([[0.0], [0.0], [1.0]]), np.empty((3, 0))
    weights = np.array([1.0, 3.0, 4.0])
    assert fit_rule(Mean(), empty, np.array([0, 4, 1]), weights=weights).other.tolist() == [2.0]
    grouped = fit_rule(GroupMean("g"), matrix, np.array([0, 4, 1]), weights=weights)
    assert grouped.scores.tolist() == [[3.0], [1.0]]
    prior = fit_rule(ClassPrior(), empty, np.array([0, 1, 2]), weights=weights, n_classes=4)
    assert prior.predict(np.empty((2, 0))).tolist() == [[0.125, 0.375, 0.5, 0.0]] * 2
    grouped = fit_rule(GroupClassPrior("g"), matrix, np.array([0, 1, 1]), n_classes=2)
    assert grouped.predict(matrix).tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]
