"""What turns features into the model's matrix; one implementation for training and serving.

Invariants: :meth:`Encoder.transform` of n rows equals n calls of :meth:`Encoder.transform_row` to
the bit; :meth:`Encoder.from_row` of :meth:`Encoder.to_row` encodes the same, through JSON too; only
NumPy is imported, so the service can use it.

Three styles:

- ``tree``: numbers as they are, categories as codes 0…k-1, missing as NaN; an input that no
  training row has a value of is 0;
- ``linear``: numbers with the missing ones set to the median, then standardised, and a column that
  says "is missing" where training rows had missing ones; categories one column each;
- ``baseline``: as ``tree``, without a limit on the number of categories.

>>> inputs = (Input(name="area", kind="int"), Input(name="stories", kind="str"))
>>> columns = {"area": np.array([900.0, 1200.0, np.nan]), "stories": ["one", None, "one"]}
>>> encoder = Encoder.fit(inputs, columns, "tree")
>>> encoder.transform(columns).tolist()
[[900.0, 0.0], [1200.0, nan], [nan, 0.0]]
>>> encoder.transform_row([900, "unseen"])
[900.0, nan]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from interlock.features.definition import Input
from interlock.train.encoded_column import (
    Coded,
    Matrix,
    Part,
    PlainNumber,
    Style,
    Untaught,
    fit_part,
    part_from,
    part_row,
)

MAX_CATEGORIES = 254  # with the rare ones 255, as many as a histogram booster takes


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A fitted encoder: one part for each input, in the order of the inputs."""

    style: Style
    parts: tuple[Part, ...]

    @classmethod
    def fit(
        cls,
        inputs: Sequence[Input],
        columns: Mapping[str, Any],
        style: Style,
        *,
        max_categories: int = MAX_CATEGORIES,
    ) -> Encoder:
        """Learn vocabularies, medians and scales from training rows.

        ``columns[name]`` is (n_rows,): float64 with NaN for missing where the input is a number or
        a bool, else texts with None for missing.
        """
        limit = None if style == "baseline" else max_categories
        parts = tuple(fit_part(i, columns[i.name], style, limit) for i in inputs)
        return cls(style=style, parts=parts)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The matrix's columns, (n_columns,)."""
        return tuple(name for part in self.parts for name in part.names)

    @cached_property
    def n_columns(self) -> int:
        """The matrix's width."""
        return len(self.names)

    @cached_property
    def categorical(self) -> tuple[int, ...]:
        """The matrix columns that hold codes of categories."""
        coded = {part.name for part in self.parts if isinstance(part, Coded)}
        return tuple(i for i, name in enumerate(self.names) if name in coded)

    @cached_property
    def places(self) -> dict[str, slice]:
        """The matrix columns that each input fills, by the input's name."""
        found, start = {}, 0
        for part in self.parts:
            found[part.name] = slice(start, start + len(part.names))
            start += len(part.names)
        return found

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs, in the order :meth:`transform_row` takes their values."""
        return tuple(part.name for part in self.parts)

    def transform(self, columns: Mapping[str, Any]) -> Matrix:
        """The matrix, (n_rows, n_columns), C-contiguous."""
        n_rows = len(next(iter(columns.values()), ()))
        out = np.zeros((n_rows, self.n_columns), dtype=np.float64)
        for part in self.parts:
            part.fill(columns[part.name], out[:, self.places[part.name]])
        return out

    def transform_row(self, values: Sequence[Any]) -> list[float]:
        """One row of the matrix from the inputs' values in their order; missing is None."""
        if self._quick is not None:
            return self._quick(values)
        row: list[float] = []
        for value, part in zip(values, self.parts, strict=True):
            part.extend(value, row)
        return row

    @cached_property
    def _quick(self) -> Callable[[Sequence[Any]], list[float]] | None:
        """Where every part fills one column by look-up or as it is: one expression for a row."""
        scope: dict[str, Any] = {"nan": math.nan}
        columns = []
        for i, part in enumerate(self.parts):
            if isinstance(part, PlainNumber):
                columns.append(f"nan if v{i} is None else float(v{i})")
            elif isinstance(part, Coded):
                scope |= {f"get{i}": part.codes.get, f"other{i}": part.other}
                columns.append(f"get{i}(v{i}, other{i})")
            elif isinstance(part, Untaught):
                columns.append("0.0")
            else:
                return None
        names = "".join(f"v{i}, " for i in range(len(columns)))
        lines = [
            "def row(values):",
            f"    ({names}) = values",
            f"    return [{', '.join(columns)}]",
        ]
        exec("\n".join(lines), scope)  # noqa: S102 - built from positions
        return scope["row"]  # type: ignore[no-any-return]

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; every float survives JSON exactly."""
        return {
            "style": self.style,
            "parts": [part_row(part) for part in self.parts],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Encoder:
        """The inverse of :meth:`to_row`."""
        return cls(style=row["style"], parts=tuple(part_from(part) for part in row["parts"]))
