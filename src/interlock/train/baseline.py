"""Baselines fitted: one answer, or one answer a group.

>>> fitted = fit_rule(GroupMedian("street"), np.array([[0.0], [0.0], [1.0], [np.nan]]),
...                   np.array([1.0, 3.0, 10.0, 99.0]))
>>> fitted.predict(np.array([[0.0], [1.0], [np.nan], [7.0]])).tolist()
[[2.0], [10.0], [99.0], [6.5]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.train.answer import Floats
from interlock.train.candidate import GroupMedian, Median, Rule


@dataclass(frozen=True, kw_only=True)
class FittedRule:
    """The answers of a rule.

    ``keys`` is (n_groups,), ascending, the group of missing values (NaN) last; ``scores`` is
    (n_groups, n_scores); ``other``, (n_scores,), answers for all groups that are not known.
    """

    keys: Floats
    scores: Floats
    other: Floats

    def predict(self, matrix: Floats) -> Floats:
        """Scores (n_rows, n_scores) of a matrix (n_rows, 1), or (n_rows, 0) without groups."""
        found = np.tile(self.other, (len(matrix), 1))
        if matrix.shape[1] and len(self.keys):
            place = np.searchsorted(self.keys, matrix[:, 0]).clip(max=len(self.keys) - 1)
            key, value = self.keys[place], matrix[:, 0]
            known = (key == value) | (np.isnan(key) & np.isnan(value))
            found[known] = self.scores[place[known]]
        return found

    def to_row(self) -> dict[str, Any]:
        """What is reported of it, plain JSON values."""
        return {"groups": len(self.keys), "other": self.other.tolist()}


def fit_rule(
    rule: Rule,
    matrix: Floats,
    y: NDArray[Any],
    *,
    weights: Floats | None = None,
    n_classes: int = 0,
) -> FittedRule:
    """Fit a rule on a matrix (n_rows, 1) of groups, or (n_rows, 0), and targets (n_rows,).

    For classes ``y`` holds their indices. Medians take no notice of the weights.
    """
    targets = np.eye(n_classes)[y] if n_classes else np.asarray(y, dtype=np.float64)[:, np.newaxis]
    shares = np.ones(len(targets)) if weights is None else weights
    median = isinstance(rule, Median | GroupMedian)
    other = _centre(targets, shares, median)
    if not matrix.shape[1]:
        empty = np.empty(0)
        return FittedRule(keys=empty, scores=np.empty((0, len(other))), other=other)
    keys, group = np.unique(matrix[:, 0], return_inverse=True)
    order = np.argsort(group, kind="stable")
    cuts = np.cumsum(np.bincount(group, minlength=len(keys)))[:-1]
    scores = [_centre(targets[r], shares[r], median) for r in np.split(order, cuts)]
    return FittedRule(keys=keys, scores=np.array(scores), other=other)


def _centre(targets: Floats, weights: Floats, median: bool) -> Floats:
    """The median or the weighted mean of each column, (n_scores,)."""
    centre: Floats = (
        np.median(targets, axis=0) if median else np.average(targets, axis=0, weights=weights)
    )
    return centre
