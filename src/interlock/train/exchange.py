"""A model's rows in a form in which its inputs can be exchanged one by one.

What asks "and if this input were another?" (importance, partial dependence, contributions) changes
whole inputs, never single columns of one: behind an encoder an input fills one or more columns of a
matrix, without one it is its own column. Invariant: exchanging an input in these rows gives the
rows that encoding the exchanged values would give.

>>> exchange = Exchange(inputs=("area", "stories"))
>>> rows = exchange.rows({"area": np.array([900.0, 1200.0]), "stories": ["one", None]})
>>> exchange.taken(rows)["stories"].tolist()
['one', None]
>>> exchange.columns_of(np.array([[True, False]])).tolist()
[[True, False]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.train.encoder import Encoder


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """``inputs`` in the model's order; ``encoder`` is None for a model that takes them as they are.

    Rows are (n_rows, width): float64 behind an encoder, else objects, one column an input.
    """

    inputs: tuple[str, ...]
    encoder: Encoder | None = None

    @cached_property
    def places(self) -> Mapping[str, slice]:
        """The columns of each input."""
        if self.encoder is not None:
            return self.encoder.places
        return {name: slice(i, i + 1) for i, name in enumerate(self.inputs)}

    def rows(self, columns: Mapping[str, Any]) -> NDArray[Any]:
        """Rows from the inputs' columns by name, (n_rows,) each."""
        if self.encoder is not None:
            return self.encoder.transform(columns)
        n_rows = len(next(iter(columns.values()), ()))
        out = np.empty((n_rows, len(self.inputs)), dtype=object)
        for place, name in enumerate(self.inputs):
            out[:, place] = list(columns[name])
        return out

    def rows_of(self, encoded: Sequence[Sequence[Any]]) -> NDArray[Any]:
        """Rows from what a single row is encoded as: its matrix columns, or the inputs' values."""
        if self.encoder is not None:
            return np.array(encoded, dtype=np.float64)
        out = np.empty((len(encoded), len(self.inputs)), dtype=object)
        for place, values in enumerate(encoded):
            out[place] = list(values)
        return out

    def taken(self, rows: NDArray[Any]) -> Any:
        """What the model's scorer takes for such rows: a matrix, or columns by name."""
        if self.encoder is not None:
            return rows
        return {name: rows[:, place] for place, name in enumerate(self.inputs)}

    def columns_of(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Flags an input (n, n_inputs) as flags a column (n, width)."""
        widths = [self.places[name].stop - self.places[name].start for name in self.inputs]
        return np.repeat(flags, widths, axis=1)
