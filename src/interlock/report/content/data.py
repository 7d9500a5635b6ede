"""Where the rows went, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.data.drift import InputDrift
from interlock.data.integrity import FaultRate
from interlock.data.label_times import LabelTimes
from interlock.evaluate.leakage import Revealed
from interlock.report.content.coverage import Coverage


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Rows put aside for one reason, with a few of them as examples."""

    reason: str
    rows: int
    samples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SplitPart:
    """One part of the split; ``start`` and ``end`` are instants, None without time."""

    name: str
    rows: int
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class NumericColumn:
    """A number column's profile.

    ``counts[i]`` rows lie between ``edges[i]`` and ``edges[i + 1]``.
    """

    name: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class CategoricalColumn:
    """A category column's profile: its most frequent values, the rest, and the missing."""

    name: str
    top: tuple[tuple[str, int], ...]
    other: int = 0
    missing: int = 0
    unit: str = ""


Column = NumericColumn | CategoricalColumn


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the rows went, and what they look like.

    ``drift`` pairs, input by input, the champion's held-out rows with today's test rows, bin by bin
    and with PSI, p, q, magnitude and level; ``faults`` are the rates of missing, unseen and
    out-of-range values, then and now. Both are empty without a champion. ``revealed`` says what
    each input alone tells of the target, ``label_times`` when labels come (None without time),
    ``coverage`` what the release answers for (None: for everything).
    """

    read: int
    usable: int
    without_label: int = 0
    pending: int = 0
    quarantined: tuple[Quarantine, ...] = ()
    splits: tuple[SplitPart, ...] = ()
    columns: tuple[Column, ...] = ()
    drift: tuple[InputDrift, ...] = ()
    faults: tuple[FaultRate, ...] = ()
    revealed: tuple[Revealed, ...] = ()
    label_times: LabelTimes | None = None
    coverage: Coverage | None = None

    @property
    def quarantined_rows(self) -> int:
        """Rows in quarantine, for whichever reason."""
        return sum(group.rows for group in self.quarantined)
