"""Statistics made of others, and those of which nothing is known but how to compute them.

>>> from interlock.stats.bootstrap import value_of
>>> values = np.array([3.0, 1.0, 2.0])
>>> largest = Redrawn(lambda rows: float(values[rows].max()), n_rows=3)
>>> value_of(Scaled(largest, 100), 3)
300.0
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from interlock.stats.bootstrap import Floats, FromCounts, Statistic


@dataclass(frozen=True, eq=False)
class Redrawn:
    """Any ``function`` of row numbers: it is given those of a resample, in order, each as often as
    it was drawn, and answers one number.

    It costs one call a resample, so fewer of them are drawn (see ``Metric.resamples``).
    """

    function: Callable[[NDArray[np.intp]], float]
    n_rows: int

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Writes every resample out."""
        rows = np.arange(self.n_rows, dtype=np.intp)

        def values(counts: Floats) -> Floats:
            times = counts.astype(np.intp)[:, unit_of_row]
            return np.array([self.function(np.repeat(rows, drawn)) for drawn in times])

        return values


@dataclass(frozen=True, eq=False)
class Combined:
    """``final`` of the values of other statistics, (n_resamples, n_statistics)."""

    statistics: Sequence[Statistic]
    final: FromCounts

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """Each statistic on the same counts; it may overwrite its own copy of them."""
        functions = [s.over(unit_of_row, n_units) for s in self.statistics]
        return lambda counts: self.final(np.column_stack([f(counts) for f in functions]))


@dataclass(frozen=True, eq=False)
class Scaled:
    """Another statistic times ``factor``: the same measure in another unit."""

    statistic: Statistic
    factor: float

    def over(self, unit_of_row: NDArray[np.intp], n_units: int) -> FromCounts:
        """The values of the other, each times the factor."""
        inner = self.statistic.over(unit_of_row, n_units)
        return lambda counts: inner(counts) * self.factor
