"""The data gate: is what was read good enough to learn from?

Checks are declared by users and judge one :class:`DataMeasurement`. Some are always on; a product
that declares its own limit for one of them replaces it.

>>> checks = data_gate([MinRows(5_000), MaxDuplicates()])
>>> [type(check).__name__ for check in checks]
['MinRows', 'MaxDuplicates', 'MaxQuarantined', 'MaxFeatureFailures', 'MinPerPart']
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from interlock.clock import format_span, parse_span
from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared, Judge, with_always_on
from interlock.verdict import Check, Exemption, Verdict

_UNREAD = "no rows were read"


@dataclass(frozen=True, kw_only=True)
class DataMeasurement:
    """What one delivery found in its data. Counts are rows; instants are µs UTC.

    ``quarantined`` counts by reason, ``feature_failures`` by feature, ``violations`` by column:
    every column with constraints is listed, with 0 where none was violated. ``part_rows`` counts
    the rows of train, tune, calibrate and test. ``has_time`` is False for a product without time.
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

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


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
        if rows > measurement.rows_read:
            return (unmeasured("minimum rows", "D158", "more rows are usable than were read"),)
        return (counted("minimum rows", "D151", rows, Limit(at_least=self.n), n=rows),)


@dataclass(frozen=True)
class MaxQuarantined(Declared):
    """At most this share of the rows read was put into quarantine (0.1 is 10 %)."""

    share: float = 0.10

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", "MaxQuarantined", low=0, high=1)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the quarantined rows of all reasons together."""
        reasons = measurement.quarantined
        return (_share("quarantined rows", "D152", reasons, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class MaxDuplicates(Declared):
    """At most this share of the rows read repeats a key; by default none may."""

    share: float = 0.0

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", "MaxDuplicates", low=0, high=1)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the rows whose key was seen before."""
        found = {"repeated key": measurement.duplicates}
        return (_share("duplicate rows", "D154", found, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class MaxFeatureFailures(Declared):
    """Features failed on at most this share of the rows read, all features together."""

    share: float = 0.01

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", "MaxFeatureFailures", low=0, high=1)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the failures of all features, the worst named first."""
        found = measurement.feature_failures
        return (_share("feature failures", "D155", found, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class MaxViolations(Declared):
    """At most this share of the rows read violates the constraints of ``column``."""

    column: str
    share: float = 0.0

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.share, "D150", f"MaxViolations({self.column!r})", low=0, high=1)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges one column; a column that nobody measured is an error."""
        name = f"violations in {self.column}"
        if self.column not in measurement.violations:
            return (unmeasured(name, "D158", f"the column {self.column} was not checked"),)
        found = {self.column: measurement.violations[self.column]}
        return (_share(name, "D156", found, measurement.rows_read, self.share),)


@dataclass(frozen=True)
class Fresh(Declared):
    """The newest event is no older than ``age``, a span such as "2d", at the delivery's time."""

    age: str

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(parse_span(self.age), "D150", "Fresh", low=1)

    def to_row(self) -> dict[str, Any]:
        """The age in µs, so that "2d" and "48h" are the same declaration."""
        return {"check": "Fresh", "age": parse_span(self.age)}

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the newest event's age in days; a product without time needs none."""
        if not measurement.has_time:
            return (
                Check(
                    name="freshness",
                    verdict=Verdict.NOT_APPLICABLE,
                    exemption=Exemption.NO_TIME,
                    reason=Exemption.NO_TIME.value,
                ),
            )
        if measurement.newest_event is None:
            return (unmeasured("freshness", "D158", "no row has an event time"),)
        age = measurement.as_of - measurement.newest_event
        if age < 0:
            reason = "the newest event lies after the delivery's own time"
            return (unmeasured("freshness", "D158", reason),)
        limit = Limit(at_most=parse_span(self.age) / _DAY)
        why = f"no event in the last {format_span(parse_span(self.age))}"
        return (counted("freshness", "D153", age / _DAY, limit, unit="days", why=why),)


_DAY = parse_span("1d")


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

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """One answer a part that is needed; a part nobody counted is an error."""
        needed = {part: getattr(self, part) for part in self.parts if getattr(self, part) > 0}
        return tuple(
            counted(f"rows to {part}", "D157", rows, Limit(at_least=fewest), n=rows)
            if (rows := measurement.part_rows.get(part)) is not None
            else unmeasured(f"rows to {part}", "D158", f"the split has no part {part}")
            for part, fewest in needed.items()
        )


ALWAYS_ON: tuple[Judge[DataMeasurement], ...] = (
    MaxQuarantined(0.10),
    MaxDuplicates(0.01),
    MaxFeatureFailures(0.01),
    MinPerPart(),
)
DEFAULT_DATA_GATE: tuple[Judge[DataMeasurement], ...] = (MinRows(500), *ALWAYS_ON)


def data_gate(declared: Sequence[Judge[DataMeasurement]]) -> tuple[Judge[DataMeasurement], ...]:
    """The checks a product's data must meet: those declared and those always on.

    A product that declares none gets :data:`DEFAULT_DATA_GATE`.
    """
    return with_always_on(declared, ALWAYS_ON) if declared else DEFAULT_DATA_GATE


def _share(
    name: str, code: str, counts: Mapping[str, int], rows_read: int, at_most: float
) -> Check:
    """The answer for a share of the rows read; the largest counts are named."""
    if not (rows_read > 0 and math.isfinite(rows_read)):
        return unmeasured(name, "D158", _UNREAD)
    if any(not count >= 0 for count in counts.values()):
        return unmeasured(name, "D158", "a count is negative or not a number")
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    worst = [f"{count:,} × {what}" for what, count in ranked if count][:3]
    return counted(
        name,
        code,
        sum(counts.values()) / rows_read,
        Limit(at_most=at_most),
        n=rows_read,
        unit="%",
        why=", ".join(worst),
        evidence={"counts": dict(ranked)},
    )
