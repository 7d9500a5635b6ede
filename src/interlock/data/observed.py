"""One column of many rows, looked at once: numbers in order, or texts with their counts.

>>> rooms = Numbers.of([3.0, float("nan"), 1.0, 2.0])
>>> rooms.present.tolist(), rooms.missing, rooms.binned((1.0,))
([1.0, 2.0, 3.0], 1, (1, 2))
>>> walls = Texts.of(["wood", None, "brick", "wood"])
>>> walls.counts, walls.missing
({'wood': 2, 'brick': 1}, 1)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Values: TypeAlias = Sequence[Any] | npt.NDArray[Any] | Any  # or an Arrow array

LEVELS = 50
"""Quantiles are taken at the middles of so many equal shares: 1 %, 3 %, …, 99 %."""

_NUMERIC = ("int", "float", "bool")


class Named(Protocol):
    """A model input: its name, and its kind: int, float, bool, str or category."""

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    @property
    def kind(self) -> str:
        """The column's kind."""
        ...


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """``present`` holds the finite values in ascending order; ``missing`` counts the others.

    NaN and infinities are no values.
    """

    present: npt.NDArray[np.float64]
    missing: int

    @property
    def n(self) -> int:
        """All rows."""
        return len(self.present) + self.missing

    @classmethod
    def of(cls, values: Values) -> Numbers:
        """From numbers and booleans, shape ``(n_rows,)``; sorting once answers every question."""
        import pyarrow as pa  # noqa: PLC0415 - a machine that only serves has no Arrow

        if isinstance(values, pa.Array | pa.ChunkedArray):
            values = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        ranked = np.sort(np.asarray(values, dtype=np.float64))  # NaN comes last
        first = np.searchsorted(ranked, -np.inf, side="right")
        present = ranked[first : np.searchsorted(ranked, np.inf, side="left")]
        return cls(present=present, missing=len(ranked) - len(present))

    def deciles(self) -> tuple[float, ...]:
        """The distinct values that nine tenths, …, one tenth of the rows exceed; not the largest.

        As ``numpy.quantile(…, method="inverted_cdf")``: each is a value that occurs.
        """
        n = len(self.present)
        if not n:
            return ()
        cuts = np.unique(self.present[[(k * n + 9) // 10 - 1 for k in range(1, 10)]])
        return tuple(cuts[cuts < self.present[-1]].tolist())

    def quantiles(self) -> tuple[float, ...]:
        """The values at the middles of :data:`LEVELS` equal shares; none without values."""
        n = len(self.present)
        places = [((2 * k + 1) * n) // (2 * LEVELS) for k in range(LEVELS)]
        return tuple(self.present[places].tolist()) if n else ()

    def binned(self, edges: Sequence[float]) -> tuple[int, ...]:
        """Rows in (−∞, e₁], (e₁, e₂], …, (eₖ, ∞)."""
        below = np.searchsorted(self.present, np.asarray(edges, np.float64), side="right")
        return tuple(np.diff([0, *below.tolist(), len(self.present)]).tolist())

    def outside(self, low: float, high: float) -> int:
        """Rows with a value below ``low`` or above ``high``."""
        first = np.searchsorted(self.present, low, side="left")
        last = np.searchsorted(self.present, high, side="right")
        return len(self.present) - max(0, int(last) - int(first))


@dataclass(frozen=True, kw_only=True)
class Texts:
    """``counts`` has the rows of each distinct value, the most frequent first."""

    counts: Mapping[str, int]
    missing: int

    @property
    def n(self) -> int:
        """All rows."""
        return sum(self.counts.values()) + self.missing

    @classmethod
    def of(cls, values: Values) -> Texts:
        """From texts, None where missing."""
        import pyarrow as pa  # noqa: PLC0415 - a machine that only serves has no Arrow
        import pyarrow.compute as pc  # noqa: PLC0415

        if not isinstance(values, pa.Array | pa.ChunkedArray):
            values = pa.array(values, pa.string())
        counted = pc.value_counts(values.cast(pa.string()))
        names, rows = (counted.field(k).to_pylist() for k in range(2))
        found = dict(zip(names, rows, strict=True))
        missing = found.pop(None, 0)
        ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        return cls(counts=dict(ranked), missing=missing)

    def named(self, names: Iterable[str]) -> tuple[int, ...]:
        """The rows of each of the names."""
        return tuple(self.counts.get(name, 0) for name in names)

    def outside(self, names: Iterable[str]) -> int:
        """Rows with a value that is none of the names."""
        return sum(self.counts.values()) - sum(self.named(set(names)))


Observed: TypeAlias = Numbers | Texts


def is_numeric(kind: str) -> bool:
    """Whether inputs of that kind are numbers to the model."""
    return kind in _NUMERIC


def observe(inputs: Iterable[Named], columns: Mapping[str, Values]) -> dict[str, Observed]:
    """Every input's column, by name.

    Numeric columns are numbers, shape ``(n_rows,)``, NaN missing; the others text, None missing.
    Arrow arrays are taken as well.
    """
    return {
        i.name: Numbers.of(columns[i.name]) if is_numeric(i.kind) else Texts.of(columns[i.name])
        for i in inputs
    }
