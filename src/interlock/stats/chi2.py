"""The tail of the χ² distribution, by its finite sum: nothing to import, nothing to iterate.

>>> round(survival(16.918977604620448, 9), 12)
0.05
"""

from __future__ import annotations

import math


def survival(x: float, degrees: int) -> float:
    """P(X ≥ x) of a χ² variable with ``degrees`` ≥ 1 degrees of freedom.

    The regularised upper incomplete gamma function at half-integers, from its recurrence
    Q(a + 1, h) = Q(a, h) + hᵃ e⁻ʰ / Γ(a + 1): Abramowitz & Stegun (1964), 26.4.4 and 26.4.5. All
    terms are positive, so the sum loses no digits. Raises ValueError for a NaN, or without degrees.
    """
    if degrees < 1 or math.isnan(x):
        raise ValueError(f"x must be a number and degrees ≥ 1, got {x} and {degrees}")
    half = x / 2
    if half <= 0:
        return 1.0
    if math.isinf(half):
        return 0.0
    odd = degrees % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    powers = [k + odd / 2 for k in range(degrees // 2)]
    log_half = math.log(half)
    total += math.fsum(math.exp(a * log_half - half - math.lgamma(a + 1)) for a in powers)
    return min(1.0, total)
