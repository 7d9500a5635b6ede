"""Which rows each bootstrap resample holds, as counts: drawn once, used for every statistic.

A resample of n units drawn with replacement is kept as how often each unit was drawn, one row of
counts per resample. Statistics then need sums over counts rather than copies of the data, and two
models scored with the same :class:`Resamples` are compared on the same rows (a paired bootstrap).
A unit is a row, or a cluster of rows that depend on each other; a cluster is drawn whole. More than
25,000 units are first dealt at random into 25,000 groups, which are then the units drawn: time and
memory stop growing, and the interval is the same but for its own noise (random groups: Wolter 2007,
"Introduction to Variance Estimation", chapter 2).

Invariants: the same (n, clusters, seed) give the same counts; 2,000 resamples keep at most 50 MB.

>>> resamples = Resamples.of(4, seed=7, count=1_000)
>>> sum(len(counts) for counts in resamples.chunks())
1000
>>> next(resamples.chunks()).sum(axis=1)[:3]
array([4., 4., 4.])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2_000
MOST_UNITS = 25_000
_CHUNK_CELLS = 2**17  # 1 MB of float64: a chunk stays near the processor


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """``count`` resamples of ``n_units`` units; ``unit_of_row`` is (n_rows,), the unit's index.

    ``independent`` is how many rows or clusters there were before any were grouped.
    """

    unit_of_row: NDArray[np.intp]
    n_units: int
    independent: int
    seed: int
    count: int = RESAMPLES

    @classmethod
    def of(
        cls, n_rows: int, *, seed: int, clusters: ArrayLike | None = None, count: int = RESAMPLES
    ) -> Resamples:
        """Resamples of rows, or of ``clusters`` (n_rows,): any sortable ids.

        Raises ValueError when there are no rows or the ids are not one per row.
        """
        if n_rows < 1:
            raise ValueError("a resample needs at least one row, got none")
        units, independent = _units(n_rows, clusters)
        n_units = min(independent, MOST_UNITS)
        if n_units < independent:
            units = _dealt(independent, n_units, seed)[units]
        return cls(
            unit_of_row=units, n_units=n_units, independent=independent, seed=seed, count=count
        )

    @property
    def n_rows(self) -> int:
        """How many rows the units hold together."""
        return len(self.unit_of_row)

    def chunks(self) -> Iterator[NDArray[np.float64]]:
        """All resamples, some at a time: counts (n_resamples_of_chunk, n_units)."""
        step = max(1, _CHUNK_CELLS // self.n_units)
        for start in range(0, self.count, step):
            yield self._counts[start : start + step].astype(np.float64)

    @cached_property
    def _counts(self) -> NDArray[np.uint8]:
        """(count, n_units), one byte each: 256 draws of one unit have a chance below 1e-500."""
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
    names, index = np.unique(ids, return_inverse=True)
    return (rows, n_rows) if len(names) == n_rows else (index.astype(np.intp), len(names))
