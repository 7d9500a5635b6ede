"""The bootstrap: how sure we are of a statistic, from the rows themselves.

Efron, B. (1979), "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1);
percentile intervals: Efron & Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13;
clusters: Field & Welsh (2007), "Bootstrapping clustered data", JRSS B 69(3).

A statistic is one of three kinds, each computed from counts (see :mod:`interlock.stats.resamples`)
without copying data: a function of :class:`Means`, a :class:`Quantile`, or any function of
:class:`Ranked` rows. The bootstrap itself takes under 200 MB for a million rows.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from interlock.stats.resamples import Resamples

Floats = NDArray[np.float64]
_BLOCK_CELLS = 2**18
_SUMS_AT_ONCE = 100
FromCounts = Callable[[Floats], Floats]
"""From counts (n_resamples, n_units) to one value a resample (n_resamples,)."""
Columns = Callable[[NDArray[np.intp]], NDArray[Any]]
"""From units (k,) to how often each was drawn (n_resamples, k)."""


class Statistic(Protocol):
    """A number computed from rows; ``over`` prepares it once for rows grouped into units."""

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """The function from counts of units to values; unit_of_row is (n_rows,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sums:
    """A statistic made of sums: each of ``columns`` (n_units,) is summed over a resample's units.

    ``finish`` makes values (n_resamples,) of the totals (n_resamples, n_columns), and of the counts
    of those units that it asks for. The totals of many statistics are one matrix product.
    """

    columns: tuple[Floats, ...]
    finish: Callable[[Floats, Columns], Floats]

    def from_counts(self, counts: Floats) -> Floats:
        """Values (n_resamples,) of counts (n_resamples, n_units)."""
        return self.finish(counts @ np.stack(self.columns).T, lambda units: counts[:, units])


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
    final: Callable[[Floats], Floats] = first

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Sums per unit first, so that a resample costs one product with the counts."""
        return self.sums(unit_of_row, n_units).from_counts

    def sums(self, unit_of_row: NDArray[np.intp], n_units: int) -> Sums:
        """Rows and columns, summed by unit."""
        sizes = np.bincount(unit_of_row, minlength=n_units).astype(np.float64)
        sums = (
            np.bincount(unit_of_row, weights=c, minlength=n_units).astype(np.float64, copy=False)
            for c in self.columns.T
        )
        return Sums(
            columns=(sizes, *sums),
            finish=lambda totals, _: self.final(totals[:, 1:] / totals[:, :1]),
        )


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
        return self.sums(unit_of_row, n_units).from_counts

    def sums(self, unit_of_row: NDArray[np.intp], n_units: int) -> Sums:
        """Rows, and rows below the plausible ranks, summed by unit."""
        order = np.argsort(self.values, kind="stable")
        units, ranked = unit_of_row[order], self.values[order]
        n = len(ranked)
        spread = 6 * math.sqrt(n * self.share * (1 - self.share)) + 8  # 6 standard deviations
        start, stop = max(0, int(self.share * n - spread)), min(n, int(self.share * n + spread))
        sizes = np.bincount(unit_of_row, minlength=n_units).astype(np.float64)
        below = np.bincount(units[:start], minlength=n_units).astype(np.float64)

        def finish(totals: Floats, columns: Columns) -> Floats:
            ranks, before = (totals[:, 0] - 1) * self.share, totals[:, 1]
            found = np.empty(len(ranks))
            window, step = columns(units[start:stop]), max(1, _BLOCK_CELLS // (stop - start))
            for done in range(0, len(ranks), step):
                rows = slice(done, done + step)
                found[rows] = _at_ranks(
                    window[rows], ranks[rows] - before[rows], ranked[start:stop]
                )
            for row in np.flatnonzero(np.isnan(found) & (totals[:, 0] > 0)):
                whole = columns(units)[row : row + 1]
                found[row] = _at_ranks(whole, ranks[row : row + 1], ranked)[0]
            return found

        return Sums(columns=(sizes, below), finish=finish)


def _at_ranks(counts: NDArray[Any], ranks: Floats, ranked: Floats) -> Floats:
    """Values at 0-based fractional ``ranks`` (n,) of ``ranked`` (k,), each so often as ``counts``
    (n, k) says; NaN where the rank lies outside."""
    upto = np.cumsum(counts, axis=1, dtype=np.int32)
    lower = np.floor(ranks)
    upper, weight = np.ceil(ranks), ranks - lower
    inside = (lower >= 0) & (upto[:, -1] > upper)
    at_lower = np.count_nonzero(upto <= lower.astype(np.int32)[:, None], axis=1)
    at_lower = np.where(inside, at_lower, 0)
    at_upper = at_lower.copy()
    apart = np.flatnonzero(inside & (upto[np.arange(len(upto)), at_lower] <= upper))
    at_upper[apart] = np.count_nonzero(
        upto[apart] <= upper[apart].astype(np.int32)[:, None], axis=1
    )
    return np.where(inside, ranked[at_lower] * (1 - weight) + ranked[at_upper] * weight, np.nan)


@dataclass(frozen=True, eq=False)
class Ranked:
    """A function of rows in an ``order`` (n_rows,) of two sides: ``n_first`` rows, and the rest.

    ``function`` is given how often each row of the first side was drawn, (n_resamples, n_first)
    float64, and running totals of the other's, (n_resamples, n_rows − n_first), and makes values
    (n_resamples,). It overwrites neither: several functions of one order are given the same.
    """

    function: Callable[[Floats, NDArray[np.int32]], Floats]
    order: NDArray[np.intp]
    n_first: int

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Counts of units become those of rows, in the order."""
        sides = self.sides(unit_of_row)
        return lambda counts: self.function(*sides(counts))

    def sides(
        self, unit_of_row: NDArray[np.intp]
    ) -> Callable[[NDArray[Any]], tuple[Floats, NDArray[np.int32]]]:
        """From counts (n_resamples, n_units) to what the function is given."""
        units = unit_of_row[self.order]
        space = np.empty((0, len(units)))  # used again: fresh pages cost more than the sums

        def of(counts: NDArray[Any]) -> tuple[Floats, NDArray[np.int32]]:
            nonlocal space
            if len(space) < len(counts) or space.dtype != counts.dtype:
                space = np.empty((len(counts), len(units)), dtype=counts.dtype)
            rows = space[: len(counts)]
            np.take(counts, units, axis=1, out=rows, mode="clip")
            first, others = rows[:, : self.n_first], rows[:, self.n_first :]
            return first.astype(np.float64), np.cumsum(others, axis=1, dtype=np.int32)

        return of

    def is_beside(self, other: Ranked) -> bool:
        """Whether both are given the same."""
        return self.n_first == other.n_first and np.array_equal(self.order, other.order)


def value_of(statistic: Statistic, n_rows: int) -> float:
    """The statistic on all rows, each once."""
    rows = np.arange(n_rows, dtype=np.intp)
    return float(statistic.over(rows, n_rows)(np.ones((1, n_rows)))[0])


def bootstrap(statistics: Sequence[Statistic], resamples: Resamples) -> Floats:
    """Every statistic on every resample, (n_resamples, n_statistics); all see the same rows."""
    everywhere = np.ones(resamples.n_rows, dtype=bool)
    return bootstrap_parts([(statistic, everywhere) for statistic in statistics], resamples)


def bootstrap_parts(
    parts: Sequence[tuple[Statistic, NDArray[np.bool_]]], resamples: Resamples
) -> Floats:
    """Each statistic on every resample, (n_resamples, n_parts), each of its own part of the rows.

    A part is a mask (n_rows,), and its statistic one of the rows that it keeps. All are seen
    through the same resamples; NaN where a resample holds no row of a part.
    """
    found = np.empty((resamples.count, len(parts)))
    summed: list[tuple[int, Sums]] = []
    ranked: list[_Group] = []
    with np.errstate(all="ignore"):
        for place, (statistic, rows) in enumerate(parts):
            units = resamples.unit_of_row[rows]
            if isinstance(statistic, Means | Quantile):
                summed.append((place, statistic.sums(units, resamples.n_units)))
            elif isinstance(statistic, Ranked):
                _add_to_group(ranked, place, statistic, units)
            else:
                found[:, place] = _by_counts(statistic, rows, resamples)
        for some in _batches(summed):
            _add_sums(found, some, resamples)
        for group in ranked:
            _add_ranked(found, group, resamples)
    return found


def _by_counts(statistic: Statistic, rows: NDArray[np.bool_], resamples: Resamples) -> Floats:
    drawn = resamples if rows.all() else resamples.within(rows)
    values = statistic.over(drawn.unit_of_row, drawn.n_units)
    return np.concatenate([values(counts) for counts in drawn.byte_chunks()])


@dataclass(frozen=True, eq=False)
class _Group:
    """Statistics of one order of the same rows, by their places."""

    units: NDArray[np.intp]
    members: dict[int, Ranked]


def _add_to_group(
    groups: list[_Group], place: int, statistic: Ranked, units: NDArray[np.intp]
) -> None:
    for group in groups:
        one = next(iter(group.members.values()))
        if statistic.is_beside(one) and np.array_equal(units, group.units):
            group.members[place] = statistic
            return
    groups.append(_Group(units, {place: statistic}))


def _add_ranked(found: Floats, group: _Group, resamples: Resamples) -> None:
    """Writes the values of these statistics into their columns; what they share is made once."""
    sides, done = next(iter(group.members.values())).sides(group.units), 0
    for counts in resamples.byte_chunks():
        given = sides(counts)
        for place, statistic in group.members.items():
            found[done : done + len(counts), place] = statistic.function(*given)
        done += len(counts)


def _batches(summed: Sequence[tuple[int, Sums]]) -> Iterator[Sequence[tuple[int, Sums]]]:
    """Some at a time, so that their tables together stay small."""
    for start in range(0, len(summed), _SUMS_AT_ONCE):
        yield summed[start : start + _SUMS_AT_ONCE]


def _add_sums(found: Floats, some: Sequence[tuple[int, Sums]], resamples: Resamples) -> None:
    """Writes the values of these statistics into their columns of ``found``."""
    columns, places = _distinct([column for _, sums in some for column in sums.columns])
    totals = resamples.totals(np.stack(columns).T)[:, places]
    start = 0
    for place, sums in some:
        stop = start + len(sums.columns)
        found[:, place] = sums.finish(totals[:, start:stop], resamples.columns)
        start = stop


def _distinct(columns: Sequence[Floats]) -> tuple[list[Floats], list[int]]:
    """The different ones, and for each of all where it is among them.

    Statistics of the same rows all ask how many rows there are.
    """
    seen: dict[bytes, int] = {}
    places = [seen.setdefault(column.tobytes(), len(seen)) for column in columns]
    return [columns[places.index(place)] for place in range(len(seen))], places


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
