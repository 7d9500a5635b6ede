"""What checks of slices have to tell, read from the model gate's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.report import content as report
from interlock.verdict import Check, GateResult, Interval, Verdict


def tell_slices(result: GateResult) -> tuple[report.SlicesJudged, ...]:
    """One record a check that looked at slices, in the order of the gate."""
    return tuple(_judged(check) for check in result.checks if check.evidence.get("slices"))


def _judged(check: Check) -> report.SlicesJudged:
    return report.SlicesJudged(
        name=check.name,
        verdict=check.verdict,
        unit=check.unit,
        slices=tuple(_finding(row) for row in check.evidence["slices"]),
        reason=check.reason,
    )


def _finding(row: Mapping[str, Any]) -> report.SliceFinding:
    judged = row["verdict"] in set(Verdict)
    return report.SliceFinding(
        column=row["column"],
        label=row["label"],
        n=row["n"],
        share=row["share"],
        value=_estimate(row),
        reference=_known(row["reference"]),
        allowed=_known(row["allowed"]),
        q=row["q"],
        verdict=Verdict(row["verdict"]) if judged else None,
        reason=row["reason"],
    )


def _estimate(row: Mapping[str, Any]) -> Estimate | None:
    value = _known(row["value"])
    if value is None:
        return None
    interval = None
    if row["low"] is not None and row["high"] is not None:
        interval = Interval(low=row["low"], high=row["high"])
    return Estimate(value=value, interval=interval, n=row["n"], units=row["n"])


def _known(value: float | None) -> float | None:
    """None for NaN: a slice that was not judged has no limit."""
    return None if value is None or value != value else value
