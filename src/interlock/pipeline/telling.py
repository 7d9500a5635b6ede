"""What a delivery has to tell: stage outputs become the report's content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interlock.clock import SECOND, parse_span
from interlock.data.snapshot import table_from
from interlock.evaluate.compare import Estimate
from interlock.evaluate.metrics import metric_named
from interlock.gates.model import model_gate
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.examples import load_examples
from interlock.pipeline.judging import limits_of
from interlock.product.training_set import TrainingSet
from interlock.report import content as report
from interlock.report.classes import summarise_classes
from interlock.report.residuals import summarise_regression
from interlock.store.arrays import array_from_bytes
from interlock.verdict import Interval

_SAMPLES = 3  # quarantined rows shown a reason
_BINS = 10
_TOP = 8  # values of a category shown
_SLICE_CATEGORIES = 12


def tell_data(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    split: Mapping[str, Any],
) -> report.Data:
    """Where the rows went, and what the usable ones look like."""
    name = context.bound.examples_source.name
    manifest = snapshots.output[name]["manifest"]
    rows = load_examples(context, examples.output)
    tables = [
        table_from(context.artifacts.get(snapshots.output[name]["quarantined"])),
        rows.quarantined,
    ]
    return report.Data(
        read=manifest["rows_read"] - manifest["not_yet_available"],
        usable=rows.counts.usable,
        without_label=rows.counts.without_label,
        pending=rows.counts.label_pending,
        quarantined=tuple(group for table in tables for group in _quarantine(table)),
        splits=_splits(split),
        columns=tuple(_column(context, rows, i.name, i.kind) for i in rows.inputs),
    )


def _quarantine(table: Any) -> list[report.Quarantine]:
    reasons = table.column("__reason").to_pylist() if table.num_rows else []
    found = []
    for reason in sorted(set(reasons)):
        places = [i for i, r in enumerate(reasons) if r == reason]
        samples = table.take(places[:_SAMPLES]).drop_columns(["__reason"]).to_pylist()
        kept = tuple(
            {k: str(v) for k, v in row.items() if not k.startswith("__")} for row in samples
        )
        found.append(report.Quarantine(reason=reason, rows=len(places), samples=kept))
    return found


def _splits(split: Mapping[str, Any]) -> tuple[report.SplitPart, ...]:
    ends = split["boundaries"]
    return tuple(
        report.SplitPart(
            name=name,
            rows=n,
            start=ends[name][0] if name in ends else None,
            end=ends[name][1] if name in ends else None,
        )
        for name, n in split["rows"].items()
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


def tell_evaluation(
    context: Context, examples: Outcome, trained: Outcome, judged: Outcome | None
) -> report.Evaluation:
    """Who took part, how they fared, and the winner's errors on the test rows."""
    product, output = context.bound.product, trained.output
    estimates = judged.output["estimates"] if judged else {}
    unit = getattr(product.target, "unit", "")
    limits = limits_of(model_gate(product.model_gate))
    names = list(next(iter(estimates.values()), {})) or [product.metric_name]
    metrics = tuple(_metric(name, limits, unit) for name in names)
    shown = [_candidate(name, row, estimates) for name, row in output["candidates"].items()]
    for name, measured in estimates.items():
        if name == "champion" and judged is not None:
            shown.append(_other(judged.output["champion"]["label"], measured, "champion"))
        elif name.startswith("yardstick "):
            shown.append(_other(name.removeprefix("yardstick "), measured, "yardstick"))
    return report.Evaluation(
        metrics=metrics,
        candidates=tuple(shown),
        winner=output["winner"],
        test=_test_summary(context, examples, trained) if estimates else None,
    )


def _metric(name: str, limits: Mapping[str, float], unit: str) -> report.Metric:
    metric = metric_named(name)
    return report.Metric(
        name=name,
        lower_is_better=metric.better == "lower",
        limit=limits.get(name),
        unit=metric.unit_shown(unit),
    )


def _estimates(measured: Mapping[str, Any]) -> dict[str, Estimate]:
    return {
        name: Estimate(value=e["value"], interval=_interval(e), n=e["n"], units=e["n"])
        for name, e in measured.items()
        if e["value"] is not None
    }


def _interval(measured: Mapping[str, Any]) -> Interval | None:
    if measured["low"] is None or measured["high"] is None:
        return None
    return Interval(low=measured["low"], high=measured["high"])


def _candidate(name: str, row: Mapping[str, Any], estimates: Mapping[str, Any]) -> report.Candidate:
    kind = report.CandidateKind.BASELINE if row["baseline"] else report.CandidateKind.CANDIDATE
    if row["failure"] is not None:
        return report.Candidate(
            name=name,
            kind=kind,
            seconds=row["seconds"],
            failure="; ".join(f"{m['code']}: {m['what']}: {m['got']}" for m in row["failure"]),
        )
    held_out = row["exactness"]["held out"]
    return report.Candidate(
        name=name,
        kind=kind,
        metrics=_estimates(estimates.get(name, {})),
        seconds=row["seconds"],
        format=row["format"],
        exactness=f"{held_out['bit_identical']:,} of {held_out['rows']:,} rows equal to the bit",
        params=row["params"],
    )


def _other(name: str, measured: Mapping[str, Any], kind: str) -> report.Candidate:
    return report.Candidate(
        name=name, kind=report.CandidateKind(kind), metrics=_estimates(measured)
    )


def _test_summary(
    context: Context, examples: Outcome, trained: Outcome
) -> report.RegressionSummary | report.ClassesSummary | None:
    rows = load_examples(context, examples.output)
    output, product = trained.output, context.bound.product
    row = output["candidates"].get(output["winner"] or "", {})
    if "test" not in row:
        return None
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    kept = {k: array_from_bytes(context.artifacts.get(blob)) for k, blob in row["test"].items()}
    timed = context.bound.examples_source.event_time is not None
    instants = rows.instants[test] if timed else None
    slices = _slices(rows, test)
    if product.target.task == "regression":
        return summarise_regression(
            rows.y[test],
            kept["prediction"],
            target=product.target.name,
            unit=getattr(product.target, "unit", ""),
            instants=instants,
            slices=slices,
            low=kept.get("low"),
            high=kept.get("high"),
            promised=getattr(product.target, "interval", None),
        )
    return summarise_classes(
        [rows.classes[int(i)] for i in rows.y[test]],
        kept["prediction"],
        classes=rows.classes,
        target=product.target.name,
        instants=instants,
        slices=slices,
    )


def _slices(rows: TrainingSet, test: np.ndarray[Any, Any]) -> dict[str, list[object]]:
    """Categories with few values: errors are shown for each value."""
    found: dict[str, list[object]] = {}
    for given in rows.inputs:
        if given.kind not in ("str", "category", "bool"):
            continue
        values = rows.column(given.name)
        chosen = [values[i] for i in test]
        if 1 < len(set(map(str, chosen))) <= _SLICE_CATEGORIES:
            found[given.name] = [str(v) if v is not None else "missing" for v in chosen]
    return found


def tell_service(measured: Mapping[str, Any], limit_ms: float | None) -> report.Service:
    """What the service gate saw."""
    return report.Service(
        parity=(
            report.Parity(
                name="features",
                compared=measured["features_compared"],
                different=measured["feature_mismatches"],
                worst=measured["worst_feature_difference"],
                tolerance=0.0,
            ),
            report.Parity(
                name="predictions",
                compared=measured["rows_compared"],
                different=measured["prediction_mismatches"],
                worst=measured["worst_prediction_difference"],
                tolerance=measured["tolerance"],
            ),
            report.Parity(
                name="edge cases",
                compared=measured["edge_rows_compared"],
                different=measured["edge_mismatches"],
            ),
        ),
        latency=tuple(
            report.LatencyWindow(
                label=str(i + 1),
                n=w["n"],
                p50=w["p50_seconds"] * 1e3,
                p95=w.get("p95_seconds", w["p99_seconds"]) * 1e3,
                p99=w["p99_seconds"] * 1e3,
            )
            for i, w in enumerate(measured["latency_windows"])
        ),
        latency_limit_ms=limit_ms,
        bad_inputs=_bad_inputs(measured),
    )


def _bad_inputs(measured: Mapping[str, Any]) -> tuple[report.BadInput, ...]:
    """Those answered otherwise than due one by one, the others counted."""
    wrong = measured["bad_inputs_wrong"]
    refused = measured["bad_inputs_sent"] - len(wrong)
    found = [
        report.BadInput(name=name, expected="the status due", got="another", refused=False)
        for name in wrong
    ]
    if refused:
        name = f"{refused} kinds of bad request"
        found.append(report.BadInput(name=name, expected="4xx", got="4xx", refused=True))
    return tuple(found)


def limit_ms(checks: Sequence[Any]) -> float | None:
    """The declared limit of latency in milliseconds, if there is one."""
    limits = [parse_span(c.limit) / SECOND * 1e3 for c in checks if hasattr(c, "limit")]
    return limits[0] if limits else None
