"""How much of a target one column alone reveals, by ranks: no scale, no shape, no model.

>>> target = np.arange(100.0)
>>> round(rank_correlation(np.exp(target / 10), target), 6)
1.0
>>> area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
0.75
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def ranks(values: ArrayLike) -> Floats:
    """Ranks from 1, equal values sharing their mean rank, (n_rows,)."""
    _, places, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: Floats = (last - (counts - 1) / 2)[places]
    return found


def rank_correlation(x: ArrayLike, y: ArrayLike) -> float:
    """Spearman's (1904) correlation of two columns, each (n_rows,); NaN where one is constant."""
    return correlation(ranks(x), ranks(y))


def correlation(x: Floats, y: Floats) -> float:
    """Pearson's correlation of two columns, each (n_rows,); NaN where one is constant.

    Summed by NumPy, not by BLAS, whose threads cost more than they save on columns.
    """
    a, b = x - x.mean(), y - y.mean()
    size = float(np.sqrt(np.sum(a * a) * np.sum(b * b)))
    return float(np.sum(a * b)) / size if size > 0 else float("nan")


def area_under_curve(score: ArrayLike, positive: NDArray[np.bool_]) -> float:
    """The chance that a positive row scores above a negative one, ties counting half.

    Mann & Whitney (1947); Hanley & McNeil (1982), "The meaning and use of the area under a receiver
    operating characteristic (ROC) curve". Both (n_rows,); NaN where one of the classes is absent.
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if not n_positive or not n_negative:
        return float("nan")
    above = float(ranks(score)[positive].sum()) - n_positive * (n_positive + 1) / 2
    return above / (n_positive * n_negative)


def crossed_means(groups: NDArray[np.intp], targets: Floats) -> Floats:
    """For every row the mean target of its group among rows of the *other* half.

    ``groups`` (n_rows,) are numbers from 0, ``targets`` (n_rows, n_targets). The halves are the
    rows at even and at odd places. A group that the other half does not have gets that half's mean
    of all. So a column that names every row reveals nothing, which a mean over the same rows
    (Micci-Barreca's target encoding, 2001) would not notice.
    """
    found = np.empty_like(targets)
    even = np.arange(len(groups)) % 2 == 0
    size = int(groups.max()) + 1 if len(groups) else 0
    for half in (even, ~even):
        counts = np.bincount(groups[half], minlength=size)
        for k in range(targets.shape[1]):
            sums = np.bincount(groups[half], weights=targets[half, k], minlength=size)
            overall = targets[half, k].mean() if half.any() else np.nan
            means = np.where(counts > 0, sums / np.maximum(counts, 1), overall)
            found[~half, k] = means[groups[~half]]
    return found
