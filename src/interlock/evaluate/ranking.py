"""How well scores rank rows: the positives before the others. Any rising function of the scores
gives the same. Truth is (n_rows,) class indices as floats; probabilities are (n_rows, n_classes).

With more than two classes each is ranked against all others by its own probability, and the values
are averaged: plainly (macro), or weighted by how many rows each class has.

None where a metric is undefined: probabilities that are none, a class index out of range. NaN where
a class that is needed is not there.

>>> from interlock.stats.bootstrap import value_of
>>> truth = np.array([0.0, 1.0, 1.0])
>>> odds = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
>>> value_of(roc_auc(truth, odds), 3)
1.0
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.classification import valid
from interlock.stats.bootstrap import Means, Ranked, Statistic
from interlock.stats.derived import Combined

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
OfScores = Callable[[Floats, Bools], Statistic]


def roc_auc(y: Floats, prediction: Floats, *, weighted: bool = False) -> Statistic | None:
    """The chance that a positive scores above a negative, ties counting half.

    Hanley & McNeil (1982), "The meaning and use of the area under a ROC curve". Undefined where
    only one class is present.
    """
    return _over_classes(area_under_roc, y, prediction, weighted)


def average_precision(y: Floats, prediction: Floats, *, weighted: bool = False) -> Statistic | None:
    """Σ (recallₖ − recallₖ₋₁)·precisionₖ over falling thresholds, without interpolation.

    Undefined where there is no positive.
    """
    return _over_classes(area_under_precision, y, prediction, weighted)


def recall_at_fpr(y: Floats, prediction: Floats, rate: float) -> Statistic | None:
    """The largest share of positives found at any threshold that marks at most ``rate`` of the
    negatives, rows of equal score being marked together. Two classes only.

    Undefined where only one class is present.
    """
    if prediction.shape[1] != 2 or not valid(y, prediction):
        return None
    sides = _Sides.of(-prediction[:, 1], y == 1)

    def found(positives: Floats, negatives: NDArray[np.int32]) -> Floats:
        wrongly, alarms = _upto(negatives, sides.through), negatives[:, -1:].sum(axis=1)
        allowed = wrongly <= (rate * alarms + _ROUNDING)[:, None]
        share = _dot(positives, allowed) / positives.sum(axis=1)
        return np.where(alarms > 0, share, np.nan)

    return Ranked(found, sides.order, sides.n_positive)


_ROUNDING = 1e-9  # of a row: 0.05 · 100 is 5


def area_under_roc(score: Floats, positive: Bools) -> Statistic:
    """:func:`roc_auc` of ``score`` (n_rows,), higher where ``positive`` (n_rows,) is likelier."""
    rarer_first = 2 * int(positive.sum()) <= len(positive)  # fewer look-ups, the same area
    sides = _Sides.of(score, positive if rarer_first else ~positive)

    def area(first: Floats, others: NDArray[np.int32]) -> Floats:
        below = _upto(others, sides.before)
        won = _dot(first, below)
        if sides.ties:
            won = (won + _dot(first, _upto(others, sides.through))) / 2
        share = won / (first.sum(axis=1) * others[:, -1:].sum(axis=1))
        return np.asarray(share if rarer_first else 1 - share)

    return Ranked(area, sides.order, sides.n_positive)


def area_under_precision(score: Floats, positive: Bools) -> Statistic:
    """:func:`average_precision` of ``score`` (n_rows,), higher where ``positive`` is likelier.

    From the lowest score up, as :func:`area_under_roc` counts, so that both are given the same.
    """
    sides = _Sides.of(score, positive)

    def precision(positives: Floats, negatives: NDArray[np.int32]) -> Floats:
        upto = np.cumsum(positives, axis=1)
        total, alarms = upto[:, -1:], negatives[:, -1:].sum(axis=1, keepdims=True)
        found = total - (_upto(upto, sides.below) if sides.ties else upto - positives)
        marked = found + (alarms - _upto(negatives, sides.before))
        return np.asarray(_dot(positives, found / np.maximum(marked, 1)) / total.sum(axis=1))

    return Ranked(precision, sides.order, sides.n_positive)


def _over_classes(
    of_scores: OfScores, y: Floats, prediction: Floats, weighted: bool
) -> Statistic | None:
    """Of the second class's probability where there are two, else the mean over classes."""
    if not valid(y, prediction):
        return None
    if prediction.shape[1] == 2:
        return of_scores(prediction[:, 1], y == 1)
    classes = range(prediction.shape[1])
    each = [of_scores(prediction[:, k], y == k) for k in classes]
    if not weighted:
        return Combined(each, lambda values: values.mean(axis=1))
    shares = [Means((y == k).astype(np.float64)[:, None]) for k in classes]
    return Combined([*each, *shares], _weighted_mean)


def _weighted_mean(values: Floats) -> Floats:
    """Of values (n_resamples, k) beside their weights; what weighs nothing need not be defined."""
    k = values.shape[1] // 2
    each, weights = values[:, :k], values[:, k:]
    return np.asarray(np.where(weights > 0, each * weights, 0.0).sum(axis=1) / weights.sum(axis=1))


def _upto(running: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    """What was counted before each of rising ``places``, from running totals (n_resamples, n)."""
    if not running.shape[1]:
        return np.zeros((len(running), len(places)))
    found = np.take(running, np.maximum(places - 1, 0), axis=1)
    found[:, : np.searchsorted(places, 0, side="right")] = 0
    return found


def _dot(weights: Floats, values: NDArray[Any]) -> Floats:
    """The sum of products along each row."""
    return np.asarray(np.einsum("ij,ij->i", weights, values))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sides:
    """Positives by rising score, then the others by rising score: ``order`` (n_rows,).

    For each positive, (n_positives,): how many others have a lower score (``before``), a lower or
    equal one (``through``), and how many positives a lower one (``below``). ``ties`` says whether
    any two rows have equal scores that matter.
    """

    order: NDArray[np.intp]
    n_positive: int
    before: NDArray[np.intp]
    through: NDArray[np.intp]
    below: NDArray[np.intp]
    ties: bool

    @classmethod
    def of(cls, score: Floats, positive: Bools) -> _Sides:
        ranked = np.argsort(score, kind="stable")
        first, others = ranked[positive[ranked]], ranked[~positive[ranked]]
        at, beside = score[first], score[others]
        before = np.searchsorted(beside, at, side="left")
        through = np.searchsorted(beside, at, side="right")
        below = np.searchsorted(at, at, side="left")
        return cls(
            order=np.concatenate([first, others]),
            n_positive=len(first),
            before=before,
            through=through,
            below=below,
            ties=bool((before < through).any() or (below < np.arange(len(at))).any()),
        )
