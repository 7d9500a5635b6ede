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

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.classification import valid
from interlock.stats.bootstrap import Means, Statistic, Weighted
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
    ranking = _Ranking.of(-prediction[:, 1], y == 1)

    def found(counts: Floats) -> Floats:
        positives = np.take(counts, ranking.positives, axis=1)
        marked = _before(np.cumsum(counts, axis=1, out=counts), ranking.stops)
        upto = np.cumsum(positives, axis=1)
        if not upto.shape[1]:
            return np.full(len(upto), np.nan)
        wrongly = marked - _before(upto, ranking.found)
        negatives = counts[:, -1] - upto[:, -1]
        allowed = wrongly <= (rate * negatives + _ROUNDING)[:, None]
        share = (positives * allowed).sum(axis=1) / upto[:, -1]
        return np.where(negatives > 0, share, np.nan)

    return Weighted(found, ranking.order)


_ROUNDING = 1e-9  # of a row: 0.05 · 100 is 5


def area_under_roc(score: Floats, positive: Bools) -> Statistic:
    """:func:`roc_auc` of ``score`` (n_rows,), higher where ``positive`` (n_rows,) is likelier."""
    ranking = _Ranking.of(score, positive)

    def area(counts: Floats) -> Floats:
        positives = np.take(counts, ranking.positives, axis=1)
        upto = np.cumsum(counts, axis=1, out=counts)
        midranks = (_before(upto, ranking.starts) + _before(upto, ranking.stops)) / 2
        n_positive = positives.sum(axis=1)
        won = (positives * midranks).sum(axis=1) - n_positive**2 / 2
        return np.asarray(won / (n_positive * (upto[:, -1] - n_positive)))

    return Weighted(area, ranking.order)


def area_under_precision(score: Floats, positive: Bools) -> Statistic:
    """:func:`average_precision` of ``score`` (n_rows,), higher where ``positive`` is likelier."""
    ranking = _Ranking.of(-score, positive)

    def precision(counts: Floats) -> Floats:
        positives = np.take(counts, ranking.positives, axis=1)
        marked = _before(np.cumsum(counts, axis=1, out=counts), ranking.stops)
        upto = np.cumsum(positives, axis=1)
        if not upto.shape[1]:
            return np.full(len(upto), np.nan)
        at = _before(upto, ranking.found) / np.maximum(marked, 1)
        return np.asarray((positives * at).sum(axis=1) / upto[:, -1])

    return Weighted(precision, ranking.order)


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


def _before(upto: Floats, places: NDArray[np.intp]) -> Floats:
    """What was counted before each place, from running totals (n_resamples, n)."""
    return np.take(upto, np.maximum(places - 1, 0), axis=1) * (places > 0)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ranking:
    """Rows by rising score, and where the positives stand; rows of equal score share a place.

    ``order`` is (n_rows,); the rest (n_positives,): the places of ``positives`` in it, where the
    run of their score ``starts`` and ``stops``, and how many positives are ``found`` up to there.
    """

    order: NDArray[np.intp]
    positives: NDArray[np.intp]
    starts: NDArray[np.intp]
    stops: NDArray[np.intp]
    found: NDArray[np.intp]

    @classmethod
    def of(cls, score: Floats, positive: Bools) -> _Ranking:
        order = np.argsort(score, kind="stable")
        ranked, places = score[order], np.flatnonzero(positive[order])
        at = ranked[places]
        return cls(
            order=order,
            positives=places,
            starts=np.searchsorted(ranked, at, side="left"),
            stops=np.searchsorted(ranked, at, side="right"),
            found=np.searchsorted(at, at, side="right"),
        )
