"""Whether a column's values have moved: the population stability index with its χ² test.

The index alone, held to its customary limits of 0.1 and 0.25, cries wolf on few rows: of windows of
100 rows that did not drift at all, a third exceeds 0.1. A test alone flags on many rows what is too
small to matter. Drift is therefore what is large *and* cannot be chance, and too few rows are
neither drifted nor sound.

>>> same = shift([100] * 10, [50] * 10)
>>> moved = shift([100] * 10, [20, 30, 40, 50, 60, 60, 70, 80, 90, 100])
>>> round(moved.psi, 3), moved.p < 1e-9
(0.187, True)
>>> few = shift([100] * 10, [10] * 10)
>>> [found.level.value for found in judge_shifts([same, moved, few])]
['ok', 'warning', 'insufficient']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from interlock.stats.chi2 import survival
from interlock.stats.multiple import benjamini_hochberg

WARNING_PSI = 0.1
HIGH_PSI = 0.25
LARGEST_Q = 0.01
FULL_ROWS = 500
"""From so many rows on a finding counts in full."""
FEWEST_ROWS = 200
"""Below so many rows, of the reference or now, nothing is said; up to :data:`FULL_ROWS` advice."""


class Level(StrEnum):
    """The closed set of answers about one column."""

    OK = "ok"
    WARNING = "warning"
    HIGH = "high"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One column's index, and the chance ``p`` of one as large where nothing has moved.

    ``rows_before`` and ``rows_now`` count the rows behind it, ``bins`` those that hold any.
    """

    psi: float
    p: float
    rows_before: int
    rows_now: int
    bins: int


@dataclass(frozen=True, kw_only=True)
class JudgedShift:
    """A shift's level, and its p-value adjusted for all columns asked; NaN where too few rows."""

    level: Level
    q: float


def shift(before: ArrayLike, now: ArrayLike) -> Shift:
    """The shift between two counts of rows by bin, each (n_bins,).

    Shares are smoothed, p = (c + ½)/(n + ½B), PSI = Σ (p − q) ln(p/q), and where nothing has moved
    PSI ≈ (1/n + 1/m) χ²(B − 1): Yurdakul (2018), "Statistical properties of population stability
    index". A bin that is empty in both tells nothing and counts for none of the B. Raises
    ValueError for counts that are negative, no numbers, or of different lengths.
    """
    a, b = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"counts by bin must be two lists of the same length, got {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all() and (a >= 0).all() and (b >= 0).all()):
        raise ValueError("a count by bin is negative or not a number")
    held = a + b > 0
    a, b = a[held], b[held]
    n, m, bins = float(a.sum()), float(b.sum()), len(a)
    psi, p = 0.0, 1.0
    if n > 0 and m > 0 and bins > 1:
        share_a, share_b = (a + 0.5) / (n + 0.5 * bins), (b + 0.5) / (m + 0.5 * bins)
        psi = float(np.sum((share_a - share_b) * np.log(share_a / share_b)))
        p = survival(psi / (1 / n + 1 / m), bins - 1)
    return Shift(psi=psi, p=p, rows_before=int(n), rows_now=int(m), bins=bins)


def judge_shifts(found: Sequence[Shift]) -> tuple[JudgedShift, ...]:
    """The level of each of the columns asked together, in their order.

    Drift needs all of: rows enough, an index of :data:`WARNING_PSI` at least, and a q-value of
    Benjamini and Hochberg over the columns of :data:`LARGEST_Q` at most (which puts the index above
    χ²'s critical value at that level). A column with too few rows on either side, or with one and
    the same value everywhere, is *insufficient*: it is not asked, and never *ok*.
    """
    asked = [k for k, one in enumerate(found) if _enough(one)]
    adjusted = dict(zip(asked, benjamini_hochberg([found[k].p for k in asked]), strict=True))
    return tuple(_judged(one, adjusted.get(k)) for k, one in enumerate(found))


def _enough(one: Shift) -> bool:
    return min(one.rows_before, one.rows_now) >= FEWEST_ROWS and one.bins > 1


def _judged(one: Shift, q: float | None) -> JudgedShift:
    if q is None:
        return JudgedShift(level=Level.INSUFFICIENT, q=float("nan"))
    level = Level.OK
    if q <= LARGEST_Q and one.psi >= WARNING_PSI:
        level = Level.HIGH if one.psi >= HIGH_PSI else Level.WARNING
    return JudgedShift(level=level, q=float(q))
