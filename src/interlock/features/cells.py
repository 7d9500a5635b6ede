"""The grid points that are asked for, numbered: cell 0 is the first of them.

A row counts at a contiguous run of cells, from the first at which it is known and past to the last
at which it is in reach and not superseded. With that, every law of time is two whole numbers a row.

>>> import numpy as np
>>> cells_of(np.array([30, 10, 10, 50]))
Cells(base=10, step=20, count=3)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from interlock.features.expressions import (
    cast,
    column,
    greatest,
    int_div,
    least,
    paren,
    plus,
    times,
    whole,
)

_NARROW = 2**31  # cells of an entity, for places that fit a BIGINT


@dataclass(frozen=True)
class Cells:
    """``count`` grid points, ``step`` microseconds apart, from ``base`` on."""

    base: int
    step: int
    count: int

    @property
    def end(self) -> int:
        """The first multiple of the step that is past all cells."""
        return self.base + self.count * self.step

    def of(self, grid: exp.Expr) -> exp.Expr:
        """The cell of a grid point."""
        return int_div(plus(grid, -self.base), self.step)

    def place(self, entity: exp.Expr, cell: exp.Expr) -> exp.Expr:
        """One number for an entity's number and a cell, ``count`` included, in their order."""
        wide = entity if self.count < _NARROW else cast(entity, "HUGEINT")
        return paren(exp.Add(this=times(wide, whole(self.count + 1)), expression=cell))

    def first(self) -> exp.Expr:
        """The first cell at which a row of ``r`` is known and its event past."""
        after = plus(column("__event_time", "r"), 1)
        return self._from(greatest(after, column("__available_at", "r")))

    def ends(self, reach: int | None) -> exp.Expr:
        """The first cell at which a row of ``r`` counts no more."""
        until: exp.Expr = column("__superseded_at", "r")
        if reach is not None:
            out_of_reach = plus(column("__event_time", "r"), reach + 1)
            until = least(until, out_of_reach)
        return self._from(until)

    def bucket(self, reach: int | None) -> int | None:
        """Cells in a bucket that a run touches at most two of; None when one would do."""
        if reach is None:
            return None
        length = reach // self.step + 1
        return length if length < self.count else None

    def _from(self, instant: exp.Expr) -> exp.Expr:
        """The first cell that is not before the instant; ``count`` when none is."""
        past = greatest(least(instant, whole(self.end)), whole(self.base))
        return int_div(plus(past, self.step - 1 - self.base), self.step)


def cells_of(grids: npt.NDArray[np.int64]) -> Cells:
    """The cells among which all the grid points are; one empty cell when there are none."""
    if not len(grids):
        return Cells(base=0, step=1, count=1)
    base = int(grids.min())
    step = int(np.gcd.reduce(grids - base)) or 1
    return Cells(base=base, step=step, count=(int(grids.max()) - base) // step + 1)
