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
    order, positive, ends = _ranked(y, prediction[:, 1])

    def area(counts: Floats) -> Floats:
        positives, negatives = _by_score(counts, positive, ends)
        below = np.cumsum(negatives, axis=1)
        won: Floats = np.einsum("ij,ij->i", positives, below - negatives / 2)
        return won / (positives.sum(axis=1) * below[:, -1])

    return Weighted(area, order)


def average_precision(y: Floats, prediction: Floats) -> Statistic | None:
    """Σ (recallₖ − recallₖ₋₁)·precisionₖ over falling thresholds, without interpolation.

    Undefined where there is no positive.
    """
    if not _valid_binary(y, prediction):
        return None
    order, positive, ends = _ranked(y, -prediction[:, 1])

    def precision(counts: Floats) -> Floats:
        positives, negatives = _by_score(counts, positive, ends)
        found = np.cumsum(positives, axis=1)
        marked = found + np.cumsum(negatives, axis=1)
        at = np.divide(found, marked, out=np.zeros_like(found), where=marked > 0)
        reached: Floats = np.einsum("ij,ij->i", positives, at)
        return reached / found[:, -1]

    return Weighted(precision, order)


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


def _ranked(
    y: Floats, score: Floats
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.intp] | None]:
    """The order of rising scores, the positives in it, and where each run of ties starts."""
    order = np.argsort(score, kind="stable")
    ranked = score[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    return order, y[order] == 1, None if len(starts) == len(y) else starts


def _by_score(
    counts: Floats, positive: NDArray[np.bool_], starts: NDArray[np.intp] | None
) -> tuple[Floats, Floats]:
    """Counts of positives and negatives (n_resamples, n_scores), ties added up."""
    positives = counts * positive
    negatives = counts - positives
    if starts is None:
        return positives, negatives
    return np.add.reduceat(positives, starts, axis=1), np.add.reduceat(negatives, starts, axis=1)
