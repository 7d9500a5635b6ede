"""Stage: the model gate: what was found of the winner, and how it compares with what is live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.digest import digest_json
from interlock.evaluate.predicted import Predicted
from interlock.gates.gate import answered
from interlock.gates.model.gate import compares
from interlock.gates.model.measurement import ModelMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.judging.champion_score import ChampionScore, is_winner, score_winner
from interlock.pipeline.judging.shown import shown
from interlock.pipeline.judging.winner import Trial, judge_winner
from interlock.pipeline.rows.dividing import split_identity
from interlock.pipeline.rows.snapshots import load_snapshots, snapshot_digests
from interlock.pipeline.training.seen import load_predicted
from interlock.release.bundle import Bundle
from interlock.store.arrays import array_to_bytes
from interlock.verdict import Check, GateResult


def judge_model(
    context: Context,
    snapshots: Outcome,
    examples: Outcome,
    trained: Outcome,
    champion: Bundle | None,
    champion_label: str,
) -> Outcome:
    """The model gate: every check, every competitor's metrics, and the champion's predictions."""
    trial = Trial(context=context, snapshots=snapshots, examples=examples, trained=trained)
    label = champion_label if champion else None
    inputs = {
        **trial.inputs,
        "champion": champion.digest if champion else None,
        "champion label": label,
        "checks": [check.to_row() for check in trial.checks],
    }

    def compute() -> dict[str, Any]:
        found = dict(judge_winner(trial).output)
        scored = None if champion is None else _champion_score(trial, champion)
        both = _beside(trial, scored, label)
        result = GateResult(
            gate="model gate", checks=tuple(_answers(trial, both, found.pop("answers")))
        )
        beside = _champion_estimates(trial, both, found["estimates"])
        return {
            **found,
            "result": result.to_row(),
            "estimates": {**found["estimates"], **({"champion": beside} if beside else {})},
            "champion": _kept_champion(context, both),
        }

    return context.run("model gate", inputs, compute)


def _answers(
    trial: Trial, both: ModelMeasurement, alone: Iterable[Iterable[Mapping[str, Any]]]
) -> Iterable[Check]:
    """Every check's answers in the order declared; ``alone`` are those given without a champion."""
    given = iter(alone)
    for check in trial.checks:
        if compares(check):
            yield from answered(check, both)
        else:
            yield from map(Check.from_row, next(given))


def _beside(trial: Trial, scored: ChampionScore | None, label: str | None) -> ModelMeasurement:
    """The measurement with the champion; with one that is the winner there is less to look at."""
    apart = scored is not None and not scored.is_winner
    found = scored.prediction if scored is not None else None
    return ModelMeasurement.beside(
        trial.measured if apart else trial.predicted,
        champion=label,
        champion_prediction=None if found is None else found.beside(trial.seen),
        champion_rows=scored.comparable if scored else None,
        champion_reason=scored.reason if scored else "",
        champion_unfit=scored is not None and scored.unfit,
        champion_left_out=scored.left_out if scored else {},
        is_champion=scored is not None and scored.is_winner,
    )


def _champion_score(trial: Trial, champion: Bundle) -> ChampionScore:
    """The champion on the test rows; one that is the winner itself is not asked again."""
    context, rows = trial.context, trial.rows
    instants, split = rows.instants[trial.test], split_identity(context)
    snapshot = digest_json(snapshot_digests(trial.snapshots.output))
    if is_winner(champion, trial.winner, snapshot=snapshot, code=context.bound.code_digest):
        prediction = load_predicted(context, trial.winner["test"])
        return score_winner(champion, prediction, instants, split)
    from interlock.pipeline.judging.champion import score_champion  # noqa: PLC0415 - the service's code
    from interlock.pipeline.judging.misfit import Today  # noqa: PLC0415 - the same

    table = rows.table.take(trial.test)
    fields = context.bound.schema.fields
    return score_champion(
        champion,
        {f.name: table.column(f"request.{f.name}").to_pylist() for f in fields},
        instants,
        load_snapshots(context, trial.snapshots.output),
        today=Today.of(context.bound, rows.classes),
        split=split,
    )


def _champion_estimates(
    trial: Trial, both: ModelMeasurement, estimates: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """The champion's metrics on the rows that it may be compared on; None where there are none."""
    rows = both.champion_rows
    if both.champion_prediction is None or rows is None or not rows.any():
        return None
    if both.is_champion and rows.all():
        own: Mapping[str, Any] = estimates[both.winner]
        return own
    (champion,) = both.beside_champion(trial.metrics)
    return shown(trial.metrics, [one.estimate for one in champion])


def _kept_champion(context: Context, both: ModelMeasurement) -> dict[str, Any]:
    if both.champion_prediction is None or both.champion_rows is None:
        return {"label": both.champion, "reason": both.champion_reason}
    predicted = Predicted.of(both.champion_prediction)
    kept = {"prediction": predicted.values, "rows": both.champion_rows}
    if predicted.answered is not None:
        kept["answered"] = predicted.answered
    blobs = {name: context.artifacts.put(array_to_bytes(values)) for name, values in kept.items()}
    return {"label": both.champion, "reason": "", **blobs}
