"""Stage: train candidates and baselines, package each, and score what was packaged.

What is scored is the exported model, never the fitted estimator: what was judged is what ships.
Candidates are ranked on the tune rows; only the winner and the baselines see the test rows.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from interlock.digest import digest_json, seed_from
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.dividing import declared_split, load_split, split_examples
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.training.finishing import Finishing
from interlock.pipeline.training.ranking import Ranking
from interlock.pipeline.training.selecting import select, winner_of
from interlock.product.target import decision_row
from interlock.store.arrays import array_to_bytes
from interlock.train.fit import fit_all
from interlock.train.job import Progress
from interlock.train.split import Split
from interlock.train.training_data import TrainingData
from interlock.train.trial import Objective

_LIBRARIES = (
    "scikit-learn",
    "lightgbm",
    "xgboost-cpu",
    "xgboost",
    "numpy",
    "scipy",
    "onnxruntime",
    "onnx",
    "skl2onnx",
    "pandas",
    "optuna",
)


@cache
def library_versions() -> dict[str, str]:
    """The versions of the libraries that a trained model depends on."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def train(context: Context, examples: Outcome, seed_root: str) -> Outcome:
    """Train; the output describes every candidate and names the blobs of what was packaged."""
    inputs = train_inputs(context, examples, seed_root)
    return context.run("train", inputs, lambda: _train(context, examples, seed_root))


def train_inputs(context: Context, examples: Outcome, seed_root: str) -> dict[str, Any]:
    """Everything that what is fitted depends on."""
    product = context.bound.product
    return {
        "table": examples.output["table"],
        "inputs": [
            vars(i) | {"categories": list(i.categories)} for i in context.bound.features.inputs
        ],
        "candidates": {name: c.to_row() for name, c in product.candidates.items()},
        "order": list(product.candidates),
        "split": declared_split(context).to_row(),
        "parts": split_examples(context, examples).output["parts"],
        "metric": context.bound.metric_row(product.metric_name),
        "task": product.target.task,
        "decision": decision_row(product.target),
        "interval": getattr(product.target, "interval", None),
        "libraries": library_versions(),
        "seed": seed_root,
    }


def training_data(context: Context, examples: Outcome) -> TrainingData:
    """The examples as candidates take them, divided as declared."""
    product, rows = context.bound.product, load_examples(context, examples.output)
    return TrainingData(
        inputs=rows.inputs,
        columns=rows.columns(),
        y=rows.y,
        task=product.target.task,
        split=load_split(context, split_examples(context, examples).output),
        classes=rows.classes,
        weights=rows.table.column("weight").to_numpy() if product.weight else None,
    )


def _train(context: Context, examples: Outcome, seed_root: str) -> dict[str, Any]:
    from interlock.pipeline.training.packaging import describe, score_test  # noqa: PLC0415 - ONNX is slow

    product = context.bound.product
    rows = load_examples(context, examples.output)
    data = training_data(context, examples)
    split = data.split
    ranking = Ranking.of(context.bound, rows, split.tune, seed_root=seed_root)
    metric, finishing = ranking.metric, Finishing.of(context.bound, rows)
    fits = fit_all(
        product.candidates,
        data,
        seeds=lambda name: seed_from(
            seed_root, name, digest_json(product.candidates[name].to_row())
        ),
        cores=context.cores,
        objective=Objective(
            measure=finishing.measured(ranking.measured, split.tune),
            better="lower" if metric.better == "lower" else "higher",
        ),
        on_progress=_Teller(context, len(product.candidates)),
    )
    described = {
        name: describe(context, fit, data, ranking, finishing) for name, fit in fits.items()
    }
    selection = select(context, described, ranking, seed_root=seed_root)
    winner = winner_of(selection)
    for name, row in described.items():
        if row["failure"] is None and (name == winner or row["baseline"]):
            row["test"] = score_test(context, row, data, finishing)
    instants = rows.instants
    return {
        "split": split.to_row(),
        "winner": winner,
        "ranking": selection,
        "candidates": described,
        "rows": {
            part: context.artifacts.put(array_to_bytes(getattr(split, part)))
            for part in ("train", "test", "calibrate")
        },
        "trained_until": int(instants[split.train].max()) if len(split.train) else None,
        "seen_until": int(instants[_not_test(split)].max()) if len(_not_test(split)) else None,
    }


def _not_test(split: Split) -> np.ndarray[Any, Any]:
    return np.concatenate([split.train, split.tune, split.calibrate])


class _Teller:
    """Passes what happens to candidates on to the narrator."""

    def __init__(self, context: Context, total: int) -> None:
        self._context, self._total, self._done = context, total, 0

    def __call__(self, progress: Progress) -> None:
        if progress.state != "started":
            self._done += 1
            self._context.narrator.progress("train", self._done, self._total)
