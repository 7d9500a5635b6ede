"""Checks that count rows: enough of them, and few enough that are bad."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from interlock.evaluate.judge import Limit
from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.data.share import judge_share
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared
from interlock.verdict import Check

MOST = 0.999
"""The largest share that may be declared: what may be all of the rows cannot be missed."""


@dataclass(frozen=True)
class MinRows(Declared):
    """At least ``n`` usable rows: read, sound, labelled, with all features."""

    n: int

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.n, "D150", "MinRows", low=1)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the rows that can be used."""
        rows = measurement.rows_usable
        if not math.isfinite(measurement.rows_read):
            return (unmeasured("minimum rows", "D158", "the rows read were not counted"),)
        if rows > measurement.rows_read:
            return (unmeasured("minimum rows", "D158", "more rows are usable than were read"),)
        return (counted("minimum rows", "D151", rows, Limit(at_least=self.n), n=rows),)


@dataclass(frozen=True)
class MaxQuarantined(Declared):
    """At most this share of the rows read was put into quarantine (0.1 is 10 %)."""

    share: float = 0.10

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", "MaxQuarantined", low=0, high=MOST)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the quarantined rows of all reasons together."""
        reasons = measurement.quarantined
        return (
            judge_share("quarantined rows", "D152", reasons, measurement.rows_read, self.share),
        )


@dataclass(frozen=True)
class MaxDuplicates(Declared):
    """At most this share of the rows read repeats a key; by default none may."""

    share: float = 0.0

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", "MaxDuplicates", low=0, high=MOST)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the rows whose key was seen before."""
        found = {"repeated key": measurement.duplicates}
        return (judge_share("duplicate rows", "D154", found, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class MaxFeatureFailures(Declared):
    """Features failed on at most this share of the rows read, all features together."""

    share: float = 0.01

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", "MaxFeatureFailures", low=0, high=MOST)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the failures of all features, the worst named first."""
        found = measurement.feature_failures
        return (judge_share("feature failures", "D155", found, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class MaxViolations(Declared):
    """At most this share of the rows read violates the constraints of ``column``."""

    column: str
    share: float = 0.0

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", f"MaxViolations({self.column!r})", low=0, high=MOST)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges one column; a column that nobody measured is an error."""
        name = f"violations in {self.column}"
        if self.column not in measurement.violations:
            return (unmeasured(name, "D158", f"the column {self.column} was not checked"),)
        found = {self.column: measurement.violations[self.column]}
        return (judge_share(name, "D156", found, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class MaxMissing(Declared):
    """At most this share of the rows kept has no value in ``column``.

    Where missing values are against the column's own rule, its rows are in quarantine and none is
    left to be counted here: this is for columns that may have gaps, but not too many.
    """

    column: str
    share: float

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", f"MaxMissing({self.column!r})", low=0, high=MOST)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges one column; a column that is not there is an error."""
        name, rows = f"missing in {self.column}", measurement.rows_kept
        if rows is None or measurement.missing is None or self.column not in measurement.missing:
            return (unmeasured(name, "D158", f"the source has no column {self.column}"),)
        found = {self.column: measurement.missing[self.column]}
        return (judge_share(name, "D159", found, rows, self.share),)


@dataclass(frozen=True)
class MinPerPart(Declared):
    """Every part of the split holds at least so many rows; 0 says a part is not needed."""

    train: int = 200
    tune: int = 30
    calibrate: int = 30
    test: int = 100
    parts: ClassVar[tuple[str, ...]] = ("train", "tune", "calibrate", "test")

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        for part in self.parts:
            finite(getattr(self, part), "D150", f"MinPerPart({part}=…)", low=0)
        finite(max(getattr(self, part) for part in self.parts), "D150", "MinPerPart", low=1)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """One answer a part that is needed; a part nobody counted is an error."""
        needed = {part: getattr(self, part) for part in self.parts if getattr(self, part) > 0}
        return tuple(
            counted(f"rows to {part}", "D157", rows, Limit(at_least=fewest), n=rows)
            if (rows := measurement.part_rows.get(part)) is not None
            else unmeasured(f"rows to {part}", "D158", f"the split has no part {part}")
            for part, fewest in needed.items()
        )
