"""Which rows train, tune, calibrate and test.

Invariants: no row is in two parts; a :class:`TimeSplit` lets no part see a label that became
available only after the next part began; a :class:`HashSplit` never divides a unit.

train | tune (search, early stopping, ranking) | calibrate (intervals) | test

>>> day = 86_400_000_000
>>> times = np.arange(10) * day
>>> split = TimeSplit(tune="1d", calibrate="2d", test="3d").cut(times, times)
>>> [getattr(split, part).tolist() for part in PARTS]
[[0, 1, 2, 3], [4], [5, 6], [7, 8, 9]]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.clock import parse_span
from interlock.errors import AuthorError

PARTS = ("train", "tune", "calibrate", "test")
_LATER = PARTS[1:]


@dataclass(frozen=True, kw_only=True)
class Split:
    """The rows of each part, as ascending row numbers, int64 (n_part,).

    ``boundaries`` are, for a split by time, each part's first and last instant (µs; the last not
    included); ``purged`` counts the rows left out because their label came too late.
    """

    train: NDArray[np.int64]
    tune: NDArray[np.int64]
    calibrate: NDArray[np.int64]
    test: NDArray[np.int64]
    boundaries: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    purged: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows of each part."""
        return {part: len(getattr(self, part)) for part in PARTS}

    def to_row(self) -> dict[str, Any]:
        """What is reported, plain JSON values: counts, boundaries and purged rows; not the rows."""
        return {
            "rows": self.counts,
            "boundaries": {part: list(ends) for part, ends in self.boundaries.items()},
            "purged": dict(self.purged),
        }


@dataclass(frozen=True, kw_only=True)
class TimeSplit:
    """The newest rows test, those before calibrate, those before tune, the rest train.

    The parts' spans end just after the newest row.
    """

    tune: str = "30d"
    calibrate: str = "30d"
    test: str = "90d"

    def validate(self) -> None:
        """Raises AuthorError C102 for a span that cannot be read."""
        for part in _LATER:
            parse_span(getattr(self, part))

    def cut(self, times: NDArray[np.int64], label_available: NDArray[np.int64]) -> Split:
        """Cut rows with event times and the instants their labels became known, both (n_rows,) µs.

        Give only rows that can be used: those with a label.
        """
        self.validate()
        times = np.asarray(times, dtype=np.int64)
        if not len(times):
            return _empty()
        starts = self._starts(int(times.max()) + 1)
        place = np.searchsorted(np.array(starts, dtype=np.int64), times, side="right")
        ends = (*starts, int(times.max()) + 1)
        late = np.asarray(label_available, dtype=np.int64) > np.array(ends, dtype=np.int64)[place]
        late &= place < len(PARTS) - 1
        first = min(int(times.min()), starts[0])
        return Split(
            **{part: np.flatnonzero((place == i) & ~late) for i, part in enumerate(PARTS)},
            boundaries=dict(zip(PARTS, zip((first, *starts), ends, strict=True), strict=True)),
            purged={p: int((late & (place == i)).sum()) for i, p in enumerate(PARTS[:-1])},
        )

    def _starts(self, end: int) -> tuple[int, int, int]:
        """Where tune, calibrate and test begin, when test ends at ``end``."""
        test = end - parse_span(self.test)
        calibrate = test - parse_span(self.calibrate)
        return (calibrate - parse_span(self.tune), calibrate, test)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"by": "time", **{part: getattr(self, part) for part in _LATER}}


@dataclass(frozen=True, kw_only=True)
class HashSplit:
    """Shares of the units, chosen by a digest of the unit's id; for data without time.

    A unit's part never changes when rows are added.
    """

    tune: float = 0.1
    calibrate: float = 0.1
    test: float = 0.2

    def validate(self) -> None:
        """Raises AuthorError T106 for shares that leave nothing to train on."""
        shares = [getattr(self, part) for part in _LATER]
        if not all(0.0 <= share < 1.0 for share in shares) or sum(shares) >= 1.0:
            raise AuthorError(
                "T106",
                "the shares of a split leave nothing to train on",
                where="HashSplit",
                expected="shares of at least 0 that add up to less than 1",
                got=", ".join(f"{part}={getattr(self, part)}" for part in _LATER),
                fix="for example HashSplit(tune=0.1, calibrate=0.1, test=0.2)",
            )

    def cut(self, units: Sequence[str]) -> Split:
        """Cut rows with those ids of units, (n_rows,)."""
        self.validate()
        known = {unit: _position(unit) for unit in dict.fromkeys(units)}
        positions = np.array([known[unit] for unit in units], dtype=np.float64)
        limits = np.cumsum([self.test, self.calibrate, self.tune])
        place = np.searchsorted(limits, positions, side="right")
        test, calibrate, tune, train = (np.flatnonzero(place == i) for i in range(4))
        return Split(train=train, tune=tune, calibrate=calibrate, test=test)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"by": "unit", **{part: float(getattr(self, part)) for part in _LATER}}


def _position(unit: str) -> float:
    """Where in [0, 1) the unit falls."""
    state = hashlib.blake2b(unit.encode(), digest_size=8, person=b"split")
    return (int.from_bytes(state.digest(), "big") >> 11) * 2.0**-53


def _empty() -> Split:
    rows = np.empty(0, dtype=np.int64)
    return Split(train=rows, tune=rows, calibrate=rows, test=rows)
