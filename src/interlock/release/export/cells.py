"""The columns of a frame on their way through a user's Pipeline, as a graph sees them.

The graph's matrix holds a number as it is and a text as its code: its place in a vocabulary, the
place after the last for any other text, NaN for a missing one. A :class:`Text` also knows what each
code stands for by now, so that an imputer of texts costs no node at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx.onnx_ml_pb2 import TensorProto

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a number came from: ``x = value · factor + offset`` of the matrix's ``column``."""

    column: int
    factor: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Number:
    """A column ``place`` of a tensor of doubles; ``origin`` is None where it has no single one.

    ``sparse`` says that scikit-learn holds it in a sparse matrix at this point.
    """

    tensor: str
    place: int
    origin: Origin | None = None
    sparse: bool = False


@dataclass(frozen=True, kw_only=True)
class Text:
    """The matrix's ``column`` of codes; ``values`` is what each code stands for.

    The last two of ``values`` are for any other text and for a missing one.
    """

    column: int
    values: tuple[Any, ...]


Cell = Number | Text


def block(cells: Sequence[Cell], builder: GraphBuilder) -> str:
    """One tensor (n_rows, n_cells) of numbers. Raises Refusal where a text is among them."""
    parts: list[tuple[str, list[int]]] = []
    for cell in cells:
        if isinstance(cell, Text):
            raise Refusal("a text column reaches the model without an encoder")
        if parts and parts[-1][0] == cell.tensor:
            parts[-1][1].append(cell.place)
        else:
            parts.append((cell.tensor, [cell.place]))
    names = [
        builder.add("Gather", tensor, builder.constant(np.array(places)), axis=1)
        for tensor, places in parts
    ]
    return names[0] if len(names) == 1 else builder.add("Concat", *names, axis=1)


def numbers(tensor: str, origins: Sequence[Origin | None], *, sparse: bool = False) -> list[Cell]:
    """The columns of a tensor, one cell each."""
    return [Number(tensor=tensor, place=i, origin=o, sparse=sparse) for i, o in enumerate(origins)]


def is_sparse(cells: Sequence[Cell]) -> bool:
    """Whether these columns stand in a sparse matrix."""
    return any(isinstance(cell, Number) and cell.sparse for cell in cells)


def held(cells: Sequence[Cell], *, sparse: bool) -> list[Cell]:
    """The same columns in a matrix of that kind."""
    return [replace(cell, sparse=sparse) if isinstance(cell, Number) else cell for cell in cells]


def line_of(cell: Cell, values: Sequence[Any], builder: GraphBuilder, matrix: str) -> str:
    """Which of ``values`` each row holds, (n_rows,): its line in a table of them.

    The last of ``values`` is for a missing one, the last but one for any other.
    """
    if isinstance(cell, Text):
        code = builder.add("Gather", matrix, builder.constant(np.array(cell.column)), axis=1)
        missing = builder.constant(np.array(float(len(values) - 1)))
        place = builder.add("Where", builder.add("IsNaN", code), missing, code)
        return builder.cast(place, TensorProto.INT64)
    number = builder.add("Gather", cell.tensor, builder.constant(np.array(cell.place)), axis=1)
    line = builder.line(number, np.array(values[:-2], dtype=np.float64))
    last = builder.constant(np.array(len(values) - 1))
    return builder.add("Where", builder.add("IsNaN", number), last, line)


def looked_up(index: str, table: np.ndarray, refused: np.ndarray, builder: GraphBuilder) -> str:
    """The lines of ``table`` (n_values, width) at that place, (n_rows,): (n_rows, width).

    Values that are ``refused``, (n_values,), are such as the estimator raises at: the model answers
    NaN there. A NaN in the table itself is a missing value, which many a model takes.
    """
    if refused.any():
        poison = np.where(refused, np.nan, 0.0)[:, np.newaxis]
        builder.refuse(builder.add("Gather", builder.constant(poison), index, axis=0))
    return builder.add("Gather", builder.constant(np.asarray(table, np.float64)), index, axis=0)
