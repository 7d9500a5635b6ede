"""Medians and shares with intervals, for the small groups a picture shows.

These describe; they decide nothing. Verdicts rest on the paired bootstrap of the model gate.

>>> share(3, 10).interval
Interval(low=0.108, high=0.603, level=0.95)
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.compare import Estimate
from interlock.verdict import Interval

_Z = 1.959964  # two-sided 95 %
_FEWEST = 6  # below, no two order statistics cover the median with 95 %


def median(values: NDArray[np.float64]) -> Estimate | None:
    """The median of ``values`` (n,), between the order statistics that cover it with 95 %.

    David and Nagaraja, *Order Statistics* (2003), section 7.1, ranks by the normal
    approximation. None for no values; no interval for fewer than 6.
    """
    n = len(values)
    if n == 0:
        return None
    ordered = np.sort(values)
    middle = _short(np.median(ordered))
    if n < _FEWEST:
        return Estimate(value=middle, interval=None, n=n, units=n)
    reach = _Z * math.sqrt(n) / 2
    low = max(0, math.floor(n / 2 - reach) - 1)
    high = min(n - 1, math.ceil(n / 2 + reach))
    interval = Interval(low=_short(ordered[low]), high=_short(ordered[high]))
    return Estimate(value=middle, interval=interval, n=n, units=n)


def share(hits: int, n: int) -> Estimate | None:
    """``hits`` of ``n`` as a share of 1, with Wilson's score interval (1927)."""
    if n == 0:
        return None
    p = hits / n
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    low = 0.0 if hits == 0 else _short(centre - reach)
    high = 1.0 if hits == n else _short(centre + reach)
    return Estimate(value=_short(p), interval=Interval(low=low, high=high), n=n, units=n)


def _short(value: float) -> float:
    """Three significant digits are all a picture shows."""
    return float(f"{value:.3g}")
