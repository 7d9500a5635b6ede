"""Checks of time: is the newest event new enough?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interlock.clock import format_span, parse_span
from interlock.evaluate.judge import Limit
from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared
from interlock.verdict import Check, Exemption, Verdict

_DAY = parse_span("1d")


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
