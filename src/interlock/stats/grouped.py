"""Shares and quantiles of rows that were only counted, with intervals over the units they are of.

Rows are dealt by their unit to a fixed number of groups and counted there: memory does not grow
with the rows, and a unit's rows, which depend on each other, stay together. Intervals come from
resamples of the groups (random groups: Wolter 2007, "Introduction to Variance Estimation", chapter
2); those of quantiles by Woodruff (1952), "Confidence intervals for medians and other position
measures", JASA 47: the interval of the share below a quantile, read off the distribution. Where
fewer than 10 rows count, or fewer than 10 do not, resampling would say too little, and the exact
binomial interval of as many rows as there are units stands instead.

A number is counted in the bin of its sign and size: bins grow by 1 %, so a quantile is known to
half a percent of itself (DDSketch: Masson, Rim & Lee 2019, PVLDB 12(12)).

>>> groups = Groups.of(np.full(50, 20.0), units=1_000, seed=1)
>>> share, low, high = groups.share(np.tile([8.0, 12.0], 25))
>>> share, low < 0.5 < high
(0.5, True)
>>> [round(float(value), 2) for value in bin_values(np.array([0, bin_number(250.0), -3]))[:2]]
[0.0, 249.0]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.stats.intervals import share_interval

Floats = NDArray[np.float64]
Measured = tuple[float, float, float]
"""A value and the ends of its 95 % interval."""

GROUPS = 200
GROWTH = 1.01
ZERO = 80_000
"""Lies between the bins of the smallest positive and the smallest negative number."""
_RESAMPLES = 2_000
_FEW = 10
_TAILS = (0.025, 0.975)


def bin_number(value: float) -> int:
    """The bin of a finite number: 0 of zero, else of its sign, rising with its size."""
    if value == 0:
        return 0
    size = math.ceil(math.log(abs(value)) / math.log(GROWTH)) + ZERO
    return size if value > 0 else -size


def bin_values(bins: NDArray[np.int64]) -> Floats:
    """The number that stands for each bin, (n_bins,)."""
    sizes = np.exp((np.abs(bins) - ZERO) * math.log(GROWTH)) * 2 / (1 + GROWTH)
    return np.where(bins == 0, 0.0, np.sign(bins) * sizes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups:
    """``rows`` (n_groups,) of each group, of so many ``units``; ``drawn`` (n_resamples, n_groups).

    ``drawn`` says how often each group is in a resample; groups without rows are in none.
    """

    rows: Floats
    units: int
    drawn: Floats

    @classmethod
    def of(cls, rows: Floats, *, units: int, seed: int) -> Groups:
        """Resamples of the groups that have rows. Raises ValueError where none has."""
        there = rows > 0
        if not there.any():
            raise ValueError("shares need at least one row, got none")
        chances = there / there.sum()
        drawn = np.random.Generator(np.random.PCG64(seed)).multinomial(
            int(there.sum()), chances, size=_RESAMPLES
        )
        return cls(rows=rows, units=units, drawn=drawn.astype(np.float64))

    def share(self, hits: Floats) -> Measured:
        """The share of all rows that are ``hits`` (n_groups,), with its 95 % interval."""
        total, found = float(self.rows.sum()), float(hits.sum())
        if min(found, total - found) < _FEW:
            return (found / total, *self._exact(found / total))
        shares = (self.drawn @ hits) / (self.drawn @ self.rows)
        low, high = np.quantile(shares, _TAILS)
        return found / total, float(low), float(high)

    def _exact(self, share: float) -> tuple[float, float]:
        """Of so many rows as there are units: none of them may say more than its first."""
        if share > 0.5:
            low, high = self._exact(1 - share)
            return 1 - high, 1 - low
        hits = share * self.units
        low, _ = share_interval(math.floor(hits), self.units)
        _, high = share_interval(min(self.units, math.ceil(hits)), self.units)
        return low, high

    def quantiles(
        self, group: NDArray[np.int64], bins: NDArray[np.int64], counts: Floats, at: Sequence[float]
    ) -> list[Measured]:
        """Quantiles of numbers, of which ``counts`` (n,) lie in the ``bins`` of a ``group``.

        Raises ValueError where there are no numbers.
        """
        if not len(bins):
            raise ValueError("quantiles need at least one number, got none")
        order = np.argsort(bins, kind="stable")
        group, bins, counts = group[order], bins[order], counts[order]
        places, first = np.unique(bins, return_index=True)
        below = np.cumsum(np.add.reduceat(counts, first)) / counts.sum()
        values = bin_values(places)

        def read(share: float) -> float:
            return float(values[min(int(np.searchsorted(below, share)), len(values) - 1)])

        numbers = self._summed(group, counts)
        counted = Groups(rows=numbers, units=self.units, drawn=self.drawn)
        found = []
        for share in at:
            chosen = bins <= places[min(int(np.searchsorted(below, share)), len(places) - 1)]
            middle, low, high = counted.share(self._summed(group[chosen], counts[chosen]))
            ends = read(share + low - middle), read(share + high - middle)
            found.append((read(share), *ends))
        return found

    def _summed(self, group: NDArray[np.int64], counts: Floats) -> Floats:
        """The counts of each group, (n_groups,)."""
        found = np.bincount(group, counts, minlength=len(self.rows))
        return found.astype(np.float64)
