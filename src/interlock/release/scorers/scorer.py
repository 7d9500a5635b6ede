"""What a loaded model is, whatever its format.

Invariant: one row and a batch of many give the same bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from interlock.errors import IntegrityError

Raw = NDArray[np.float64]
Needs = Literal["matrix", "columns"]


class Scorer(Protocol):
    """A loaded model.

    Where it ``needs`` a matrix, :meth:`raw` takes the encoder's (n_rows, n_columns) float64 and
    the others such rows as sequences; where it needs columns, :meth:`raw` takes feature columns by
    name and the others a value for each input, in order. One row and many give equal bits.
    """

    @property
    def needs(self) -> Needs:
        """What rows it takes."""
        ...

    def raw(self, rows: Any) -> Raw:
        """Raw scores, (n_rows, n_outputs)."""
        ...

    def raw_one(self, row: Sequence[Any]) -> list[float]:
        """Raw scores of one row, n_outputs of them; to be called from one thread at a time."""
        ...

    def raw_few(self, rows: Sequence[Sequence[Any]]) -> list[list[float]]:
        """:meth:`raw_one` of each row, in one call; to be called from one thread at a time."""
        ...


class ByTable(ABC):
    """What takes a table for one row, too: a matrix, or the columns of ``inputs``."""

    inputs: Sequence[str] = ()

    @abstractmethod
    def raw(self, rows: Any) -> Raw:
        """Raw scores, (n_rows, n_outputs)."""

    def raw_one(self, row: Sequence[Any]) -> list[float]:
        """Raw scores of one encoded row, or of one value for each input."""
        return self.raw_few([row])[0]

    def raw_few(self, rows: Sequence[Sequence[Any]]) -> list[list[float]]:
        """The same of some rows."""
        scores: list[list[float]] = self.raw(table_of(rows, self.inputs)).tolist()
        return scores


def table_of(rows: Sequence[Sequence[Any]], inputs: Sequence[str] = ()) -> Any:
    """Rows as :meth:`Scorer.raw` takes them: a matrix, or the columns of ``inputs``.

    >>> table_of([(1, "a"), (2, "b")], ["size", "kind"])
    {'size': [1, 2], 'kind': ['a', 'b']}
    """
    if not inputs:
        return np.array(rows, dtype=np.float64)
    columns = zip(*rows, strict=True)
    return {name: list(column) for name, column in zip(inputs, columns, strict=True)}


def unreadable(format: str, got: str) -> IntegrityError:
    """The error of bytes that are no model of that format."""
    return IntegrityError(
        "T155",
        "the model's bytes cannot be loaded",
        where=f"the release's {format} model",
        expected="the model as it was exported, for this release's encoder",
        got=got,
        fix="verify the release; build it again if it does not verify",
    )
