"""How good predicted probabilities are. Truth is (n_rows,) class indices as floats; probabilities
are (n_rows, n_classes), rows adding up to 1.

None where a metric is undefined: probabilities that are none, a class index out of range.

>>> from interlock.stats.bootstrap import value_of
>>> truth = np.array([0.0, 1.0, 1.0])
>>> odds = np.array([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
>>> round(value_of(brier(truth, odds), 3), 4)
0.1633
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import Means, Statistic

Floats = NDArray[np.float64]
CALIBRATION_BINS = 10
_SMALLEST = np.finfo(np.float64).eps  # a certain miss costs −ln of this: 36 nats


def log_loss(y: Floats, prediction: Floats) -> Statistic | None:
    """Mean of −ln(probability of the true class), probabilities clipped to [ε, 1 − ε]."""
    if not valid(y, prediction):
        return None
    true = prediction[np.arange(len(y)), y.astype(np.intp)]
    return Means(-np.log(np.clip(true, _SMALLEST, 1 - _SMALLEST))[:, None])


def brier(y: Floats, prediction: Floats) -> Statistic | None:
    """Mean squared error of the probabilities: of the second class where there are two, else
    summed over classes.

    Brier (1950), "Verification of forecasts expressed in terms of probability".
    """
    if not valid(y, prediction):
        return None
    hit = y[:, None] == np.arange(prediction.shape[1])
    error = ((prediction - hit) ** 2).sum(axis=1)
    return Means((error / 2 if prediction.shape[1] == 2 else error)[:, None])


def expected_calibration_error(y: Floats, prediction: Floats) -> Statistic | None:
    """The mean gap between what was promised and what came true, over bins of equally many rows.

    Of the second class's probability where there are two, else of the likeliest class's (Guo et al.
    2017, "On calibration of modern neural networks"). Naeini, Cooper & Hauskrecht (2015) define it;
    bins of equal mass have less bias than those of equal width (Roelofs et al. 2022, "Mitigating
    bias in calibration error estimation"). Rows of equal probability share a bin, and the bins of
    all rows are those of each resample. Chance alone makes it greater than 0: its interval lies a
    little high, so a limit is met rather too late than too soon.
    """
    if not valid(y, prediction):
        return None
    promised, came_true = promises(y, prediction)
    gaps = calibration_gaps(promised, came_true, equal_mass_bins(promised))
    return Means(gaps, lambda means: np.abs(means).sum(axis=1))


def promises(y: Floats, prediction: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The probabilities that calibration is about, and whether they came true, each (n_rows,)."""
    if prediction.shape[1] == 2:
        return prediction[:, 1], np.asarray(y == 1)
    return prediction.max(axis=1), np.asarray(prediction.argmax(axis=1) == y)


def calibration_gaps(
    promised: Floats, came_true: NDArray[np.bool_], bins: NDArray[np.intp]
) -> Floats:
    """What was promised minus what came true, in the column of each row's bin: (n_rows, n_bins).

    The mean of a column is the gap of its bin, weighted by the bin's share of the rows.
    """
    inside = bins[:, None] == np.arange(bins.max() + 1)
    return np.asarray(inside * (promised - came_true)[:, None])


def equal_mass_bins(scores: Floats, bins: int = CALIBRATION_BINS) -> NDArray[np.intp]:
    """The bin of each score, (n_rows,): about equally many rows each, equal scores in one.

    >>> equal_mass_bins(np.array([0.1, 0.4, 0.4, 0.9]), bins=2).tolist()
    [0, 1, 1, 1]
    """
    edges = np.unique(np.quantile(scores, np.arange(1, bins) / bins))
    return np.searchsorted(edges, scores, side="right").astype(np.intp)


def valid(y: Floats, prediction: Floats) -> bool:
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
