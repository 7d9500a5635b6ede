"""The check of planned faults: what breaks around the service never makes a wrong number.

While something is broken an answer is right, or a refusal that says so (503), or made with the
declared defaults and marked as degraded, as the environment's settings have it; afterwards all is
right again by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.gates.service.stress import FaultOutcome
from interlock.verdict import Check, Exemption, Verdict

STORE_STOPPED = "online store stopped"
STORE_SLOW = "online store slow"
STORE_WRONG = "online store wrong"
DISK_FULL = "disk full"
WORKER_KILLED = "worker killed"
FAULTS = (STORE_STOPPED, STORE_SLOW, STORE_WRONG, DISK_FULL, WORKER_KILLED)
_MAY_BE_EXEMPT = {
    STORE_STOPPED: {Exemption.NO_HISTORY},
    STORE_SLOW: {Exemption.NO_HISTORY, Exemption.LOCAL_STORE},
    STORE_WRONG: {Exemption.NO_HISTORY},
}
_SHOWN = 3  # wrong answers in a sentence


@dataclass(frozen=True)
class Faults(Declared):
    """The online store stopped, slow or wrong, the disk full, a worker killed: all as declared."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """One answer a fault; one that was not planned is an error, unless it cannot happen."""
        found = {outcome.fault: outcome for outcome in measurement.faults}
        return tuple(_judged(fault, found.get(fault)) for fault in FAULTS)


def _judged(fault: str, outcome: FaultOutcome | None) -> Check:
    if outcome is None:
        return unmeasured(fault, "V107", "this fault was not planned")
    if outcome.exempt is not None:
        return _exempt(fault, outcome.exempt)
    answers = outcome.answered + outcome.refused + outcome.degraded
    if outcome.problem or not (outcome.asked > 0 and 0 <= answers <= outcome.asked):
        return unmeasured(fault, "V107", outcome.problem or "nothing was asked meanwhile")
    recovered = outcome.recovered_seconds
    wrong = list(outcome.wrong)
    if recovered is None or not 0 <= recovered < math.inf:
        wrong.append("it was not right again after the fault had ended")
    return counted(
        fault,
        "V118",
        len(wrong),
        Limit(at_most=0),
        n=outcome.asked,
        unit="wrong answers",
        why="; ".join(wrong[:_SHOWN]),
        evidence={
            "answered": outcome.answered,
            "refused": outcome.refused,
            "degraded": outcome.degraded,
            "recovered_seconds": recovered,
            "wrong": wrong,
        },
    )


def _exempt(fault: str, why: Exemption) -> Check:
    if why not in _MAY_BE_EXEMPT.get(fault, ()):
        return unmeasured(fault, "V107", "nobody knows why this fault was not planned")
    return Check(name=fault, verdict=Verdict.NOT_APPLICABLE, exemption=why, reason=why.value)
