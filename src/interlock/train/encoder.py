"""What turns features into the model's matrix; one implementation for training and serving.

Invariants: :meth:`Encoder.transform` of n rows equals n calls of :meth:`Encoder.transform_row` to
the bit; :meth:`Encoder.from_row` of :meth:`Encoder.to_row` encodes the same, through JSON too; only
NumPy is imported, so the service can use it. Every kind of column has its two ways of encoding
side by side in one class.

Three styles:

- ``tree``: numbers as they are, categories as codes 0…k-1, missing as NaN;
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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.features.definition import Input

Style: TypeAlias = Literal["tree", "linear", "baseline"]
Matrix: TypeAlias = NDArray[np.float64]

MAX_CATEGORIES = 254  # with the rare ones 255, as many as a histogram booster takes
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


Part: TypeAlias = PlainNumber | ScaledNumber | Coded | OneHot
_PARTS: dict[str, type[Part]] = {
    "plain": PlainNumber,
    "scaled": ScaledNumber,
    "coded": Coded,
    "one-hot": OneHot,
}
_LABELS = {part: label for label, part in _PARTS.items()}


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
        parts = tuple(_fit_part(i, columns[i.name], style, limit) for i in inputs)
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
        scope: dict[str, Any] = {"nan": _NAN}
        columns = []
        for i, part in enumerate(self.parts):
            if isinstance(part, PlainNumber):
                columns.append(f"nan if v{i} is None else float(v{i})")
            elif isinstance(part, Coded):
                scope |= {f"get{i}": part.codes.get, f"other{i}": part.other}
                columns.append(f"get{i}(v{i}, other{i})")
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
            "parts": [{"how": _LABELS[type(part)], **_fields(part)} for part in self.parts],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Encoder:
        """The inverse of :meth:`to_row`."""
        return cls(style=row["style"], parts=tuple(_part_from(part) for part in row["parts"]))


def _fields(part: Part) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name in part.__dataclass_fields__
        for value in (getattr(part, name),)
    }


def _part_from(row: Mapping[str, Any]) -> Part:
    fields = {name: value for name, value in row.items() if name != "how"}
    if "vocabulary" in fields:
        fields["vocabulary"] = tuple(fields["vocabulary"])
    for name in ("median", "mean", "scale"):
        if name in fields:
            fields[name] = float(fields[name])
    return _PARTS[row["how"]](**fields)


def _floats(column: Any) -> NDArray[np.float64]:
    return np.asarray(column, dtype=np.float64)


def _fit_part(given: Input, column: Any, style: Style, limit: int | None) -> Part:
    if given.kind in _TEXT_KINDS:
        counts = Counter(column)
        missing = counts.pop(None, 0) > 0
        vocabulary = _vocabulary(given, counts, limit)
        rare = len(counts) > len(vocabulary)
        if style == "linear":
            return OneHot(name=given.name, vocabulary=vocabulary, rare=rare, indicator=missing)
        return Coded(name=given.name, vocabulary=vocabulary, rare=rare)
    if style == "linear":
        return _scaled(given.name, _floats(column))
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
