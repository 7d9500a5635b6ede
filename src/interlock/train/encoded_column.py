"""How one column is encoded: every kind has its two ways, of many rows and of one, side by side.

Invariant: ``fill`` of n rows writes what n calls of ``extend`` append, to the bit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.features.definition import Input

Style: TypeAlias = Literal["tree", "linear", "baseline"]
Matrix: TypeAlias = NDArray[np.float64]

_TEXT_KINDS = ("str", "category")
_NAN = math.nan
_CONSTANT = 1e-12  # a spread below this share of the largest value is rounding noise


@dataclass(frozen=True, kw_only=True)
class PlainNumber:
    """A number as it is; missing is NaN."""

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix columns this input fills."""
        return (self.name,)

    def fill(self, column: Any, out: Matrix) -> None:
        """Write the column's (n_rows,) values to ``out``, (n_rows, 1)."""
        out[:, 0] = _floats(column)

    def extend(self, value: Any, row: list[float]) -> None:
        """Append one value's columns to the row."""
        row.append(_NAN if value is None else float(value))


@dataclass(frozen=True, kw_only=True)
class Untaught:
    """An input of which no training row has a value: 0, whatever comes, as nothing is known of it.

    Histogram boosting of scikit-learn cannot be fitted on a column of NaN alone.
    """

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix columns this input fills."""
        return (self.name,)

    def fill(self, column: Any, out: Matrix) -> None:
        """Write zeros to ``out``, (n_rows, 1)."""
        out[:, 0] = 0.0

    def extend(self, value: Any, row: list[float]) -> None:
        """Append one value's columns to the row."""
        row.append(0.0)


@dataclass(frozen=True, kw_only=True)
class ScaledNumber:
    """A number with missing set to ``median``, then (x - mean) / scale."""

    name: str
    median: float
    mean: float
    scale: float
    indicator: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix columns this input fills."""
        return (self.name, f"{self.name} is missing") if self.indicator else (self.name,)

    def fill(self, column: Any, out: Matrix) -> None:
        """Write the column's (n_rows,) values to ``out``, (n_rows, 1 or 2)."""
        values = _floats(column)
        missing = np.isnan(values)
        filled = np.where(missing, self.median, values)
        with np.errstate(over="ignore", invalid="ignore"):
            out[:, 0] = (filled - self.mean) / self.scale
        if self.indicator:
            out[:, 1] = missing

    def extend(self, value: Any, row: list[float]) -> None:
        """Append one value's columns to the row."""
        missing = value is None or value != value
        filled = self.median if missing else float(value)
        row.append((filled - self.mean) / self.scale)
        if self.indicator:
            row.append(1.0 if missing else 0.0)


@dataclass(frozen=True, kw_only=True)
class Coded:
    """A category as its place in the vocabulary; the rare ones share the code after the last.

    Unseen text is rare where training rows had rare ones, else NaN, as is missing.
    """

    name: str
    vocabulary: tuple[str, ...]
    rare: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix columns this input fills."""
        return (self.name,)

    @cached_property
    def codes(self) -> dict[str | None, float]:
        """The code of each known text and of missing."""
        known: dict[str | None, float] = {t: float(i) for i, t in enumerate(self.vocabulary)}
        known[None] = _NAN
        return known

    @cached_property
    def other(self) -> float:
        """The code of any other text."""
        return float(len(self.vocabulary)) if self.rare else _NAN

    def fill(self, column: Any, out: Matrix) -> None:
        """Write the column's (n_rows,) codes to ``out``, (n_rows, 1)."""
        get, other = self.codes.get, self.other
        out[:, 0] = [get(text, other) for text in column]

    def extend(self, value: Any, row: list[float]) -> None:
        """Append one value's columns to the row."""
        row.append(self.codes.get(value, self.other))


@dataclass(frozen=True, kw_only=True)
class OneHot:
    """A category as one column a known text, then rare, then missing where training had them."""

    name: str
    vocabulary: tuple[str, ...]
    rare: bool
    indicator: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The matrix columns this input fills."""
        known = tuple(f"{self.name}={text}" for text in self.vocabulary)
        rare = (f"{self.name} is rare",) if self.rare else ()
        return known + rare + ((f"{self.name} is missing",) if self.indicator else ())

    @cached_property
    def width(self) -> int:
        """The number of columns."""
        return len(self.names)

    @cached_property
    def places(self) -> dict[str | None, int]:
        """The column that is 1 for each known text and for missing; -1 is none."""
        known: dict[str | None, int] = {text: i for i, text in enumerate(self.vocabulary)}
        known[None] = self.width - 1 if self.indicator else -1
        return known

    @cached_property
    def other(self) -> int:
        """The column that is 1 for any other text; -1 is none."""
        return len(self.vocabulary) if self.rare else -1

    def fill(self, column: Any, out: Matrix) -> None:
        """Write the column's (n_rows,) ones to ``out``, (n_rows, width), which is all zeros."""
        get, other = self.places.get, self.other
        places = np.array([get(text, other) for text in column], dtype=np.intp)
        hot = np.flatnonzero(places >= 0)
        out[hot, places[hot]] = 1.0

    def extend(self, value: Any, row: list[float]) -> None:
        """Append one value's columns to the row."""
        place = self.places.get(value, self.other)
        start = len(row)
        row.extend([0.0] * self.width)
        if place >= 0:
            row[start + place] = 1.0


Part: TypeAlias = PlainNumber | ScaledNumber | Coded | OneHot | Untaught
_PARTS: dict[str, type[Part]] = {
    "plain": PlainNumber,
    "scaled": ScaledNumber,
    "coded": Coded,
    "one-hot": OneHot,
    "untaught": Untaught,
}
_LABELS = {part: label for label, part in _PARTS.items()}


def part_row(part: Part) -> dict[str, Any]:
    """Plain JSON values; every float survives JSON exactly."""
    return {"how": _LABELS[type(part)]} | {
        name: list(value) if isinstance(value, tuple) else value
        for name in part.__dataclass_fields__
        for value in (getattr(part, name),)
    }


def part_from(row: Mapping[str, Any]) -> Part:
    """The inverse of :func:`part_row`."""
    fields = {name: value for name, value in row.items() if name != "how"}
    if "vocabulary" in fields:
        fields["vocabulary"] = tuple(fields["vocabulary"])
    for name in ("median", "mean", "scale"):
        if name in fields:
            fields[name] = float(fields[name])
    return _PARTS[row["how"]](**fields)


def _floats(column: Any) -> NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64)


def fit_part(given: Input, column: Any, style: Style, limit: int | None) -> Part:
    """The part of an input, fitted on a column (n_rows,); at most ``limit`` categories."""
    if given.kind in _TEXT_KINDS:
        counts = Counter(column)
        missing = counts.pop(None, 0) > 0
        vocabulary = _vocabulary(given, counts, limit)
        rare = len(counts) > len(vocabulary)
        if style == "tree" and not vocabulary:
            return Untaught(name=given.name)
        if style == "linear":
            return OneHot(name=given.name, vocabulary=vocabulary, rare=rare, indicator=missing)
        return Coded(name=given.name, vocabulary=vocabulary, rare=rare)
    if style == "linear":
        return _scaled(given.name, _floats(column))
    if style == "tree" and np.isnan(_floats(column)).all():
        return Untaught(name=given.name)
    return PlainNumber(name=given.name)


def _vocabulary(given: Input, counts: Counter[str], limit: int | None) -> tuple[str, ...]:
    """The most frequent texts, ties by name; a category's in the order of their declaration."""
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    if given.kind == "category":
        kept = set([text for text in ranked if text in given.categories][:limit])
        return tuple(text for text in given.categories if text in kept)
    return tuple(ranked[:limit])


def _scaled(name: str, values: NDArray[np.float64]) -> ScaledNumber:
    """Median, mean and scale of the finite values; a constant column's scale is its size, or 1.

    The sums are of values divided by the largest, so that they neither overflow nor turn the mean
    of equal values into something beside them.
    """
    missing = np.isnan(values)
    finite = values[np.isfinite(values)]
    indicator = bool(missing.any())
    peak = float(np.abs(finite).max()) if finite.size else 0.0
    if peak == 0.0:
        return ScaledNumber(name=name, median=0.0, mean=0.0, scale=1.0, indicator=indicator)
    relative = finite / peak
    median = float(np.median(relative))
    filled = np.concatenate([relative, np.full(int(missing.sum()), median)])
    mean, spread = float(filled.mean()), float(filled.std())
    scale = spread * peak if spread > _CONSTANT and spread * peak > 0.0 else peak
    return ScaledNumber(
        name=name, median=median * peak, mean=mean * peak, scale=scale, indicator=indicator
    )
