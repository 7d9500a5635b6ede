"""Parts of the rows: those that share a value of a column, or a range of its numbers.

Invariant: the parts of one column hold every row once.

>>> for part in parts_of("where", ["town", "lake", None, "town"]):
...     print(part.named, part.n)
where = town 2
where = lake 1
where = missing 1
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Column: TypeAlias = Sequence[Any] | NDArray[Any]

MOST_VALUES = 12
"""Numbers with more distinct values than this are cut into ranges."""
MOST_RANGES = 5
_GROUPED_FROM = 10_000
_ROWS_A_RANGE = 150  # so that few rows make fewer ranges rather than ranges of too few


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The ``rows`` (n_rows,) of all rows where ``column`` is what ``label`` says."""

    column: str
    label: str
    rows: NDArray[np.bool_]

    @classmethod
    def whole(cls, n_rows: int) -> Part:
        """All rows."""
        return cls(column="", label="all", rows=np.ones(n_rows, dtype=bool))

    @property
    def n(self) -> int:
        """How many rows lie in it."""
        return int(self.rows.sum())

    @property
    def share(self) -> float:
        """Which share of all rows lies in it."""
        return self.n / len(self.rows)

    @property
    def named(self) -> str:
        """Column and label, as people read them."""
        return f"{self.column} = {self.label}"


def parts_of(name: str, column: Column, *, ranges: int = MOST_RANGES) -> tuple[Part, ...]:
    """The parts of a ``column`` (n_rows,).

    Numbers with more than 12 distinct values are cut into up to ``ranges`` quantile ranges;
    anything else is taken by value, the largest part first. Missing values (None, NaN) are a part
    of their own, last. No two parts have one label.
    """
    missing, known = _known(column)
    if _is_continuous(known):
        numbers = np.full(len(missing), np.nan)
        numbers[~missing] = np.asarray(known, dtype=np.float64)
        cut = _ranges(numbers, max(2, min(ranges, len(known) // _ROWS_A_RANGE)))
    else:
        cut = _values(missing, known)
    found = [Part(column=name, label=label, rows=rows) for label, rows in cut]
    if missing.any():
        taken = any(part.label == "missing" for part in found)
        label = "no value" if taken else "missing"
        found.append(Part(column=name, label=label, rows=missing))
    return tuple(found)


def _known(column: Column) -> tuple[NDArray[np.bool_], Column]:
    """Which rows have no value, (n_rows,), and the values of the others."""
    if isinstance(column, np.ndarray) and column.dtype.kind == "f":
        missing = np.isnan(column)
        return missing, column[~missing]
    gone = np.array([value is None or value != value for value in column], dtype=bool)
    return gone, [value for value in column if value is not None and value == value]


def _is_continuous(known: Column) -> bool:
    """Numbers, and more different ones than can be taken one by one."""
    if isinstance(known, np.ndarray):
        return len(np.unique(known)) > MOST_VALUES
    numeric = all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in known)
    return numeric and len(set(known)) > MOST_VALUES


def _ranges(numbers: NDArray[np.float64], count: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    known = numbers[~np.isnan(numbers)]
    cuts = np.quantile(known[np.isfinite(known)], np.linspace(0, 1, count + 1))
    edges = np.unique([known.min(), *cuts, known.max()])  # between infinities nothing is halfway
    if len(edges) == 2:  # one value fills all ranges but one
        yield from _around(numbers, float(np.median(known)))
        return
    shown = number_texts(edges)
    for place, (low, high) in enumerate(pairwise(edges)):
        last = high == edges[-1]
        rows = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        yield f"{shown[place]} to {'' if last else 'below '}{shown[place + 1]}", rows


def _around(numbers: NDArray[np.float64], value: float) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The rows of one value, and those on either side of it."""
    (shown,) = number_texts(np.array([value]))
    cuts = (shown, numbers == value), (f"below {shown}", numbers < value)
    for label, rows in (*cuts, (f"above {shown}", numbers > value)):
        if rows.any():
            yield label, rows


def number_texts(edges: NDArray[np.float64]) -> list[str]:
    """The edges in six digits, or as many as tell them apart; years have no commas."""
    grouped = "," if np.abs(edges[np.isfinite(edges)]).max(initial=0) >= _GROUPED_FROM else ""
    for digits in (6, 9, 12):
        found = [f"{edge:{grouped}.{digits}g}" for edge in edges]
        if len(set(found)) == len(edges):
            return found
    return [repr(float(edge)) for edge in edges]


def _values(missing: NDArray[np.bool_], known: Column) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    texts = np.full(len(missing), "", dtype=object)
    texts[~missing] = [_text(value) for value in known]
    labels, index, sizes = np.unique(
        texts[~missing].astype(str), return_inverse=True, return_counts=True
    )
    places = np.full(len(missing), -1)
    places[~missing] = index
    for place in sorted(range(len(labels)), key=lambda i: (-sizes[i], str(labels[i]))):
        yield str(labels[place]), places == place


def _text(value: Any) -> str:
    """A value as a label; whole numbers without their point, for columns are kept as float64."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
