"""How good predicted probabilities are. Truth is (n_rows,) class indices as floats; probabilities
are (n_rows, n_classes), rows adding up to 1.

None where a metric is undefined: probabilities that are none, a class index out of range.

>>> from interlock.stats.bootstrap import value_of
>>> truth = np.array([0.0, 1.0, 1.0])
>>> odds = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
>>> value_of(roc_auc(truth, odds), 3)
1.0
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import Means, Statistic, Weighted

Floats = NDArray[np.float64]
_SMALLEST = np.finfo(np.float64).eps  # a certain miss costs −ln of this: 36 nats


def log_loss(y: Floats, prediction: Floats) -> Statistic | None:
    """Mean of −ln(probability of the true class), probabilities clipped to [ε, 1 − ε]."""
    if not _valid(y, prediction):
        return None
    true = prediction[np.arange(len(y)), y.astype(np.intp)]
    return Means(-np.log(np.clip(true, _SMALLEST, 1 - _SMALLEST))[:, None])


def brier(y: Floats, prediction: Floats) -> Statistic | None:
    """Mean squared error of the probabilities: of the second class where there are two, else
    summed over classes.

    Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    if not _valid(y, prediction):
        return None
    hit = y[:, None] == np.arange(prediction.shape[1])
    error = ((prediction - hit) ** 2).sum(axis=1)
    return Means((error / 2 if prediction.shape[1] == 2 else error)[:, None])


def accuracy(y: Floats, prediction: Floats) -> Statistic | None:
    """The share of rows whose most probable class is the true one; ties go to the first class."""
    if not _valid(y, prediction):
        return None
    return Means((np.argmax(prediction, axis=1) == y).astype(np.float64)[:, None])


def roc_auc(y: Floats, prediction: Floats) -> Statistic | None:
    """The chance that a positive scores above a negative, ties counting half.

    Hanley & McNeil (1982), "The meaning and use of the area under a ROC curve". Undefined where
    only one class is present.
    """
    if not _valid_binary(y, prediction):
        return None
    ranking = _Ranking.of(prediction[:, 1], y == 1)

    def area(counts: Floats) -> Floats:
        positives = np.take(counts, ranking.positives, axis=1)
        upto = np.cumsum(counts, axis=1, out=counts)
        midranks = (_before(upto, ranking.starts) + _before(upto, ranking.stops)) / 2
        n_positive = positives.sum(axis=1)
        won = (positives * midranks).sum(axis=1) - n_positive**2 / 2
        return np.asarray(won / (n_positive * (upto[:, -1] - n_positive)))

    return Weighted(area, ranking.order)


def average_precision(y: Floats, prediction: Floats) -> Statistic | None:
    """Σ (recallₖ − recallₖ₋₁)·precisionₖ over falling thresholds, without interpolation.

    Undefined where there is no positive.
    """
    if not _valid_binary(y, prediction):
        return None
    ranking = _Ranking.of(-prediction[:, 1], y == 1)

    def precision(counts: Floats) -> Floats:
        positives = np.take(counts, ranking.positives, axis=1)
        marked = _before(np.cumsum(counts, axis=1, out=counts), ranking.stops)
        upto = np.cumsum(positives, axis=1)
        if not upto.shape[1]:
            return np.full(len(upto), np.nan)
        at = _before(upto, ranking.found) / np.maximum(marked, 1)
        return np.asarray((positives * at).sum(axis=1) / upto[:, -1])

    return Weighted(precision, ranking.order)


def _valid(y: Floats, prediction: Floats) -> bool:
    """Probabilities in [0, 1] that add up to 1 within 1e-6, and truths that index them."""
    n_classes = prediction.shape[1]
    indices = (y == np.floor(y)) & (y >= 0) & (y < n_classes)
    odds = ((prediction >= 0) & (prediction <= 1)).all()
    return bool(
        n_classes >= 2
        and indices.all()
        and odds
        and np.allclose(prediction.sum(axis=1), 1.0, rtol=0, atol=1e-6)
    )


def _valid_binary(y: Floats, prediction: Floats) -> bool:
    return prediction.shape[1] == 2 and _valid(y, prediction)


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
    def of(cls, score: Floats, positive: NDArray[np.bool_]) -> _Ranking:
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
