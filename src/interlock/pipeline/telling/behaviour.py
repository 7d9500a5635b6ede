"""What behaviour checks have to tell, read from the model gate's result."""

from __future__ import annotations

from interlock.evaluate.compare import Estimate
from interlock.report import content as report
from interlock.verdict import Check, GateResult


def tell_behaviour(result: GateResult) -> tuple[report.Behaviour, ...]:
    """One record a behaviour check that tried something, in the order of the gate."""
    return tuple(_behaviour(check) for check in result.checks if "behaviour" in check.evidence)


def _behaviour(check: Check) -> report.Behaviour:
    found = check.evidence["behaviour"]
    sampled = found["kind"] != "example"
    share = found["violations"] / found["rows"]
    rows = found["rows"]
    return report.Behaviour(
        name=check.name,
        kind=found["kind"],
        verdict=check.verdict,
        rows=rows,
        violations=found["violations"],
        share=Estimate(value=share, interval=check.interval, n=rows, units=rows)
        if sampled
        else None,
        limit=check.threshold if sampled else None,
        skipped=found["skipped"],
        worst=tuple(report.BehaviourExample(**example) for example in found["worst"]),
        reason=check.reason,
    )
