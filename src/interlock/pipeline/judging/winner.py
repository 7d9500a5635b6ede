"""Stage: the winner on the test rows, beside the candidates it was trained with.

What it measures and what its checks answer is the same whatever is live, so it stands under a key
without a champion: the first delivery after a release went live need not measure that release anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.digest import seed_from
from interlock.evaluate.compare import estimates
from interlock.evaluate.metric import Metric
from interlock.evaluate.predicted import Predicted, Prediction, Rows
from interlock.gates.gate import Judge, answered
from interlock.gates.model.behaviour import Behaviour
from interlock.gates.model.gate import compares, model_gate
from interlock.gates.model.measurement import ModelMeasurement, WinnerMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.judging.around import with_columns, with_intervals, with_tune
from interlock.pipeline.judging.classes import measured_classes
from interlock.pipeline.judging.promises import measured_calibration, measured_intervals
from interlock.pipeline.judging.shown import shown, shown_names
from interlock.pipeline.rows.dividing import (
    load_coverage,
    load_split,
    named_in_test,
    split_examples,
)
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.rows.snapshots import snapshot_digests
from interlock.pipeline.training.seen import clusters_of, load_predicted, rows_of
from interlock.product.declaration import Declaration
from interlock.product.training_set import TrainingSet
from interlock.store.arrays import array_from_bytes


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """What the stages before left to be judged; read when it is asked for."""

    context: Context
    snapshots: Outcome
    examples: Outcome
    trained: Outcome

    @property
    def product(self) -> Declaration:
        """What was declared."""
        return self.context.bound.product

    @property
    def winner(self) -> dict[str, Any]:
        """The winner's row of the train stage."""
        row: dict[str, Any] = self.trained.output["candidates"][self.trained.output["winner"]]
        return row

    @cached_property
    def checks(self) -> tuple[Judge[ModelMeasurement], ...]:
        """All that is asked, in the order declared."""
        return model_gate(self.product.model_gate)

    @property
    def alone(self) -> list[Any]:
        """Those of them that look at no champion."""
        return [check for check in self.checks if not compares(check)]

    @property
    def inputs(self) -> dict[str, Any]:
        """What the answers depend on, but for the checks and the champion."""
        divided, product = self.divided, self.product
        names = shown_names(product, self.checks)
        return {
            "train": self.trained.key,
            "named": divided["named_test"],
            "coverage": divided["coverage"],
            "snapshots": snapshot_digests(self.snapshots.output),
            "yardsticks": dict(product.yardsticks),
            "target unit": getattr(product.target, "unit", ""),
            "metrics": [self.context.bound.metric_row(name) for name in names],
        }

    @cached_property
    def divided(self) -> Any:
        """The output of the split stage."""
        return split_examples(self.context, self.examples).output

    @cached_property
    def rows(self) -> TrainingSet:
        """All examples."""
        return load_examples(self.context, self.examples.output)

    @cached_property
    def test(self) -> NDArray[np.int64]:
        """The numbers of the test rows, (n_test,)."""
        return array_from_bytes(self.context.artifacts.get(self.trained.output["rows"]["test"]))

    @cached_property
    def seen(self) -> Rows:
        """The test rows, for metrics that look at more than truth and prediction."""
        return rows_of(self.rows).at(self.test) if self.context.bound.metric_code else Rows({})

    @cached_property
    def predicted(self) -> WinnerMeasurement:
        """Who predicted what for the test rows."""
        output = self.trained.output
        predictions: dict[str, Prediction] = {
            name: load_predicted(self.context, row["test"]).beside(self.seen)
            for name, row in output["candidates"].items()
            if "test" in row
        }
        return WinnerMeasurement(
            metric=self.product.metric_name,
            y=self.rows.y[self.test],
            predictions=predictions,
            winner=str(output["winner"]),
            baselines=tuple(n for n, row in output["candidates"].items() if row["baseline"]),
            seed=seed_from("model gate", *snapshot_digests(self.snapshots.output).values()),
            clusters=clusters_of(self.rows, self.test),
            metrics=self.context.bound.metrics(self.rows.classes),
            target_unit=getattr(self.product.target, "unit", ""),
        )

    @cached_property
    def measured(self) -> WinnerMeasurement:
        """The same, with all that checks look at around it; not yet how the winner behaves."""
        context, output = self.context, self.trained.output
        found = with_columns(
            context, self.snapshots, output, self.rows, self.predicted, self.checks
        )
        found = with_intervals(context, output, found)
        tune = load_split(context, self.divided).tune
        return with_tune(context, output, self.rows, tune, found)

    @property
    def metrics(self) -> list[Metric]:
        """Those that are shown."""
        return [self.predicted.named(name) for name in shown_names(self.product, self.checks)]


def judge_winner(trial: Trial) -> Outcome:
    """Every competitor's metrics, and what the checks answer that look at no champion."""
    inputs = {**trial.inputs, "checks": [check.to_row() for check in trial.alone]}

    def compute() -> dict[str, Any]:
        measured = trial.measured
        found = _estimates(trial)  # first, so that no check resamples a metric that is shown
        behaving = _with_behaviour(trial)
        answers = [
            answered(check, behaving if isinstance(check, Behaviour) else measured)
            for check in trial.alone
        ]
        return {
            "answers": [[answer.to_row() for answer in said] for said in answers],
            "estimates": found,
            "without_outliers": _without_outliers(trial),
            "classes": measured_classes(measured),
            "intervals": measured_intervals(measured, _instants(trial)),
            "calibration": measured_calibration(measured),
        }

    return trial.context.run("winner", inputs, compute)


def _instants(trial: Trial) -> NDArray[np.int64] | None:
    """When the test rows were asked about; None where the product has no time."""
    if trial.context.bound.examples_source.event_time is None:
        return None
    return np.asarray(trial.rows.instants[trial.test])


def _with_behaviour(trial: Trial) -> WinnerMeasurement:
    """The measurement with the winner's answers to what behaviour checks ask, if there are any."""
    if not any(isinstance(check, Behaviour) for check in trial.alone):
        return trial.measured
    from interlock.pipeline.judging.behaviour import measure_behaviour  # noqa: PLC0415 - the service's code

    found = measure_behaviour(
        trial.context,
        trial.snapshots,
        trial.rows,
        trial.winner,
        trial.test,
        trial.alone,
        coverage=load_coverage(trial.context, trial.divided),
        clusters=trial.measured.clusters,
    )
    return replace(trial.measured, behaviour=found.behaviour, expected=found.expected)


def _estimates(trial: Trial) -> dict[str, dict[str, Any]]:
    """By competitor and metric: value, interval, rows; those scored on test rows only."""
    measured, metrics = trial.measured, trial.metrics
    if not len(measured.y):
        return {}
    resampled = measured.resampled(metrics, measured.predictions)
    found = {
        name: shown(metrics, [one.estimate for one in of_model])
        for name, of_model in zip(measured.predictions, resampled, strict=True)
    }
    seen = Predicted.of(measured.predictions[measured.winner]).rows
    for name in trial.product.yardsticks:
        values = trial.rows.table.column(f"yardstick.{name}").take(trial.test)
        said = np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)
        if trial.product.target.task == "binary":  # it says the probability of yes
            said = np.column_stack([1.0 - said, said])
        found[f"yardstick {name}"] = _of_rows(trial, Predicted.of(said).beside(seen))
    return found


def _without_outliers(trial: Trial) -> dict[str, Any] | None:
    """The winner on the test rows that no outlier rule names; None where none is named.

    Shown beside what was judged on all of them, and judges nothing: rows that are hard would be
    named first.
    """
    named = named_in_test(trial.context, trial.divided, trial.test)
    if not named.any() or named.all():
        return None
    winner = trial.measured.predictions[trial.measured.winner]
    found = _of_rows(trial, winner, ~named)
    return {"rows": int((~named).sum()), "named": int(named.sum()), "estimates": found}


def _of_rows(
    trial: Trial, prediction: Prediction, rows: NDArray[np.bool_] | None = None
) -> dict[str, Any]:
    """What is shown of a prediction, on all test rows or on some of them."""
    measured = trial.measured
    y, resamples = measured.y, measured.resamples
    if rows is not None:
        y, prediction, resamples = y[rows], prediction[rows], resamples.within(rows)
    found = estimates(trial.metrics, y, prediction, seed=measured.seed, resamples=resamples)
    return shown(trial.metrics, found)
