"""The model gate: gather what it judges, and ask it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interlock.digest import digest_json, seed_from
from interlock.evaluate.compare import Estimate, estimates
from interlock.evaluate.custom import metric_name
from interlock.evaluate.judge import Limit
from interlock.evaluate.metric import Metric
from interlock.evaluate.predicted import Predicted, Prediction, Rows
from interlock.gates.gate import run
from interlock.gates.model.absolute import OfMetric
from interlock.gates.model.behaviour import Behaviour
from interlock.gates.model.gate import model_gate
from interlock.gates.model.measurement import ModelMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.dividing import (
    load_coverage,
    load_split,
    named_in_test,
    split_examples,
    split_identity,
)
from interlock.pipeline.examples import load_examples
from interlock.pipeline.judging.around import with_columns, with_intervals, with_tune
from interlock.pipeline.judging.classes import measured_classes
from interlock.pipeline.judging.promises import measured_calibration, measured_intervals
from interlock.pipeline.seen import clusters_of, load_predicted, rows_of
from interlock.pipeline.snapshots import load_snapshots, snapshot_digests
from interlock.product.declaration import Declaration
from interlock.product.metrics import EXPECTED_COST, metric_of, product_metrics
from interlock.product.training_set import TrainingSet
from interlock.release.bundle import Bundle
from interlock.release.coverage import Coverage
from interlock.store.arrays import array_from_bytes, array_to_bytes

if TYPE_CHECKING:
    from interlock.pipeline.champion import ChampionScore

SHOWN_METRICS = {
    "regression": ("mdape", "mape", "mae", "rmse", "r2", "within_10", "bias"),
    "binary": ("log_loss", "brier", "roc_auc", "average_precision", "accuracy"),
    "multiclass": ("log_loss", "brier", "accuracy"),
}


def shown_names(product: Declaration, checks: Sequence[Any]) -> list[str]:
    """The metrics measured of every competitor: the one that ranks, those declared, the usual."""
    asked = [str(c.metric) for c in checks if getattr(c, "metric", None)]
    declared = [metric_name(metric) for metric in product.metrics]
    usual = [EXPECTED_COST] if EXPECTED_COST in product_metrics(product) else []
    names = [product.metric_name, *asked, *declared, *usual, *SHOWN_METRICS[product.target.task]]
    return [name for name in dict.fromkeys(names) if metric_of(product, name) is not None]


def judge_model(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    trained: Outcome,
    champion: Bundle | None,
    champion_label: str,
) -> Outcome:
    """The model gate: every check, every competitor's metrics, and the champion's predictions."""
    product = context.bound.product
    checks = model_gate(product.model_gate)
    divided = split_examples(context, examples).output
    inputs = {
        "train": trained.key,
        "named": divided["named_test"],
        "coverage": divided["coverage"],
        "champion": champion.digest if champion else None,
        "champion label": champion_label if champion else None,
        "snapshots": snapshot_digests(snapshots.output),
        "checks": [check.to_row() for check in checks],
        "yardsticks": dict(product.yardsticks),
        "target unit": getattr(product.target, "unit", ""),
        "metrics": [context.bound.metric_row(name) for name in shown_names(product, checks)],
    }

    def compute() -> dict[str, Any]:
        rows = load_examples(context, examples.output)
        measurement = _measure(context, snapshots, trained, rows, champion, champion_label)
        measurement = with_columns(context, snapshots, trained.output, rows, measurement, checks)
        measurement = with_intervals(context, trained.output, measurement)
        tune = load_split(context, divided).tune
        measurement = with_tune(context, trained.output, rows, tune, measurement)
        coverage = load_coverage(context, divided)
        measurement = _with_behaviour(
            context, snapshots, trained, rows, measurement, checks, coverage
        )
        shown = _estimates(context, measurement, trained.output, rows, checks)
        result = run("model gate", checks, measurement)  # resamples no metric that is shown again
        return {
            "result": result.to_row(),
            "estimates": shown,
            "champion": _kept_champion(context, measurement),
            "without_outliers": _without_outliers(context, measurement, trained, divided, checks),
            "classes": measured_classes(measurement),
            "intervals": measured_intervals(measurement, _instants(context, trained, rows)),
            "calibration": measured_calibration(measurement),
        }

    return context.run("model gate", inputs, compute)


def _measure(
    context: Context,
    snapshots: Outcome,
    trained: Outcome,
    rows: TrainingSet,
    champion: Bundle | None,
    champion_label: str,
) -> ModelMeasurement:
    product, output = context.bound.product, trained.output
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    seen = rows_of(rows).at(test) if context.bound.metric_code else Rows({})
    predictions: dict[str, Prediction] = {
        name: load_predicted(context, row["test"]).beside(seen)
        for name, row in output["candidates"].items()
        if "test" in row
    }
    scored = None
    if champion is not None:
        scored = _champion_score(context, snapshots, trained, rows, champion)
    return ModelMeasurement(
        metric=product.metric_name,
        y=rows.y[test],
        predictions=predictions,
        winner=str(output["winner"]),
        baselines=tuple(n for n, row in output["candidates"].items() if row["baseline"]),
        seed=seed_from("model gate", *snapshot_digests(snapshots.output).values()),
        champion=champion_label if champion else None,
        champion_prediction=_beside(scored, seen),
        champion_rows=scored.comparable if scored else None,
        champion_reason=scored.reason if scored else "",
        champion_unfit=scored is not None and scored.unfit,
        champion_left_out=scored.left_out if scored else {},
        is_champion=scored is not None and scored.is_winner,
        clusters=clusters_of(rows, test),
        metrics=context.bound.metrics(rows.classes),
        target_unit=getattr(product.target, "unit", ""),
    )


def _instants(context: Context, trained: Outcome, rows: TrainingSet) -> NDArray[np.int64] | None:
    """When the test rows were asked about; None where the product has no time."""
    if context.bound.examples_source.event_time is None:
        return None
    test = array_from_bytes(context.artifacts.get(trained.output["rows"]["test"]))
    return np.asarray(rows.instants[test])


def _with_behaviour(
    context: Context,
    snapshots: Outcome,
    trained: Outcome,
    rows: TrainingSet,
    measurement: ModelMeasurement,
    checks: Sequence[Any],
    coverage: Coverage | None,
) -> ModelMeasurement:
    """The measurement with the winner's answers to what behaviour checks ask, if there are any."""
    if not any(isinstance(check, Behaviour) for check in checks):
        return measurement
    from interlock.pipeline.behaviour import measure_behaviour  # noqa: PLC0415 - the service's code

    output = trained.output
    found = measure_behaviour(
        context,
        snapshots,
        rows,
        output["candidates"][output["winner"]],
        array_from_bytes(context.artifacts.get(output["rows"]["test"])),
        checks,
        coverage=coverage,
        clusters=measurement.clusters,
    )
    return replace(measurement, behaviour=found.behaviour, expected=found.expected)


def _beside(scored: ChampionScore | None, rows: Rows) -> Predicted | None:
    if scored is None or scored.prediction is None:
        return None
    return scored.prediction.beside(rows)


def _champion_score(
    context: Context,
    snapshots: Outcome,
    trained: Outcome,
    rows: TrainingSet,
    champion: Bundle,
) -> ChampionScore:
    """The champion on the test rows; one that is the winner itself is not asked again."""
    from interlock.pipeline.champion import (  # noqa: PLC0415 - the service's code
        is_winner,
        score_champion,
        score_winner,
    )
    from interlock.pipeline.misfit import Today  # noqa: PLC0415 - the same

    output, bound = trained.output, context.bound
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    instants, split = rows.instants[test], split_identity(context)
    winner = output["candidates"][output["winner"]]
    snapshot = digest_json(snapshot_digests(snapshots.output))
    if is_winner(champion, winner, snapshot=snapshot, code=bound.code_digest):
        prediction = load_predicted(context, winner["test"])
        return score_winner(champion, prediction, instants, split)
    table = rows.table.take(test)
    return score_champion(
        champion,
        {f.name: table.column(f"request.{f.name}").to_pylist() for f in bound.schema.fields},
        instants,
        load_snapshots(context, snapshots.output),
        today=Today.of(bound, rows.classes),
        split=split,
    )


def _estimates(
    context: Context,
    measurement: ModelMeasurement,
    trained: Mapping[str, Any],
    rows: TrainingSet,
    checks: Any,
) -> dict[str, dict[str, Any]]:
    """By competitor and metric: value, interval, rows; those scored on test rows only."""
    product = context.bound.product
    if not len(measurement.y):
        return {}
    metrics = [measurement.named(name) for name in shown_names(product, checks)]
    found = {
        name: _shown(metrics, [one.estimate for one in measured])
        for name, measured in zip(
            measurement.predictions,
            measurement.resampled(metrics, measurement.predictions),
            strict=True,
        )
    }
    seen = Predicted.of(measurement.predictions[measurement.winner]).rows
    test = array_from_bytes(context.artifacts.get(trained["rows"]["test"]))
    for name in product.yardsticks:
        values = rows.table.column(f"yardstick.{name}").take(test)
        said = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
        if product.target.task == "binary":  # it says the probability of yes
            said = np.column_stack([1.0 - said, said])
        found[f"yardstick {name}"] = _measured(
            metrics, measurement, Predicted.of(said).beside(seen)
        )
    compared = measurement.champion_rows
    if measurement.champion_prediction is not None and compared is not None and compared.any():
        (champion,) = measurement.beside_champion(metrics)
        found["champion"] = _shown(metrics, [one.estimate for one in champion])
    return found


def _without_outliers(
    context: Context,
    measurement: ModelMeasurement,
    trained: Outcome,
    divided: Mapping[str, Any],
    checks: Any,
) -> dict[str, Any] | None:
    """The winner on the test rows that no outlier rule names; None where none is named.

    Shown beside what was judged on all of them, and judges nothing: rows that are hard would be
    named first.
    """
    test = array_from_bytes(context.artifacts.get(trained.output["rows"]["test"]))
    named = named_in_test(context, divided, test)
    if not named.any() or named.all():
        return None
    prediction = measurement.predictions[measurement.winner]
    metrics = [measurement.named(name) for name in shown_names(context.bound.product, checks)]
    found = _measured(metrics, measurement, prediction, ~named)
    return {"rows": int((~named).sum()), "named": int(named.sum()), "estimates": found}


def _measured(
    metrics: list[Any], measurement: ModelMeasurement, prediction: Any, rows: Any = None
) -> dict[str, Any]:
    y, resamples = measurement.y, measurement.resamples
    if rows is not None:
        y, prediction, resamples = y[rows], prediction[rows], resamples.within(rows)
    found = estimates(metrics, y, prediction, seed=measurement.seed, resamples=resamples)
    return _shown(metrics, found)


def _shown(metrics: Sequence[Metric], found: Sequence[Estimate]) -> dict[str, Any]:
    return {
        metric.name: {
            "value": None if e.value != e.value else e.value,
            "low": e.interval.low if e.interval else None,
            "high": e.interval.high if e.interval else None,
            "n": e.n,
            "resamples": e.resamples,
            "reason": e.reason,
        }
        for metric, e in zip(metrics, found, strict=True)
    }


def _kept_champion(context: Context, measurement: ModelMeasurement) -> dict[str, Any]:
    if measurement.champion_prediction is None or measurement.champion_rows is None:
        return {"label": measurement.champion, "reason": measurement.champion_reason}
    predicted = Predicted.of(measurement.champion_prediction)
    kept = {"prediction": predicted.values, "rows": measurement.champion_rows}
    if predicted.answered is not None:
        kept["answered"] = predicted.answered
    blobs = {name: context.artifacts.put(array_to_bytes(values)) for name, values in kept.items()}
    return {"label": measurement.champion, "reason": "", **blobs}


def limits_of(checks: Sequence[Any]) -> dict[str, Limit]:
    """The absolute limits declared, by metric."""
    return {check.metric_name: check.within for check in checks if isinstance(check, OfMetric)}
