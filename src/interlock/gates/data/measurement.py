"""What a delivery found in its data, for the checks of the data gate to judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from interlock.data.drift import InputDrift
from interlock.data.integrity import FaultRate
from interlock.data.label_times import LabelTimes
from interlock.evaluate.leakage import Absence, Revealed


@dataclass(frozen=True, kw_only=True)
class InputMeasurement:
    """What was found of the model's inputs.

    ``revealed`` says of each input what it tells of the target on the training rows;
    ``target_varies`` is False where there is nothing to tell. ``has_champion`` says whether a
    release is live; ``drift`` and ``faults`` compare today's test rows with its profile, input by
    input, ``apart`` names inputs that only one of the two has, and ``problem`` why nothing could be
    compared.
    """

    revealed: Sequence[Revealed]
    target_varies: bool
    has_champion: bool
    drift: Sequence[InputDrift] = ()
    faults: Sequence[FaultRate] = ()
    apart: Sequence[str] = ()
    problem: str = ""

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "revealed": [one.to_row() for one in self.revealed],
            "target_varies": self.target_varies,
            "has_champion": self.has_champion,
            "drift": [one.to_row() for one in self.drift],
            "faults": [one.to_row() for one in self.faults],
            "apart": list(self.apart),
            "problem": self.problem,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> InputMeasurement:
        """The inverse of :meth:`to_row`."""
        return cls(
            revealed=tuple(Revealed(**one) for one in row["revealed"]),
            target_varies=row["target_varies"],
            has_champion=row["has_champion"],
            drift=tuple(InputDrift.from_row(one) for one in row["drift"]),
            faults=tuple(FaultRate.from_row(one) for one in row["faults"]),
            apart=tuple(row["apart"]),
            problem=row["problem"],
        )


@dataclass(frozen=True, kw_only=True)
class SegmentCount:
    """How many segments there are, how many are covered, and what that means for test rows.

    ``rows`` are the test rows, ``uncovered`` those in segments that are not covered, counted by
    reason in ``reasons``.
    """

    segments: int
    covered: int
    rows: int
    uncovered: int
    reasons: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class DataMeasurement:
    """What one delivery found in its data. Counts are rows; instants are µs UTC.

    ``quarantined`` counts by reason, ``feature_failures`` by feature, ``violations`` by column:
    every column with constraints is listed, with 0 where none was violated. ``part_rows`` counts
    the rows of train, tune, calibrate and test. ``has_time`` is False for a product without time.
    ``rows_kept`` are those in the snapshot of the examples' source, and ``missing`` those without a
    value, by column. ``inputs``, ``label_times`` and ``absences`` are None where not measured, and
    ``label_times`` without time as well.
    ``coverage`` holds by declared check (its ``key``) what its segments are; ``outlier_values`` to
    how many values the limits of each ``il.Outliers`` were fitted, where they could be.
    """

    rows_read: int
    rows_usable: int
    without_label: int
    label_pending: int
    duplicates: int
    quarantined: Mapping[str, int]
    feature_failures: Mapping[str, int]
    violations: Mapping[str, int]
    part_rows: Mapping[str, int]
    newest_event: int | None
    as_of: int
    has_time: bool = True
    rows_kept: int | None = None
    missing: Mapping[str, int] | None = None
    inputs: InputMeasurement | None = None
    label_times: LabelTimes | None = None
    absences: Sequence[Absence] | None = None
    coverage: Mapping[str, SegmentCount] = field(default_factory=dict)
    outlier_values: Mapping[str, int] = field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
