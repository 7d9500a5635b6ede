"""How easily chance alone shows what was seen: p-values from bootstrap resamples.

>>> p_value(-0.5, np.array([-1.0, 0.0, 1.0]), units=500)
1.0
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Floats = NDArray[np.float64]

_FEWEST_BEYOND = 10  # resamples beyond a limit by which its p-value is counted


def p_value(excess: float, resampled: Floats, *, units: int) -> float:
    """How easily rows like these show such an ``excess`` over a limit that is in truth kept.

    Two-sided, from the ``resampled`` excesses (n_resamples,): the share of them at or below 0, or
    undefined, twice over. It is at most 5 % where the 95 % percentile interval lies above 0
    (Efron & Tibshirani 1993, section 15.4). Where fewer than 10 are, the share itself is too rough
    to tell small p-values apart, and to be corrected for many questions: then the tail of Student's
    distribution with ``units`` − 1 degrees of freedom at excess / standard error, never above what
    10 would give. An excess of 0 or less, or an undefined one, has a p-value of 1.

    >>> rng = np.random.default_rng(0)
    >>> round(p_value(2.0, rng.normal(2, 1, 2_000), units=500), 2)
    0.05
    >>> 1e-9 < p_value(6.0, rng.normal(6, 1, 2_000), units=500) < 1e-7
    True
    """
    if not excess > 0:
        return 1.0
    inside = int(np.sum(~(resampled > 0)))
    share = (max(inside, _FEWEST_BEYOND) + 1) / (len(resampled) + 1)
    if inside < _FEWEST_BEYOND:
        share = min(share, _tail(excess, resampled, units))
    return min(1.0, 2 * share)


def _tail(excess: float, resampled: Floats, units: int) -> float:
    """The one-sided tail of Student's distribution; 1 where nothing is known of the spread."""
    known = resampled[np.isfinite(resampled)]
    if len(known) < 2 or not math.isfinite(excess):
        return 1.0
    spread = float(np.std(known, ddof=1))
    return float(stdtr(max(1, units - 1), -excess / spread)) if spread > 0 else 0.0
