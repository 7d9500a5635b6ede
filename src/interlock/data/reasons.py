"""Why rows are not used: the first reason found, row by row.

>>> reasons = Reasons(3)
>>> reasons.add(np.array([0, 2]), "price: is missing")
>>> reasons.add(np.array([2]), "price: must be > 0")
>>> reasons.free().tolist(), reasons.of(np.array([2]))
([False, True, False], ['price: is missing'])
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interlock.data.conform import Mask


class Reasons:
    """The first reason, row by row, why a row is not used."""

    def __init__(self, n_rows: int) -> None:
        self._texts: list[str] = []
        self._codes = np.full(n_rows, -1, dtype=np.int32)

    def add(self, rows: npt.NDArray[np.intp] | Mask, text: str) -> None:
        """Give the rows this reason where they have none yet."""
        numbers = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        fresh = numbers[self._codes[numbers] < 0]
        if len(fresh):
            self._codes[fresh] = len(self._texts)
            self._texts.append(text)

    def free(self, rows: npt.NDArray[np.intp] | slice = slice(None)) -> Mask:
        """Whether the rows have no reason."""
        return self._codes[rows] < 0

    def of(self, rows: npt.NDArray[np.intp]) -> list[str]:
        """The reasons of rows that have one."""
        return [self._texts[code] for code in self._codes[rows].tolist()]
