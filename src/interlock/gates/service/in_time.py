"""The check that everything was measured within the time that the gate has."""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.form import LONGEST_SECONDS, Form
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.verdict import Check

NAME = "measured in time"


@dataclass(frozen=True)
class InTime(Declared):
    """No part of the gate was cut short: the quick form has 60 s, the full one 180 s."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """A part that was cut short is an error, and named."""
        parts = measurement.part_seconds
        longest = LONGEST_SECONDS[Form(measurement.form)]
        if measurement.overdue != "":
            reason = f"not measured within {longest:g} s: {measurement.overdue}"
            return (unmeasured(NAME, "V119", reason, seconds=dict(parts)),)
        if not parts or not all(math.isfinite(s) and s >= 0 for s in parts.values()):
            return (unmeasured(NAME, "V119", "nobody knows how long it took"),)
        total = sum(parts.values())
        return (
            counted(
                NAME,
                "V119",
                total,
                Limit(at_most=longest),
                unit="s",
                evidence={"seconds": dict(parts)},
            ),
        )
