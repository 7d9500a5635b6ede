"""The bootstrap: how sure we are of a statistic, from the rows themselves.

Efron, B. (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1);
percentile intervals: Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13;
clusters: Field & Welsh (2007), "Bootstrapping clustered data", JRSS B 69(3).

A statistic is one of three kinds, each computed from counts (see :mod:`interlock.stats.resamples`)
without copying data: a function of :class:`Means`, a :class:`Quantile`, or any :class:`Weighted`
function. The bootstrap itself takes under 200 MB for a million rows.

Invariant: a resample in which the statistic is undefined widens the interval on both sides; it
never drops out.

>>> values = np.arange(1.0, 101.0)
>>> median = Quantile(values, 0.5)
>>> value_of(median, 100)
50.5
>>> drawn = bootstrap([median], Resamples.of(100, seed=1))
>>> low, high = percentile_interval(drawn[:, 0])
>>> 38 < low < 50.5 < high < 63
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]
FromCounts = Callable[[Floats], Floats]
"""From counts (n_resamples, n_units) to one value a resample (n_resamples,)."""


class Statistic(Protocol):
    """A number computed from rows; ``over`` prepares it once for rows grouped into units."""

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """The function from counts of units to values; unit_of_row is (n_rows,)."""


def first(means: Floats) -> Floats:
    """The mean of the one column: (n_resamples, 1) → (n_resamples,)."""
    return means[:, 0]


@dataclass(frozen=True, eq=False)
class Means:
    """``final`` of the means of per-row ``columns`` (n_rows, n_columns).

    >>> squares = np.array([[1.0], [9.0], [25.0]])
    >>> round(value_of(Means(squares, lambda means: np.sqrt(means[:, 0])), 3), 4)
    3.4157
    """

    columns: Floats
    final: FromCounts = first

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Sums per unit first, so that a resample costs one product with the counts."""
        sizes = np.bincount(unit_of_row, minlength=n_units).astype(np.float64)
        sums = [np.bincount(unit_of_row, weights=c, minlength=n_units) for c in self.columns.T]
        table = np.column_stack([sizes, *sums])

        def values(counts: Floats) -> Floats:
            totals = counts @ table
            return self.final(totals[:, 1:] / totals[:, :1])

        return values


@dataclass(frozen=True, eq=False)
class Quantile:
    """The ``share`` quantile of per-row ``values`` (n_rows,), linear between order statistics.

    Hyndman & Fan (1996), "Sample quantiles in statistical packages", type 7; the median of an even
    number of rows is the exact midpoint of the middle two. Sorted once; only the ranks where a
    resample's quantile can plausibly lie are cumulated, and all of them where that was not enough.
    """

    values: Floats
    share: float

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Cumulative counts over the sorted order, searched for the two ranks around the share."""
        order = np.argsort(self.values, kind="stable")
        units, ranked = unit_of_row[order], self.values[order]
        sizes = np.bincount(unit_of_row, minlength=n_units).astype(np.float64)
        n = len(ranked)
        spread = 8 * math.sqrt(n * self.share * (1 - self.share)) + 8  # 8 standard deviations
        start, stop = max(0, int(self.share * n - spread)), min(n, int(self.share * n + spread))
        below = np.bincount(units[:start], minlength=n_units).astype(np.float64)

        def values(counts: Floats) -> Floats:
            ranks = (counts @ sizes - 1) * self.share
            window = (counts @ below)[:, None] + np.cumsum(counts[:, units[start:stop]], axis=1)
            found, inside = _at_ranks(window, ranks, ranked[start:stop], counts @ below)
            for row in np.flatnonzero(~inside):
                whole = np.cumsum(counts[row : row + 1, units], axis=1)
                found[row] = _at_ranks(whole, ranks[row : row + 1], ranked, np.zeros(1))[0][0]
            return found

        return values


def _at_ranks(
    cumulated: Floats, ranks: Floats, ranked: Floats, below: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Values at 0-based fractional ``ranks``, and whether the window ``ranked`` held them."""
    lower, upper = np.floor(ranks), np.ceil(ranks)
    inside = (below <= lower) & (cumulated[:, -1] > upper)
    last = len(ranked) - 1
    at_lower = ranked[np.minimum((cumulated <= lower[:, None]).sum(axis=1), last)]
    at_upper = ranked[np.minimum((cumulated <= upper[:, None]).sum(axis=1), last)]
    weight = ranks - lower
    return at_lower * (1 - weight) + at_upper * weight, inside


@dataclass(frozen=True, eq=False)
class Weighted:
    """Any function of counts per row: (n_resamples, n_rows) → (n_resamples,).

    ``order`` (n_rows,) is the order in which the function wants its rows. The function may
    overwrite the counts it is given.
    """

    function: FromCounts
    order: NDArray[np.intp]

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Counts of units become counts of rows, in the wanted order."""
        units = unit_of_row[self.order]
        space = np.empty((0, len(units)))  # used again: fresh pages cost more than the sums

        def values(counts: Floats) -> Floats:
            nonlocal space
            if len(space) < len(counts):
                space = np.empty((len(counts), len(units)))
            rows = space[: len(counts)]
            np.take(counts, units, axis=1, out=rows, mode="clip")
            return self.function(rows)

        return values


def value_of(statistic: Statistic, n_rows: int) -> float:
    """The statistic on all rows, each once."""
    rows = np.arange(n_rows, dtype=np.intp)
    return float(statistic.over(rows, n_rows)(np.ones((1, n_rows)))[0])


def bootstrap(statistics: Sequence[Statistic], resamples: Resamples) -> Floats:
    """Every statistic on every resample, (n_resamples, n_statistics); all see the same rows."""
    functions = [s.over(resamples.unit_of_row, resamples.n_units) for s in statistics]
    found = np.empty((resamples.count, len(functions)))
    done = 0
    with np.errstate(all="ignore"):
        for counts in resamples.chunks():
            rows = slice(done, done + len(counts))
            for column, function in enumerate(functions):
                found[rows, column] = function(counts)
            done += len(counts)
    return found


def percentile_interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """The middle ``level`` of bootstrap ``values`` (n_resamples,), by order statistics.

    An undefined value (NaN) counts as lowest for the lower and highest for the upper end.

    >>> percentile_interval(np.arange(2_000.0))
    (49.0, 1950.0)
    """
    undefined = np.isnan(values)
    outside = int((1 - level) / 2 * (len(values) + 1)) - 1
    outside = max(0, outside)
    low = np.sort(np.where(undefined, -np.inf, values))[outside]
    high = np.sort(np.where(undefined, np.inf, values))[len(values) - 1 - outside]
    return float(low), float(high)
