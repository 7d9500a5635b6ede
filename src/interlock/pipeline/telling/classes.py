"""What a delivery has to tell of a classifier: how it decides, and how each class fares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.pipeline.judging.classes import read_classes
from interlock.report import content as report
from interlock.report.numbers import significant
from interlock.train.threshold import Chosen
from interlock.verdict import Interval


def with_classes(
    summary: report.ClassesSummary, measured: Mapping[str, Any] | None, decided: Any
) -> report.ClassesSummary:
    """The summary with the gate's table by class and the release's decision."""
    decision = None if decided is None else _decision(Chosen.from_row(decided), summary.classes)
    if measured is None:
        return replace(summary, decision=decision)
    found = read_classes(measured)
    return replace(
        summary,
        decision=decision,
        confusion_shares=found.shares,
        scores=tuple(
            report.ClassScore(name=name, **vars(score))
            for name, score in zip(summary.classes, found.classes, strict=True)
        ),
    )


def _decision(chosen: Chosen, classes: Sequence[str]) -> report.Decision:
    value = None
    if chosen.value is not None:
        known = chosen.value_low is not None and chosen.value_high is not None
        interval = Interval(low=chosen.value_low, high=chosen.value_high) if known else None  # type: ignore[arg-type]
        value = Estimate(value=chosen.value, interval=interval, n=chosen.n, units=chosen.n)
    return report.Decision(
        rule=_rule(chosen, classes),
        n=chosen.n,
        threshold=chosen.decision.threshold,
        low=chosen.low,
        high=chosen.high,
        due=chosen.due,
        measure=chosen.measure,
        unit=chosen.unit,
        value=value,
        curve=tuple(report.ThresholdPoint(**vars(point)) for point in chosen.curve),
        costs=chosen.decision.costs or (),
    )


def _rule(chosen: Chosen, classes: Sequence[str]) -> str:
    """The decision in a sentence."""
    threshold = chosen.decision.threshold
    if threshold is None:
        return "The class of least expected cost is answered."
    answer = f"{classes[1]} is answered from a probability of {significant(threshold)} on"
    if chosen.measure == "cost":
        rule, unit = chosen.rule, "" if chosen.unit == "1" else f" {chosen.unit}"
        costs = f"{rule['false_positive']:g}{unit}, a miss {rule['false_negative']:g}{unit}"
        taken = "the threshold of theory, no other being shown to be cheaper"
        if threshold != chosen.due:
            taken = "where predictions cost least"
        return f"{answer}: {taken}; a false alarm costs {costs}."
    if chosen.measure:
        return f"{answer}: where {chosen.measure.upper()} is greatest."
    return f"{answer}, as declared."
