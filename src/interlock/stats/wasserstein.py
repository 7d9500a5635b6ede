"""How far a distribution has moved, in the reference's own standard deviations.

>>> reference = np.arange(100.0)
>>> round(winsorised_distance(reference, reference + 10), 2)
0.33
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def winsorised_distance(reference: ArrayLike, now: ArrayLike) -> float | None:
    """Wasserstein-1 distance over σ from the quantiles of both at the same levels, (n_levels,).

    With evenly spaced levels the distance is the mean of |F⁻¹ − G⁻¹|: Vallender (1974),
    "Calculation of the Wasserstein distance between probability distributions on the line". What
    lies beyond the reference's outermost quantiles counts as lying there, so that one wild value
    does not speak for all. None where the reference has no spread. Raises ValueError for lists of
    different lengths, empty ones, and NaN.
    """
    a, b = np.asarray(reference, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or not len(a) or not np.isfinite(a + b).all():
        raise ValueError("two lists of finite quantiles at the same levels are needed")
    sigma = float(np.std(a))
    if not sigma > 0:
        return None
    return float(np.abs(a - np.clip(b, a.min(), a.max())).mean()) / sigma
