"""Leakage alarms: an input that alone nearly equals the target, or is missing exactly when it is.

How much one input reveals is measured without a model. The input is cut into groups (a number into
quantile bins, a category into its values, missing being a group of its own), and each row's target
is guessed from its group's rows in the other half. Numbers are also taken as they stand, for their
order alone. What is reported is the better of the two: for a regression the rank correlation of
guess and target, for classes the area under the curve, a mean weighted by class size where there
are more than two. Both are 1 for an input that gives the target away, whatever its scale, direction
or shape; a pure guess is 0 and 0.5.

>>> price = np.arange(1_000.0)
>>> found = revealed("tax", "float", 0.01 * price + 3, Target(y=price, task="regression"))
>>> found.measure, found.strength
('rank correlation', 1.0)
>>> colour = ["red" if p >= 500 else None for p in price]
>>> late = Target(y=(price >= 500).astype(int), task="binary", n_classes=2)
>>> revealed("colour", "str", colour, late).strength
1.0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.data.observed import Values, is_numeric
from interlock.stats.association import (
    area_under_curve,
    correlation,
    crossed_means,
    ranks,
)

FEWEST_ROWS = 100
"""Below so many rows with a value nothing is said of the order of numbers."""
MOST_ROWS = 20_000
"""More rows than these tell nothing that matters for an alarm; they are taken evenly."""
FEWEST_OF_A_CLASS = 10
"""A class with fewer rows is not asked about."""
_BINS = 64
_ROWS_A_BIN = 20
_MEASURES = {"regression": "rank correlation", "binary": "AUC", "multiclass": "AUC"}

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Target:
    """The labels (n_rows,): numbers, or class indices below ``n_classes``."""

    y: NDArray[Any]
    task: str
    n_classes: int = 0

    @property
    def varies(self) -> bool:
        """Whether there is anything to reveal: two values, and two classes with rows enough."""
        if not len(self.y) or not np.isfinite(self.y).all():
            return False
        if self.task == "regression":
            return bool(self.y.min() < self.y.max())
        return len(self.asked) > 1

    @property
    def asked(self) -> tuple[int, ...]:
        """The classes with rows enough."""
        counts = np.bincount(self.y.astype(np.intp), minlength=self.n_classes)
        return tuple(np.flatnonzero(counts >= FEWEST_OF_A_CLASS).tolist())

    def guessed_by(self, groups: NDArray[np.intp]) -> float:
        """How well the mean of a row's group says what its target is."""
        if self.task == "regression":
            ranked = self._ranked
            return max(
                0.0, _number(correlation(crossed_means(groups, ranked[:, None])[:, 0], ranked))
            )
        guesses = crossed_means(groups, np.eye(self.n_classes)[self.y])
        return self._area({k: guesses[:, k] for k in self.asked})

    def ordered_by(self, values: Floats) -> float:
        """How well the order of a number, up or down, says what the target is."""
        if self.task == "regression":
            return abs(_number(correlation(ranks(values), self._ranked)))
        up = {k: area_under_curve(values, self.y == k) for k in self.asked}
        both = {k: max(area, 1 - area) for k, area in up.items() if area == area}
        return self._weighted(both)

    def rows(self, chosen: NDArray[np.bool_]) -> Target:
        """The target of some rows."""
        return Target(y=self.y[chosen], task=self.task, n_classes=self.n_classes)

    @cached_property
    def _ranked(self) -> Floats:
        return ranks(self.y)

    def _area(self, guesses: Mapping[int, Floats]) -> float:
        return self._weighted({k: area_under_curve(g, self.y == k) for k, g in guesses.items()})

    def _weighted(self, areas: Mapping[int, float]) -> float:
        sizes = {k: int((self.y == k).sum()) for k in areas}
        total = sum(sizes.values())
        return sum(areas[k] * sizes[k] for k in areas) / total if total else 0.5


@dataclass(frozen=True, kw_only=True)
class Revealed:
    """How much one input reveals of the target: ``strength`` of a ``measure``, on ``n`` rows.

    ``varies`` is False for an input that is the same everywhere.
    """

    name: str
    measure: str
    strength: float
    n: int
    varies: bool = True

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Absence:
    """How often a field is missing in rows with a label and in rows without, or not known yet."""

    name: str
    missing_with: int
    rows_with: int
    missing_without: int
    rows_without: int

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def revealed(name: str, kind: str, values: Values, target: Target) -> Revealed:
    """What one input reveals of a target that varies; ``values`` as a model takes them, (n_rows,).

    NaN and infinities, or None, are missing.
    """
    numbers = _numbers(values) if is_numeric(kind) else None
    groups = _codes(values) if numbers is None else _bins(numbers)
    strength = target.guessed_by(groups)
    if numbers is not None:
        present = np.isfinite(numbers)
        some = target.rows(present)
        if present.sum() >= FEWEST_ROWS and some.varies:
            strength = max(strength, some.ordered_by(numbers[present]))
    return Revealed(
        name=name,
        measure=_MEASURES[target.task],
        strength=strength,
        n=len(groups),
        varies=len(groups) > 0 and bool(groups.min() < groups.max()),
    )


def _numbers(values: Values) -> Floats:
    import pyarrow as pa  # noqa: PLC0415 - a machine that only serves has no Arrow

    if isinstance(values, pa.Array | pa.ChunkedArray):
        values = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64)


def _bins(numbers: Floats) -> NDArray[np.intp]:
    """Groups of about as many rows each, equal numbers together; missing comes last."""
    present = np.isfinite(numbers)
    n_bins = max(2, min(_BINS, int(present.sum()) // _ROWS_A_BIN))
    cuts = np.arange(1, n_bins) / n_bins
    edges = np.unique(np.quantile(numbers[present], cuts)) if present.any() else np.empty(0)
    return np.where(present, np.searchsorted(edges, numbers), len(edges) + 1)


def _codes(values: Values) -> NDArray[np.intp]:
    """A group a value; missing comes last."""
    import pyarrow as pa  # noqa: PLC0415 - a machine that only serves has no Arrow

    if not isinstance(values, pa.Array | pa.ChunkedArray):
        values = pa.array(values, pa.string())
    whole = pa.chunked_array([values.cast(pa.string())]) if isinstance(values, pa.Array) else values
    encoded = whole.cast(pa.string()).combine_chunks().dictionary_encode()
    last = len(encoded.dictionary)
    codes: NDArray[np.intp] = (
        encoded.indices.fill_null(last).to_numpy(zero_copy_only=False).astype(np.intp)
    )
    return codes


def _number(value: float) -> float:
    """0 for NaN: a constant reveals nothing."""
    return 0.0 if value != value else value
