"""What fairness checks have to tell, read from the model gate's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.report import content as report
from interlock.verdict import GateResult, Interval


def tell_fairness(result: GateResult) -> tuple[report.FairnessJudged, ...]:
    """One record a check that compared groups, in the order of the gate."""
    return tuple(
        report.FairnessJudged(check=check, compared=tuple(map(_compared, check.evidence["groups"])))
        for check in result.checks
        if check.evidence.get("groups")
    )


def _compared(row: Mapping[str, Any]) -> report.GroupsCompared:
    return report.GroupsCompared(
        measure=row["measure"], unit=row["unit"], groups=tuple(map(_group, row["groups"]))
    )


def _group(row: Mapping[str, Any]) -> report.GroupValue:
    value = None
    if row["value"] is not None:
        interval = None
        if row["low"] is not None and row["high"] is not None:
            interval = Interval(low=row["low"], high=row["high"])
        n = row["rows"]
        value = Estimate(value=row["value"], interval=interval, n=n, units=n)
    return report.GroupValue(label=row["label"], n=row["n"], value=value, reason=row["reason"])
