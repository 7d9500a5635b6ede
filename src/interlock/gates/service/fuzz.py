"""The check that no generated request gets an answer that the API's description does not allow."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.verdict import Check

FEWEST_REQUESTS = 100
_SHOWN = 3  # wrong answers in a sentence


@dataclass(frozen=True)
class Fuzz(Declared):
    """Requests generated from /openapi.json: never a 5xx, each answer as it is documented there."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges all answers together; too few requests, or none that fitted, are an error."""
        name, found = "generated requests", measurement.fuzz
        if found is None or not (found.sent >= FEWEST_REQUESTS and found.operations > 0):
            return (unmeasured(name, "V107", "too few requests were generated"),)
        if not 0 < found.fitting <= found.sent:
            reason = "none of the requests that fit the description was answered with 200"
            return (unmeasured(name, "V107", "; ".join([reason, *found.wrong[:_SHOWN]])),)
        return (
            counted(
                name,
                "V117",
                len(found.wrong),
                Limit(at_most=0),
                n=found.sent,
                unit="wrong answers",
                why="; ".join(found.wrong[:_SHOWN]),
                evidence={
                    "wrong": list(found.wrong),
                    "operations": found.operations,
                    "fitting": found.fitting,
                    "seed": found.seed,
                },
            ),
        )
