"""Which rows each bootstrap resample holds, as counts: drawn once, used for every statistic.

A resample of n units drawn with replacement is kept as how often each unit was drawn, one row of
counts per resample. Statistics then need sums over counts rather than copies of the data, and two
models scored with the same :class:`Resamples` are compared on the same rows (a paired bootstrap).
A unit is a row, or a cluster of rows that depend on each other; a cluster is drawn whole. More than
25,000 units are first dealt at random into 25,000 groups, which are then the units drawn: time and
memory stop growing, and the interval is the same but for its own noise (random groups: Wolter 2007,
"Introduction to Variance Estimation", chapter 2).

Parts of the rows (a slice, a group) are seen through the same draws by :meth:`Resamples.within`, so
that a part can be compared with the whole, and one part with another.

Invariants: the same (n, clusters, seed) give the same counts; 2,000 resamples keep at most 50 MB.

>>> resamples = Resamples.of(4, seed=7, count=1_000)
>>> sum(len(counts) for counts in resamples.chunks())
1000
>>> next(resamples.chunks()).sum(axis=1)[:3]
array([4., 4., 4.])
>>> half = resamples.within(np.array([True, True, False, False]))
>>> half.n_rows, bool((next(half.chunks()) == next(resamples.chunks())[:, :2]).all())
(2, True)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.stats.threads import limited_threads

RESAMPLES = 2_000
MOST_UNITS = 25_000
_CHUNK_CELLS = 2**17  # 1 MB of float64: a chunk stays near the processor
_PRODUCT_CELLS = 2**21  # 16 MB: a table is read once for many resamples


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """``count`` resamples of ``n_units`` units; ``unit_of_row`` is (n_rows,), the unit's index.

    ``independent`` is how many rows or clusters there were before any were grouped, and
    ``member_of_row`` (n_rows,) which of them a row belongs to. ``whole`` are the resamples that
    these are a part of, ``kept`` (n_units,) its units that are left.
    """

    unit_of_row: NDArray[np.intp]
    member_of_row: NDArray[np.intp]
    n_units: int
    independent: int
    seed: int
    count: int = RESAMPLES
    whole: Resamples | None = None
    kept: NDArray[np.intp] | None = None

    @classmethod
    def of(
        cls, n_rows: int, *, seed: int, clusters: ArrayLike | None = None, count: int = RESAMPLES
    ) -> Resamples:
        """Resamples of rows, or of ``clusters`` (n_rows,): any sortable ids.

        Raises ValueError when there are no rows or the ids are not one per row, TypeError for a
        seed that is no whole number: None would mean other resamples each time.
        """
        if n_rows < 1:
            raise ValueError("a resample needs at least one row, got none")
        members, independent = _units(n_rows, clusters)
        n_units = min(independent, MOST_UNITS)
        units = members
        if n_units < independent:
            units = _dealt(independent, n_units, seed)[members]
        return cls(
            unit_of_row=units,
            member_of_row=members,
            n_units=n_units,
            independent=independent,
            seed=index(seed),
            count=count,
        )

    def within(self, rows: NDArray[np.bool_]) -> Resamples:
        """The same draws, seen from ``rows`` (n_rows,) alone.

        How many rows a resample then holds varies, as it does where rows come as they come. Raises
        ValueError where no row is left.
        """
        if rows.shape != self.unit_of_row.shape or not rows.any():
            raise ValueError(f"a part needs a mask of {self.n_rows} rows that keeps at least one")
        kept, units = np.unique(self.unit_of_row[rows], return_inverse=True)
        members, member_of_row = np.unique(self.member_of_row[rows], return_inverse=True)
        return Resamples(
            unit_of_row=units.astype(np.intp),
            member_of_row=member_of_row.astype(np.intp),
            n_units=len(kept),
            independent=len(members),
            seed=self.seed,
            count=self.count,
            whole=self,
            kept=kept,
        )

    @property
    def n_rows(self) -> int:
        """How many rows the units hold together."""
        return len(self.unit_of_row)

    def first(self, count: int) -> Resamples:
        """Only the first ``count`` of them, drawn once for both; all where there are no more."""
        if count >= self.count:
            return self
        fewer = replace(self, count=count)
        vars(fewer)["_counts"] = self._counts[:count]  # where cached_property looks first
        return fewer

    def chunks(self, cells: int = 0) -> Iterator[NDArray[np.float64]]:
        """All resamples, so many counts at a time: (n_resamples_of_chunk, n_units)."""
        step = max(1, (cells or _CHUNK_CELLS) // self.n_units)
        for start in range(0, self.count, step):
            yield self._counts[start : start + step].astype(np.float64)

    def byte_chunks(self) -> Iterator[NDArray[Any]]:
        """The same in one byte a count, as they are kept: an eighth to gather."""
        step = max(1, _CHUNK_CELLS // self.n_units)
        for start in range(0, self.count, step):
            yield self._counts[start : start + step]

    def independent_in(self, rows: NDArray[np.bool_]) -> int:
        """How many independent rows or clusters have one of ``rows`` (n_rows,)."""
        if self.independent == self.n_rows:
            return int(rows.sum())
        return len(np.unique(self.member_of_row[rows]))

    def totals(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sums of ``table`` (n_units, k) over each resample's units, (n_resamples, k).

        On one thread: a few rows at a time gain nothing by more, and where other work keeps the
        cores busy, BLAS threads waiting for each other take ten times as long.
        """
        with limited_threads(1, user_api="blas"):
            return np.concatenate([counts @ table for counts in self.chunks(_PRODUCT_CELLS)])

    def columns(self, units: NDArray[np.intp]) -> NDArray[np.uint8]:
        """How often each of these units was drawn, (n_resamples, len(units))."""
        return self._counts[:, units]

    @cached_property
    def _counts(self) -> NDArray[np.uint8]:
        """(count, n_units), one byte each: 256 draws of one unit have a chance below 1e-500."""
        if self.whole is not None:
            return self.whole._counts[:, self.kept]
        generator = np.random.Generator(np.random.PCG64(self.seed))
        n = self.n_units
        counts = np.empty((self.count, n), dtype=np.uint8)
        for row in range(self.count):
            counts[row] = np.bincount(generator.integers(0, n, size=n), minlength=n)
        return counts


def _dealt(n: int, groups: int, seed: int) -> NDArray[np.intp]:
    """A group for each of n units, (n,), at random, all groups as large as each other or by one."""
    order = np.random.Generator(np.random.PCG64([seed, n])).permutation(n)
    return (order % groups).astype(np.intp)


def _units(n_rows: int, clusters: ArrayLike | None) -> tuple[NDArray[np.intp], int]:
    """The unit of each row. Clusters of one row each are rows, in their own order."""
    rows = np.arange(n_rows, dtype=np.intp)
    if clusters is None:
        return rows, n_rows
    ids: NDArray[Any] = np.asarray(clusters)
    if ids.shape != (n_rows,):
        raise ValueError(f"clusters must have shape ({n_rows},), got {ids.shape}")
    names, places = np.unique(ids, return_inverse=True)
    return (rows, n_rows) if len(names) == n_rows else (places.astype(np.intp), len(names))
