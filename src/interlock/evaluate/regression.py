"""How far predicted values are from the truth. All arrays are (n_rows,), finite float64.

None where a metric is undefined on the rows: a relative error of a truth of 0, a logarithm of
nothing.

>>> from interlock.stats.bootstrap import value_of
>>> statistic = mdape(np.array([100.0, 200.0]), np.array([110.0, 260.0]))
>>> round(value_of(statistic, 2), 6)
0.2
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import Means, Quantile, Statistic

Floats = NDArray[np.float64]


def mae(y: Floats, prediction: Floats) -> Statistic:
    """Mean absolute error, in the target's unit."""
    return Means(np.abs(prediction - y)[:, None])


def rmse(y: Floats, prediction: Floats) -> Statistic:
    """Root of the mean squared error, in the target's unit."""
    return Means(((prediction - y) ** 2)[:, None], _root)


def mape(y: Floats, prediction: Floats) -> Statistic | None:
    """Mean of |prediction − y| / |y|."""
    relative = _relative(y, prediction)
    return None if relative is None else Means(np.abs(relative)[:, None])


def mdape(y: Floats, prediction: Floats) -> Statistic | None:
    """Median of |prediction − y| / |y|."""
    relative = _relative(y, prediction)
    return None if relative is None else Quantile(np.abs(relative), 0.5)


def rmsle(y: Floats, prediction: Floats) -> Statistic | None:
    """Root of the mean squared difference of log(1 + value)."""
    if (y <= -1).any() or (prediction <= -1).any():
        return None
    return Means(((np.log1p(prediction) - np.log1p(y)) ** 2)[:, None], _root)


def r2(y: Floats, prediction: Floats) -> Statistic:
    """1 − (squared error) / (variance of the truth); undefined for a constant truth.

    The truth is centred first, so that the variance of a resample loses no digits.
    """
    centred = y - y.mean()
    return Means(np.column_stack([(prediction - y) ** 2, centred, centred**2]), _explained)


def bias(y: Floats, prediction: Floats) -> Statistic:
    """|mean of (prediction − y)|, in the target's unit.

    Its interval never reaches below 0; to ask whether the error is centred, hold
    :func:`mean_error` between two limits.
    """
    return Means((prediction - y)[:, None], lambda means: np.abs(means[:, 0]))


def mean_error(y: Floats, prediction: Floats) -> Statistic:
    """Mean of (prediction − y), in the target's unit: above 0 where predictions are too high."""
    return Means((prediction - y)[:, None])


def median_relative_error(y: Floats, prediction: Floats) -> Statistic | None:
    """Median of (prediction − y) / |y|: above 0 where most predictions are too high."""
    relative = _relative(y, prediction)
    return None if relative is None else Quantile(relative, 0.5)


def within(y: Floats, prediction: Floats, share: float) -> Statistic:
    """The share of rows whose prediction lies within ``share`` of the truth, the edge included."""
    near = np.abs(prediction - y) <= share * np.abs(y)
    return Means(near.astype(np.float64)[:, None])


def _relative(y: Floats, prediction: Floats) -> Floats | None:
    relative = (prediction - y) / np.abs(y)
    return relative if np.isfinite(relative).all() else None


def _root(means: Floats) -> Floats:
    return np.sqrt(means[:, 0])


def _explained(means: Floats) -> Floats:
    variance = means[:, 2] - means[:, 1] ** 2
    floor = means[:, 2] * 1e-12  # below it, rounding alone makes the variance
    return np.where(variance > floor, 1 - means[:, 0] / variance, np.nan)
