"""What a delivery has to tell of its data: rows, quarantine, split, and columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interlock.data.snapshot import table_from
from interlock.gates.data.measurement import InputMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.judging.inputs import measure_inputs
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.telling.coverage import tell_coverage
from interlock.product.training_set import TrainingSet
from interlock.release.bundle import Bundle
from interlock.report import content as report
from interlock.train.split import PARTS

_SAMPLES = 3  # quarantined rows shown a reason
_BINS = 10
_TOP = 8  # values of a category shown


def tell_data(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    split: Mapping[str, Any],
    champion: Bundle | None = None,
) -> report.Data:
    """Where the rows went, what the usable ones look like, and how they differ from before."""
    found = InputMeasurement.from_row(measure_inputs(context, examples, champion).output)
    name = context.bound.examples_source.name
    manifest = snapshots.output[name]["manifest"]
    rows = load_examples(context, examples.output)
    tables = [
        table_from(context.artifacts.get(snapshots.output[name]["quarantined"])),
        rows.quarantined,
        table_from(context.artifacts.get(split["put_aside"])),
    ]
    return report.Data(
        read=manifest["rows_read"] - manifest["not_yet_available"],
        usable=rows.counts.usable - sum(split["quarantined"].values()),
        without_label=rows.counts.without_label,
        pending=rows.counts.label_pending,
        quarantined=tuple(group for table in tables for group in _quarantine(table)),
        splits=split_parts(split),
        columns=tuple(_column(context, rows, i.name, i.kind) for i in rows.inputs),
        drift=tuple(found.drift),
        faults=tuple(found.faults),
        revealed=tuple(found.revealed),
        label_times=rows.labels.times,
        coverage=tell_coverage(context, examples, split),
    )


def _quarantine(table: Any) -> list[report.Quarantine]:
    reasons = table.column("__reason").to_pylist() if table.num_rows else []
    found = []
    for reason in sorted(set(reasons)):
        places = [i for i, r in enumerate(reasons) if r == reason]
        samples = table.take(places[:_SAMPLES]).drop_columns(["__reason"]).to_pylist()
        kept = tuple(
            {k: None if v is None else str(v) for k, v in row.items() if not k.startswith("__")}
            for row in samples
        )
        found.append(report.Quarantine(reason=reason, rows=len(places), samples=kept))
    return found


def split_parts(split: Mapping[str, Any]) -> tuple[report.SplitPart, ...]:
    """The parts in the order in which rows pass through them: train first, test last."""
    ends, rows = split["boundaries"], split["rows"]
    return tuple(
        report.SplitPart(
            name=name,
            rows=rows[name],
            start=ends[name][0] if name in ends else None,
            end=ends[name][1] if name in ends else None,
        )
        for name in sorted(rows, key=PARTS.index)
    )


def _column(context: Context, rows: TrainingSet, name: str, kind: str) -> report.Column:
    units = {f.name: f.unit for f in context.bound.schema.fields}
    units |= {d.name: d.unit for d in context.bound.features.request}
    values, unit = rows.column(name), units.get(name, "")
    if kind in ("str", "category"):
        return _categorical(name, values, unit)
    present = values[np.isfinite(values)]
    missing = len(values) - len(present)
    if not len(present):
        return report.NumericColumn(name=name, edges=(0.0, 1.0), counts=(0,), missing=missing)
    low, high = float(present.min()), float(present.max())
    low_cut, high_cut = np.quantile(present, [0.005, 0.995])
    if low_cut < high_cut:
        low, high = float(low_cut), float(high_cut)
    counts, edges = np.histogram(np.clip(present, low, high), bins=_BINS, range=(low, high or 1.0))
    return report.NumericColumn(
        name=name,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=missing,
        unit=unit,
    )


def _categorical(name: str, values: Sequence[Any], unit: str) -> report.CategoricalColumn:
    counts: dict[str, int] = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return report.CategoricalColumn(
        name=name,
        top=tuple(ranked[:_TOP]),
        other=sum(n for _, n in ranked[_TOP:]),
        missing=sum(value is None for value in values),
        unit=unit,
    )
