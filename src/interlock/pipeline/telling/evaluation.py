"""What a delivery has to tell of the competition and of the winner's test rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from interlock.evaluate.compare import Estimate
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import Metric
from interlock.gates.model.gate import model_gate
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.judging.shown import limits_of, shown_names
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.telling.behaviour import tell_behaviour
from interlock.pipeline.telling.classes import with_classes
from interlock.pipeline.telling.fairness import tell_fairness
from interlock.pipeline.telling.promises import with_calibration, with_intervals
from interlock.pipeline.telling.ranking import tell_ranking
from interlock.pipeline.telling.slices import tell_slices
from interlock.product.declaration import Declaration
from interlock.product.training_set import TrainingSet
from interlock.report import content as report
from interlock.report.classes import summarise_classes
from interlock.report.residuals import summarise_regression
from interlock.store.arrays import array_from_bytes
from interlock.verdict import GateResult, Interval

_SLICE_CATEGORIES = 12


def tell_evaluation(
    context: Context, examples: Outcome, trained: Outcome, judged: Outcome | None
) -> report.Evaluation:
    """Who took part, how they fared, and the winner's errors on the test rows."""
    product, output = context.bound.product, trained.output
    result = GateResult(gate="model", checks=())
    if judged is not None:
        result = GateResult.from_row(judged.output["result"])
    estimates = judged.output["estimates"] if judged else {}
    unit = getattr(product.target, "unit", "")
    checks = model_gate(product.model_gate)
    limits = limits_of(checks)
    metrics = tuple(
        _metric(context.bound.metric(n), limits.get(n), unit)
        for n in _names(product, checks, estimates)
    )
    rows = output["candidates"]
    shown = [_candidate(name, rows[name], estimates) for name in product.candidates if name in rows]
    for name, measured in estimates.items():
        if name == "champion" and judged is not None:
            shown.append(_other(judged.output["champion"]["label"], measured, "champion"))
        elif name.startswith("yardstick "):
            shown.append(_other(name.removeprefix("yardstick "), measured, "yardstick"))
    return report.Evaluation(
        metrics=metrics,
        candidates=tuple(shown),
        winner=output["winner"],
        ranking=tell_ranking(output["ranking"]),
        test=_test_summary(context, examples, trained, judged) if judged and estimates else None,
        behaviour=tell_behaviour(result),
        slices=tell_slices(result),
        fairness=tell_fairness(result),
        without_outliers=_without_outliers(judged.output["without_outliers"]) if judged else None,
    )


def _names(
    product: Declaration, checks: Sequence[Any], estimates: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The metrics measured, the ranking one first: what a stage kept has lost its order."""
    measured = next(iter(estimates.values()), {})
    return [n for n in shown_names(product, checks) if n in measured] or [product.metric_name]


def _without_outliers(found: Mapping[str, Any] | None) -> report.WithoutOutliers | None:
    if found is None:
        return None
    return report.WithoutOutliers(
        named=found["named"], rows=found["rows"], metrics=_estimates(found["estimates"])
    )


def _metric(metric: Metric, limit: Limit | None, unit: str) -> report.Metric:
    return report.Metric(
        name=metric.name,
        lower_is_better=metric.better == "lower",
        limit=None if limit is None else limit.value,
        upper=None if limit is None else limit.upper,
        best=metric.target,
        unit=metric.unit_shown(unit),
        meaning=metric.meaning,
    )


def _estimates(measured: Mapping[str, Any]) -> dict[str, Estimate]:
    return {
        name: Estimate(
            value=e["value"],
            interval=_interval(e),
            n=e["n"],
            units=e["n"],
            resamples=e["resamples"],
        )
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
    context: Context, examples: Outcome, trained: Outcome, judged: Outcome
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
        regression = summarise_regression(
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
        return with_intervals(regression, judged.output["intervals"])
    summary = summarise_classes(
        [rows.classes[int(i)] for i in rows.y[test]],
        kept["prediction"],
        classes=rows.classes,
        target=product.target.name,
        answered=kept["answered"],
        instants=instants,
        slices=slices,
    )
    summary = with_calibration(summary, judged.output["calibration"])
    return with_classes(summary, judged.output["classes"], row["decision"])


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
