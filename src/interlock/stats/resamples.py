"""Which rows each bootstrap resample holds, as counts: drawn once, used for every statistic.

A resample of n units drawn with replacement is kept as how often each unit was drawn, one row of
counts per resample. Statistics then need sums over counts rather than copies of the data, and two
models scored with the same :class:`Resamples` are compared on the same rows (a paired bootstrap).
A unit is a row, or a cluster of rows that depend on each other; a cluster is drawn whole.

Invariants: the same (n, clusters, seed) give the same counts; at most 64 MB are kept.

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
_KEPT_BYTES = 64 * 2**20
_CHUNK_CELLS = 2**17  # 1 MB of float64: a chunk stays near the processor


@dataclass(frozen=True, kw_only=True, eq=False)
class Resamples:
    """``count`` resamples of ``n_units`` units; ``unit_of_row`` is (n_rows,), the unit's index."""

    unit_of_row: NDArray[np.intp]
    n_units: int
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
        units, n_units = _units(n_rows, clusters)
        return cls(unit_of_row=units, n_units=n_units, seed=seed, count=count)

    @property
    def n_rows(self) -> int:
        """How many rows the units hold together."""
        return len(self.unit_of_row)

    def chunks(self) -> Iterator[NDArray[np.float64]]:
        """All resamples, some at a time: counts (n_resamples_of_chunk, n_units)."""
        source = self._drawn() if self._kept is None else self._kept
        step = max(1, _CHUNK_CELLS // self.n_units)
        buffer = np.empty((step, self.n_units))
        filled = 0
        for counts in source:
            buffer[filled] = counts
            filled += 1
            if filled == step:
                yield buffer
                filled = 0
        if filled:
            yield buffer[:filled]

    @cached_property
    def _kept(self) -> NDArray[np.uint8] | None:
        """The counts, where they are small enough to keep.

        One byte each: a unit drawn 256 times or more has a chance below 1e-500.
        """
        if self.count * self.n_units > _KEPT_BYTES:
            return None
        kept = np.empty((self.count, self.n_units), dtype=np.uint8)
        for row, counts in enumerate(self._drawn()):
            kept[row] = counts
        return kept

    def _drawn(self) -> Iterator[NDArray[np.intp]]:
        generator = np.random.Generator(np.random.PCG64(self.seed))
        n = self.n_units
        for _ in range(self.count):
            yield np.bincount(generator.integers(0, n, size=n), minlength=n)


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
