"""The check of what consumers rely on: each has left a contract, and the service keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ContractOutcome, ServiceMeasurement
from interlock.verdict import Check, Exemption, Verdict

_SHOWN = 3  # broken interactions in a sentence


@dataclass(frozen=True)
class ConsumerContracts(Declared):
    """The packaged service keeps every consumer's contract; who would break is named."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """One answer a contract; none looked at is an error, unless there are none to look at."""
        outcomes, none = measurement.contracts, measurement.uncontracted
        if none is not None:
            if outcomes != () or none is not Exemption.NO_CONTRACTS:
                return (unmeasured("consumer contracts", "V107", "nobody knows if there are any"),)
            return (
                Check(
                    name="consumer contracts",
                    verdict=Verdict.NOT_APPLICABLE,
                    exemption=none,
                    reason=none.value,
                ),
            )
        if not outcomes:
            said = ": ".join(filter(None, ["no contract was verified", measurement.overdue]))
            return (unmeasured("consumer contracts", "V107", said),)
        return tuple(_kept(outcome) for outcome in outcomes)


def _kept(outcome: ContractOutcome) -> Check:
    name = f"contract of {outcome.consumer}"
    if not outcome.interactions > 0:
        return unmeasured(name, "V107", f"{outcome.file} holds no interaction")
    return counted(
        name,
        "V111",
        len(outcome.broken),
        Limit(at_most=0),
        n=outcome.interactions,
        unit="broken",
        why="; ".join(outcome.broken[:_SHOWN]),
        evidence={"file": outcome.file, "broken": list(outcome.broken)},
    )
