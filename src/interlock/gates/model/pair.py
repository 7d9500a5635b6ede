"""Two models on the same rows: the limit that says better, and the evidence of the pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import Metric
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.verdict import Check, Verdict


def improvement(metric: Metric) -> Limit:
    """What the difference to another model must be for the first to be better."""
    if metric.better == "lower":
        return Limit(at_most=0.0, strict=True)
    return Limit(at_least=0.0, strict=True)


def pair(measurement: WinnerMeasurement, winner: float, other: str, value: float) -> dict[str, Any]:
    """The evidence of a comparison: who was compared with whom, and both values."""
    return {
        "metric": measurement.metric,
        "candidate": measurement.winner,
        "candidate_value": winner,
        "reference": other,
        "reference_value": value,
    }


def failed(name: str, code: str, reason: str, evidence: Mapping[str, Any] | None = None) -> Check:
    """The answer that needs no interval: it is settled by a rule."""
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        reason=reason,
        evidence={"code": code, **(evidence or {})},
    )
