"""Stage: what the model's inputs give away, and how they differ from those of the live release.

What an input reveals of the target is asked of the training rows; today's test rows, the newest by
the declared split, are held to the champion's profile, which is of the test rows of its own time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from interlock.data.drift import drift
from interlock.data.integrity import integrity
from interlock.data.observed import observe
from interlock.data.profile import Profile, is_comparable
from interlock.errors import InterlockError
from interlock.evaluate.leakage import MOST_ROWS, Revealed, Target, revealed
from interlock.gates.data.measurement import InputMeasurement
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.dividing import cut, declared_split
from interlock.pipeline.rows.examples import load_examples
from interlock.product.training_set import TrainingSet
from interlock.release.bundle import Bundle


def measure_inputs(context: Context, examples: Outcome, champion: Bundle | None) -> Outcome:
    """The output is the row of an :class:`InputMeasurement`."""
    inputs = {
        **_inputs(context, examples),
        "champion": None if champion is None else champion.digest,
    }

    def compute() -> Mapping[str, Any]:
        told = _reveal(context, examples).output
        alone = InputMeasurement(
            revealed=tuple(Revealed(**one) for one in told["revealed"]),
            target_varies=told["target_varies"],
            has_champion=champion is not None,
        )
        if champion is None:
            return alone.to_row()
        rows = load_examples(context, examples.output)
        return _beside(alone, rows, cut(declared_split(context), rows).test, champion).to_row()

    return context.run("inputs", inputs, compute)


def _inputs(context: Context, examples: Outcome) -> dict[str, Any]:
    return {
        "table": examples.output["table"],
        "classes": examples.output["classes"],
        "task": context.bound.product.target.task,
        "inputs": [[i.name, i.kind] for i in context.bound.features.inputs],
        "split": declared_split(context).to_row(),
    }


def _reveal(context: Context, examples: Outcome) -> Outcome:
    """Stage: what the inputs tell of the target, whatever is live."""

    def compute() -> Mapping[str, Any]:
        rows = load_examples(context, examples.output)
        train: np.ndarray[Any, Any] = cut(declared_split(context), rows).train
        task = context.bound.product.target.task
        target = Target(y=rows.y, task=task, n_classes=len(rows.classes))
        return {
            "revealed": [one.to_row() for one in _revealed(rows, target, train)],
            "target_varies": target.rows(train).varies,
        }

    return context.run("revealed", _inputs(context, examples), compute)


def _beside(
    alone: InputMeasurement, rows: TrainingSet, test: np.ndarray[Any, Any], champion: Bundle
) -> InputMeasurement:
    """The measurement with the test rows held to the champion's profile."""
    now = observe(rows.inputs, rows.stored_columns(test))
    try:
        reference = Profile.from_row(champion.json("profile.json"))
        moved, faults = drift(reference, now), integrity(reference, now)
    except (InterlockError, KeyError, TypeError, ValueError) as error:
        reason = f"the champion's profile cannot be used: {type(error).__name__}: {error}"
        return replace(alone, problem=reason.split("\n")[0])
    both = {p.name for p in reference.inputs if is_comparable(p, now)}
    return replace(
        alone,
        drift=moved,
        faults=faults,
        apart=sorted({*now, *(p.name for p in reference.inputs)} - both),
    )


def _revealed(rows: TrainingSet, target: Target, train: np.ndarray[Any, Any]) -> Sequence[Revealed]:
    """What each input tells on the training rows, of which many are thinned evenly."""
    if len(train) > MOST_ROWS:
        train = train[np.linspace(0, len(train) - 1, MOST_ROWS).astype(np.int64)]
    asked = target.rows(train)
    if not asked.varies:
        return ()
    columns = rows.stored_columns(train)
    return tuple(revealed(i.name, i.kind, columns[i.name], asked) for i in rows.inputs)
