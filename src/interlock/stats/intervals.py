"""Exact intervals for few values: a median by order statistics, a share by its binomial.

>>> median_interval([5.0, 1.0, 4.0, 2.0, 6.0, 3.0])
(1.0, 6.0)
>>> median_interval([1.0, 2.0, 3.0]) is None
True
>>> low, high = share_interval(0, 100)
>>> round(low, 4), round(high, 4)
(0.0, 0.0362)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def median_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """The narrowest pair of order statistics that holds the median with at least ``level``.

    Free of assumptions on the distribution, but for independence: David & Nagaraja (2003), "Order
    Statistics", section 7.1. None when even the extremes promise less (fewer than 6 values at
    95 %). Raises ValueError for a NaN.

    >>> median_interval([float(v) for v in range(1, 21)])
    (6.0, 15.0)
    """
    if any(math.isnan(value) for value in values):
        raise ValueError("a median of NaN has no interval")
    ranked, n = sorted(values), len(values)
    missed, trimmed = 0.0, 0
    while trimmed <= n // 2:
        missed += 2 * math.comb(n, trimmed) / 2**n
        if missed > 1 - level:
            break
        trimmed += 1
    if trimmed == 0:
        return None
    return ranked[trimmed - 1], ranked[n - trimmed]


def share_interval(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a share of ``n`` independent rows.

    Clopper & Pearson (1934), "The use of confidence or fiducial limits illustrated in the case of
    the binomial", Biometrika 26(4). Never covers less than ``level``. Raises ValueError unless
    0 ≤ successes ≤ n and n ≥ 1.

    >>> low, high = share_interval(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.1871, 0.8129)
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"successes must lie in 0..n with n ≥ 1, got {successes} of {n}")
    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else _share_with(successes - 1, n, 1 - tail)
    high = 1.0 if successes == n else _share_with(successes, n, tail)
    return low, high


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share: narrower than the exact one, right on average.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    Raises ValueError unless 0 ≤ successes ≤ n and n ≥ 1.

    >>> low, high = wilson_interval(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"successes must lie in 0..n with n ≥ 1, got {successes} of {n}")
    z = 1.959963984540054
    share = successes / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def _share_with(successes: int, n: int, chance: float) -> float:
    """The share p at which P(X ≤ successes) is ``chance``, by bisection: it falls with p."""
    ways = _log_ways(successes, n)
    low, high = 0.0, 1.0
    for _ in range(100):
        middle = (low + high) / 2
        if _at_most(ways, n, middle) > chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _log_ways(successes: int, n: int) -> NDArray[np.float64]:
    """Logarithms of n over k for k = 0 to ``successes``, (successes + 1,)."""
    whole = math.lgamma(n + 1)
    counts = range(successes + 1)
    return np.array([whole - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in counts])


def _at_most(ways: NDArray[np.float64], n: int, share: float) -> float:
    """P(X < len(ways)) of a binomial, summed in logarithms so that large n do not overflow."""
    if share <= 0 or share >= 1:
        return 1.0 if share <= 0 or len(ways) > n else 0.0
    k = np.arange(len(ways))
    return float(np.exp(ways + k * math.log(share) + (n - k) * math.log1p(-share)).sum())
