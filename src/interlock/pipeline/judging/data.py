"""The data gate: gather what it judges, and ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.gates.data.gate import data_gate
from interlock.gates.data.measurement import DataMeasurement, InputMeasurement, SegmentCount
from interlock.gates.data.outliers import OutlierLimits
from interlock.gates.gate import run
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.judging.inputs import measure_inputs
from interlock.product.binding import Bound
from interlock.product.labels import LabelFacts
from interlock.release.bundle import Bundle
from interlock.verdict import GateResult


def judge_data(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    split: Mapping[str, Any],
    champion: Bundle | None = None,
) -> GateResult:
    """The data gate. It is asked anew each time: how fresh data is depends on the moment."""
    checks = data_gate(context.bound.product.data_gate)
    if limits := context.bound.outliers.limits:
        titles = dict.fromkeys(declared.title for declared in limits)
        checks = (*checks, OutlierLimits(tuple(titles)))
    return run("data gate", checks, measure_data(context, snapshots, examples, split, champion))


def measure_data(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    split: Mapping[str, Any],
    champion: Bundle | None = None,
) -> DataMeasurement:
    """The examples' source (what was read, put aside and why), its labels, the model's inputs."""
    labels = LabelFacts.from_row(examples.output["labels"])
    source = context.bound.examples_source
    manifest = snapshots.output[source.name]["manifest"]
    counts = examples.output["counts"]
    quarantined = dict(manifest["quarantined"])
    for reason, n in counts["quarantined"].items():
        quarantined[reason] = quarantined.get(reason, 0) + n
    outliers = split["quarantined"]
    return DataMeasurement(
        rows_read=manifest["rows_read"] - manifest["not_yet_available"],
        rows_usable=counts["usable"] - sum(outliers.values()),
        without_label=counts["without_label"],
        label_pending=counts["label_pending"],
        duplicates=manifest["duplicates"],
        quarantined={**quarantined, **outliers},
        feature_failures={
            **{f.name: 0 for f in context.bound.features.request},
            **counts["feature_failures"],
        },
        violations=_violations(context.bound, manifest["quarantined"], counts["quarantined"]),
        part_rows=split["rows"],
        newest_event=manifest["last_event"],
        as_of=context.as_of,
        has_time=source.event_time is not None,
        rows_kept=counts["rows"],
        missing=counts["missing"],
        inputs=InputMeasurement.from_row(measure_inputs(context, examples, champion).output),
        label_times=labels.times,
        absences=labels.absences,
        coverage={key: SegmentCount(**found) for key, found in split["segments"].items()},
        outlier_values=_fitted(context.bound, split["outliers"]),
    )


def _fitted(bound: Bound, told: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """To how many values the limits of each title were fitted: of several the fewest.

    A title is left out where any of its limits could not be. Limits are told before other rules.
    """
    by_title: dict[str, list[Any]] = {}
    for declared, found in zip(bound.outliers.limits, told, strict=False):
        by_title.setdefault(declared.title, []).append(found["limits"])
    return {
        title: min(limits["n"] for limits in found)
        for title, found in by_title.items()
        if all(found)
    }


def _violations(
    bound: Bound, by_source: Mapping[str, int], by_request: Mapping[str, int]
) -> dict[str, int]:
    """By declared column: rows that break its own rules, or those of the fields it feeds."""
    found = {}
    source = bound.examples_source
    for column in (*source.columns, *(source.checks.columns if source.checks else ())):
        fields = [field for field, fed_by in bound.mapping.items() if fed_by == column]
        found[column] = _counted(by_source, [column]) + _counted(by_request, fields)
    return found


def _counted(reasons: Mapping[str, int], names: Sequence[str]) -> int:
    starts = tuple(f"{name}: " for name in names)
    return sum(n for reason, n in reasons.items() if reason.startswith(starts))
