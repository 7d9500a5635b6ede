"""What was fitted becomes what is shipped: exported, held against the fit, calibrated and scored.

Importing this module imports ONNX; a stage whose output is known does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from interlock.errors import InterlockError, Mistake
from interlock.evaluate.metrics import Metric
from interlock.pipeline.context import Context
from interlock.pipeline.finishing import Finishing
from interlock.pipeline.packaged import Packaged
from interlock.release.export.exported import Exported
from interlock.release.export.exporter import export, keep
from interlock.release.parity import Exactness, compare, edge_rows, edge_values
from interlock.release.scorer import Scorer, open_scorer
from interlock.store.arrays import array_to_bytes
from interlock.train.answer import Answers, AnswerSpec, answer
from interlock.train.calibration import calibrate
from interlock.train.candidate import Candidate
from interlock.train.fit import FailedFit, Fitted
from interlock.train.interval import calibrate_interval
from interlock.train.training_data import TrainingData, take


def describe(
    context: Context,
    fit: Fitted | FailedFit,
    data: TrainingData,
    metric: Metric,
    finishing: Finishing,
) -> dict[str, Any]:
    """A candidate as plain JSON values; a failure is recorded and sinks nobody else."""
    baseline = not isinstance(context.bound.product.candidates[fit.name], Candidate)
    row: dict[str, Any] = {"baseline": baseline, "seconds": fit.seconds, "failure": None}
    if isinstance(fit, FailedFit):
        return row | {"failure": [vars(m) for m in fit.mistakes]}
    try:
        return row | _package(context, fit, data, metric, finishing)
    except InterlockError as error:
        return row | {"failure": [vars(m) for m in error.mistakes]}


def _package(
    context: Context, fit: Fitted, data: TrainingData, metric: Metric, finishing: Finishing
) -> dict[str, Any]:
    """Export, compare with the fitted estimator, calibrate and score on tune rows."""
    exported, scorer, exactness = _exported(fit, data)
    encoder_row = fit.encoder.to_row() if fit.encoder else None
    spec = replace(fit.spec, link=exported.link)
    spec, calibration_note = _calibrated(context, fit, scorer, spec, data)
    tune, score = data.part("tune"), float("nan")
    if len(tune):
        answers = answer(_raw(fit, scorer, tune.columns), spec)
        score = metric.value(tune.y, finishing.finish(answers, data.split.tune).prediction)
    return {
        "format": exported.format,
        "file_name": exported.file_name,
        "exporter": exported.exporter,
        "reason": exported.reason,
        "tolerance": exported.tolerance,
        "payload": context.artifacts.put(exported.payload),
        "encoder": context.put_json(encoder_row) if encoder_row else None,
        "inputs": [i.name for i in fit.prepared.inputs],
        "edges": {str(k): v for k, v in edge_values(exported.edges).items()},
        "exactness": exactness,
        "spec": spec.to_row(),
        "params": dict(fit.params),
        "trials": [t.to_row() for t in fit.trials],
        "notes": [*fit.notes, *([calibration_note] if calibration_note else [])],
        "n_rows": fit.n_rows,
        "tune": None if score != score else score,
    }


def _exported(fit: Fitted, data: TrainingData) -> tuple[Exported, Scorer, dict[str, Any]]:
    """The packaged model, loaded, and how exactly it answers as the fitted one.

    A graph that does not is set aside for the library's own format, with the reason. Raises
    InterlockError T156 where that does not either.
    """
    exported = export(fit.estimator, fit.encoder, task=data.task)
    scorer = _opened(fit, exported)
    try:
        return exported, scorer, _exactness(fit, exported, scorer, data)
    except InterlockError as error:
        if exported.format != "onnx":
            raise
        reason = f"its graph differed: {error.mistakes[0].got}"
    kept = keep(fit.estimator, task=data.task, reason=reason)
    scorer = _opened(fit, kept)
    return kept, scorer, _exactness(fit, kept, scorer, data)


def _opened(fit: Fitted, exported: Exported) -> Scorer:
    return open_scorer(
        exported.format,
        exported.payload,
        n_columns=fit.encoder.n_columns if fit.encoder else None,
        inputs=fit.prepared.inputs,
    )


def _raw(fit: Fitted, scorer: Scorer, columns: Mapping[str, Any]) -> Any:
    return scorer.raw(fit.encoder.transform(columns) if fit.encoder else columns)


def _exactness(
    fit: Fitted, exported: Exported, scorer: Scorer, data: TrainingData
) -> dict[str, Any]:
    """Native against exported, on held-out rows and at the model's edges.

    Raises InterlockError T156 when they differ by more than the format's tolerance.
    """
    held_out = np.concatenate([data.split.tune, data.split.calibrate, data.split.test])
    columns = take(data.columns, data.inputs, held_out)
    found = {"held out": compare(fit.raw(columns), _raw(fit, scorer, columns))}
    if fit.encoder is not None and len(held_out):
        matrix = edge_rows(exported.edges, fit.encoder.transform(columns))
        found["edges"] = _edges_compared(fit, matrix, scorer.raw(matrix))
    for where, exactness in found.items():
        if exactness.rows and not exactness.within(exported.tolerance):
            raise _inexact(fit.name, where, exactness.to_row(), exported.tolerance)
    return {where: exactness.to_row() for where, exactness in found.items()}


def _edges_compared(fit: Fitted, matrix: Any, answers: Any) -> Exactness:
    """On edge rows. Where an estimator refuses to score some (a model of models whose parts
    overflow), those without a finite answer are left out: the service refuses them too."""
    try:
        return compare(fit.scores(matrix), answers)
    except ValueError:
        finite = np.isfinite(answers).all(axis=1)
        return compare(fit.scores(matrix[finite]), answers[finite])


def _inexact(
    name: str, where: str, exactness: Mapping[str, Any], tolerance: float
) -> InterlockError:
    return InterlockError.of(
        [
            Mistake(
                code="T156",
                what="the packaged model does not answer as the trained one did",
                where=f"candidate '{name}', rows: {where}",
                expected=f"equal, or within {tolerance:g} relative",
                got=f"{exactness}",
                fix="report it; meanwhile use an estimator that exports exactly",
            )
        ]
    )


def _calibrated(
    context: Context, fit: Fitted, scorer: Scorer, spec: AnswerSpec, data: TrainingData
) -> tuple[AnswerSpec, str]:
    declared = context.bound.product.candidates[fit.name]
    if isinstance(declared, Candidate) and declared.calibrate is not None:
        return _with_calibration(fit, scorer, spec, data)
    level = getattr(context.bound.product.target, "interval", None)
    if level is None or fit.is_baseline:
        return spec, ""
    rows = data.part("calibrate")
    if not len(rows):
        return spec, "no prediction interval: there are no calibrate rows"
    found = calibrate_interval(rows.y, _raw(fit, scorer, rows.columns), spec, level=level)
    return spec.with_interval(found.interval), found.reason


def _with_calibration(
    fit: Fitted, scorer: Scorer, spec: AnswerSpec, data: TrainingData
) -> tuple[AnswerSpec, str]:
    """Probabilities fitted to the calibrate rows. Raises AuthorError T115."""
    rows = data.part("calibrate")
    raw = _raw(fit, scorer, rows.columns)
    n_classes = len(data.classes)
    found = calibrate(rows.y, raw, spec.link, n_classes=n_classes, weights=rows.weights)
    shift = f" {found.offset:+.3g}" if found.method == "sigmoid" else ""
    note = f"probabilities calibrated on {found.n:,} rows: {found.slope:.3g} × score{shift}"
    return replace(spec, calibration=found), note


def score_test(
    context: Context, row: Mapping[str, Any], data: TrainingData, finishing: Finishing
) -> dict[str, Any]:
    """Predictions for the test rows, as blobs. Raises AuthorError T120."""
    test = data.split.test
    raw = score(context, row, take(data.columns, data.inputs, test))
    answers = finishing.finish(raw, test)
    kept = {"prediction": answers.prediction, "low": answers.low, "high": answers.high}
    return {
        name: context.artifacts.put(array_to_bytes(values))
        for name, values in kept.items()
        if values is not None
    }


def score(context: Context, row: Mapping[str, Any], columns: Mapping[str, Any]) -> Answers:
    """Answers of a packaged candidate for feature columns, before post-processing."""
    return Packaged.of(context, row).answers(columns)
