"""Limits that outliers do not move: median and median absolute deviation.

>>> prices = [61.0, 58.0, 64.0, 60.0, 59.0, 62.0, 63.0, 2_000.0]
>>> low, high = modified_z_limits(prices)
>>> round(low, 2), round(high, 2)
(51.12, 71.88)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

CUTOFF = 3.5
_NORMAL_MAD = 0.6745  # the median absolute deviation of a standard normal
_NORMAL_MEAN = 1.253314  # √(π/2): standard deviation over mean absolute deviation of a normal


def modified_z_limits(values: ArrayLike, cutoff: float = CUTOFF) -> tuple[float, float] | None:
    """Where the modified z-score 0.6745·(x − median)/MAD reaches ±``cutoff``.

    Iglewicz & Hoaglin (1993), "How to Detect and Handle Outliers", who advise 3.5. Where more than
    half of the values are equal the MAD is 0, and the mean absolute deviation takes its place, as
    they advise too. Values that are not finite do not count; None where fewer than two are left or
    all are equal: nothing is then known of their spread.

    >>> modified_z_limits([5.0, 5.0, 5.0]) is None
    True
    >>> [round(limit, 2) for limit in modified_z_limits([0.0, 0.0, 0.0, 0.0, 10.0])]
    [-8.77, 8.77]
    """
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return None
    middle = float(np.median(found))
    apart = np.abs(found - middle)
    spread = float(np.median(apart)) / _NORMAL_MAD or float(np.mean(apart)) * _NORMAL_MEAN
    if not spread > 0:
        return None
    return middle - cutoff * spread, middle + cutoff * spread
