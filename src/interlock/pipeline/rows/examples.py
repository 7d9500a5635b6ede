"""Stage: examples with their features and labels, from the snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from interlock.data.snapshot import table_bytes, table_from
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.snapshots import load_snapshots, snapshot_digests
from interlock.product.labels import LabelFacts
from interlock.product.training_set import Counts, TrainingSet, build


def make_examples(context: Context, snapshots: Outcome) -> Outcome:
    """Compute features and labels; the output names the table's blob and counts the rows."""
    inputs = {
        "snapshots": snapshot_digests(snapshots.output),
        "code": context.bound.code_digest,
        "known by": _label_moment(context, snapshots.output),
    }
    return context.run("features", inputs, lambda: _make(context, snapshots.output))


def _label_moment(context: Context, snapshots: Mapping[str, Any]) -> int | None:
    """The delivery's time, or when the last label became known if that is earlier."""
    manifest = snapshots[context.bound.examples_source.name]["manifest"]
    if manifest["last_event"] is None:
        return None
    return min(context.as_of, int(manifest["last_event"]) + context.bound.product.target.delay)


def _make(context: Context, snapshots: Mapping[str, Any]) -> dict[str, Any]:
    made = build(context.bound, load_snapshots(context, snapshots), as_of=context.as_of)
    return {
        "table": context.artifacts.put(table_bytes(made.table)),
        "quarantined": context.artifacts.put(table_bytes(made.quarantined)),
        "classes": list(made.classes),
        "labels": made.labels.to_row(),
        "counts": {
            "rows": made.counts.rows,
            "missing": dict(made.counts.missing),
            "usable": made.counts.usable,
            "without_label": made.counts.without_label,
            "label_pending": made.counts.label_pending,
            "quarantined": dict(made.counts.quarantined),
            "feature_failures": dict(made.counts.feature_failures),
        },
    }


def load_examples(context: Context, output: Mapping[str, Any]) -> TrainingSet:
    """The training set behind a stage's output, read once."""

    def read(digest: str) -> pa.Table:
        return context.once("table", digest, lambda: table_from(context.artifacts.get(digest)))

    return TrainingSet(
        table=read(output["table"]),
        classes=tuple(output["classes"]),
        inputs=context.bound.features.inputs,
        quarantined=read(output["quarantined"]),
        counts=Counts(**output["counts"]),
        labels=LabelFacts.from_row(output["labels"]),
    )
