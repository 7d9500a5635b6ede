"""What was fitted becomes what is shipped: exported, held against the fit, calibrated and scored.

Importing this module imports ONNX; a stage whose output is known does without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interlock.errors import InterlockError
from interlock.pipeline.context import Context
from interlock.pipeline.training.exporting import LoadedExport, exported_as
from interlock.pipeline.training.finishing import Finishing
from interlock.pipeline.training.packaged import Packaged
from interlock.pipeline.training.ranking import Ranking
from interlock.release.export.cost import serving_cost
from interlock.release.parity import edge_values
from interlock.store.arrays import array_to_bytes
from interlock.train.answer import Answers, AnswerSpec, answer
from interlock.train.calibration import calibrate
from interlock.train.candidate import Candidate
from interlock.train.fitted import FailedFit, Fitted
from interlock.train.interval import calibrate_interval
from interlock.train.threshold import Chosen
from interlock.train.training_data import TrainingData, take


def describe(
    context: Context,
    fit: Fitted | FailedFit,
    data: TrainingData,
    ranking: Ranking,
    finishing: Finishing,
) -> dict[str, Any]:
    """A candidate as plain JSON values; a failure is recorded and sinks nobody else."""
    baseline = not isinstance(context.bound.product.candidates[fit.name], Candidate)
    row: dict[str, Any] = {"baseline": baseline, "seconds": fit.seconds, "failure": None}
    if isinstance(fit, FailedFit):
        return row | {"failure": [vars(m) for m in fit.mistakes]}
    try:
        return row | _package(context, fit, data, ranking, finishing)
    except InterlockError as error:
        return row | {"failure": [vars(m) for m in error.mistakes]}


def _package(
    context: Context, fit: Fitted, data: TrainingData, ranking: Ranking, finishing: Finishing
) -> dict[str, Any]:
    """Export, compare with the fitted estimator, calibrate, decide, and score on tune rows."""
    loaded = exported_as(fit, data)
    exported, encoder = loaded.exported, loaded.exported.encoder
    encoder_row = encoder.to_row() if encoder else None
    spec = replace(fit.spec, link=exported.link)
    spec, calibration_note = _calibrated(context, fit, loaded, spec, data)
    tune, score, chosen, predicted = data.part("tune"), float("nan"), None, None
    if len(tune):
        raw = loaded.raw(tune.columns)
        spec, chosen = _decided(spec, raw, ranking)
        answers = finishing.finish(answer(raw, spec), data.split.tune)
        score, predicted = ranking.score(answers), _kept(context, answers)
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
        "exactness": loaded.exactness,
        "spec": spec.to_row(),
        "decision": None if chosen is None else chosen.to_row(),
        "params": dict(fit.params),
        "trials": [t.to_row() for t in fit.trials],
        "notes": [*fit.notes, *filter(None, [calibration_note, _decision_note(chosen)])],
        "n_rows": fit.n_rows,
        "cost": serving_cost(exported.format, exported.payload).to_row(),
        "tune": None if score != score else score,
        "tune_predicted": predicted,
    }


def _calibrated(
    context: Context, fit: Fitted, loaded: LoadedExport, spec: AnswerSpec, data: TrainingData
) -> tuple[AnswerSpec, str]:
    declared = context.bound.product.candidates[fit.name]
    if isinstance(declared, Candidate) and declared.calibrate is not None:
        return _with_calibration(loaded, spec, data)
    level = getattr(context.bound.product.target, "interval", None)
    if level is None or fit.is_baseline:
        return spec, ""
    rows = data.part("calibrate")
    if not len(rows):
        return spec, "no prediction interval: there are no calibrate rows"
    found = calibrate_interval(rows.y, loaded.raw(rows.columns), spec, level=level)
    return spec.with_interval(found.interval), found.reason


def _with_calibration(
    loaded: LoadedExport, spec: AnswerSpec, data: TrainingData
) -> tuple[AnswerSpec, str]:
    """Probabilities fitted to the calibrate rows. Raises AuthorError T115."""
    rows = data.part("calibrate")
    raw = loaded.raw(rows.columns)
    n_classes = len(data.classes)
    found = calibrate(rows.y, raw, spec.link, n_classes=n_classes, weights=rows.weights)
    shift = f" {found.offset:+.3g}" if found.method == "sigmoid" else ""
    note = f"probabilities calibrated on {found.n:,} rows: {found.slope:.3g} × score{shift}"
    return replace(spec, calibration=found), note


def _decision_note(chosen: Chosen | None) -> str:
    """The threshold, for `interlock train`."""
    if chosen is None or chosen.decision.threshold is None:
        return ""
    measured = f", {chosen.measure} {chosen.value:.4g}" if chosen.value is not None else ""
    return f"yes from a probability of {chosen.decision.threshold:.4g} on{measured}"


def _decided(spec: AnswerSpec, raw: Any, ranking: Ranking) -> tuple[AnswerSpec, Chosen | None]:
    """The decision for these raw scores of the tune rows, and what it rests on."""
    probabilities = answer(raw, spec).probabilities
    chosen = None if probabilities is None else ranking.decided(probabilities)
    return (spec if chosen is None else replace(spec, decision=chosen.decision)), chosen


def score_test(
    context: Context, row: Mapping[str, Any], data: TrainingData, finishing: Finishing
) -> dict[str, Any]:
    """Predictions for the test rows, as blobs. Raises AuthorError T120."""
    test = data.split.test
    raw = score(context, row, take(data.columns, data.inputs, test))
    return _kept(context, finishing.finish(raw, test))


def _kept(context: Context, answers: Answers) -> dict[str, str]:
    """The blobs of what was predicted."""
    answered = None if answers.probabilities is None else answers.value
    kept = {"prediction": answers.prediction, "low": answers.low, "high": answers.high}
    kept |= {"answered": answered}
    return {
        name: context.artifacts.put(array_to_bytes(values))
        for name, values in kept.items()
        if values is not None
    }


def score(context: Context, row: Mapping[str, Any], columns: Mapping[str, Any]) -> Answers:
    """Answers of a packaged candidate for feature columns, before post-processing."""
    return Packaged.of(context, row).answers(columns)
