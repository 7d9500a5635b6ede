"""How far values lie from their own median, as a statistic that can be bootstrapped.

>>> from interlock.stats.bootstrap import value_of
>>> value_of(RelativeDeviation(np.array([0.8, 1.0, 1.3])), 3).__round__(6)
0.166667
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import Floats, FromCounts, Quantile


@dataclass(frozen=True, eq=False)
class RelativeDeviation:
    """The mean of \\|value − median\\| over the median, of ``values`` (n_rows,); each resample has
    a median of its own.

    Sorted once. Rows surely below a resample's median are summed beforehand; only those near the
    middle are looked at one by one, and all of them where the median lies further out.
    """

    values: Floats

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Sums of units on either side of each resample's median; NaN unless it is above 0."""
        order = np.argsort(self.values, kind="stable")
        units, ranked = unit_of_row[order], self.values[order]
        n = len(ranked)
        spread = int(4 * math.sqrt(n)) + 8  # 8 standard deviations of the median's rank
        start, stop = max(0, n // 2 - spread), min(n, n // 2 + spread)
        table = np.column_stack(
            [_per_unit(units[part], ranked[part], n_units) for part in (slice(n), slice(start))]
        )
        median = Quantile(self.values, 0.5).over(unit_of_row, n_units)

        def values(counts: Floats) -> Floats:
            centre = median(counts)
            sums = counts @ table
            deviation = _deviation(sums, counts[:, units[start:stop]], ranked[start:stop], centre)
            outside = (centre < ranked[start]) | (centre > ranked[stop - 1])
            for row in np.flatnonzero(outside):
                whole = np.concatenate([sums[row, :2], [0.0, 0.0]])[None]
                one = slice(row, row + 1)
                deviation[one] = _deviation(whole, counts[one][:, units], ranked, centre[one])
            return np.asarray(deviation / np.where(centre > 0, centre, np.nan))

        return values


def _per_unit(units: NDArray[np.intp], values: Floats, n_units: int) -> Floats:
    """(n_units, 2): how many rows each unit holds, and their sum."""
    rows = np.bincount(units, minlength=n_units).astype(np.float64)
    return np.column_stack([rows, np.bincount(units, weights=values, minlength=n_units)])


def _deviation(sums: Floats, near: Floats, ranked: Floats, centre: Floats) -> Floats:
    """Mean distance from ``centre`` (n_resamples,): ``sums`` (n_resamples, 4) hold rows and total
    of all, and of those surely below; ``near`` (n_resamples, n_near) counts ``ranked`` (n_near,).
    """
    n, total, n_low, low = sums.T
    under = near * (ranked <= centre[:, None])
    n_low, low = n_low + under.sum(axis=1), low + under @ ranked
    return np.asarray(np.maximum(0.0, (total - 2 * low - centre * (n - 2 * n_low)) / n))
