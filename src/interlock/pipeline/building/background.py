"""The rows against which a release explains its answers: a few of its test rows, inputs only.

They are chosen to lie evenly over the winner's predictions (one at random out of each of as many
equal parts), so that their mean prediction is close to that of all test rows. How many is decided
by what one explanation may cost.

They are real rows of held-out data, and whoever holds the bundle can read them: a product that does
not want that declares ``explanations=False``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from interlock.digest import canonical_json, seed_from
from interlock.pipeline.context import Context
from interlock.product.training_set import TrainingSet
from interlock.store.arrays import array_from_bytes

SCORED = 400  # rows that the model may score for one explanation
FEWEST, MOST = 8, 32


def background(
    context: Context, rows: TrainingSet, output: Mapping[str, Any], row: Mapping[str, Any]
) -> bytes | None:
    """``background.json`` for the winner that ``row`` describes; None if it answers no test row."""
    test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
    if not len(test):
        return None
    prediction = array_from_bytes(context.artifacts.get(row["test"]["prediction"]))
    finite = np.isfinite(prediction.reshape(len(test), -1)).all(axis=1)
    test, prediction = test[finite], prediction[finite]
    if not len(test):
        return None
    n_rows = how_many(len(row["inputs"]), len(test))
    seed = seed_from("background", str(row["payload"]))
    numbers = test[chosen(prediction, n_rows, seed=seed)]
    inputs = [i for i in rows.inputs if i.name in set(row["inputs"])]
    columns = {i.name: rows.column(i.name) for i in inputs}
    kept = {name: [_plain(values[n]) for n in numbers] for name, values in columns.items()}
    return canonical_json({"columns": kept})


def how_many(n_inputs: int, n_test: int) -> int:
    """Background rows for a model of so many inputs, of which each costs a row scored.

    >>> how_many(21, 1_000), how_many(2, 1_000), how_many(300, 1_000), how_many(21, 5)
    (20, 32, 8, 5)
    """
    wanted = SCORED // max(1, n_inputs - 1)
    return min(n_test, MOST, max(FEWEST, wanted))


def chosen(prediction: np.ndarray[Any, Any], n_rows: int, *, seed: int) -> np.ndarray[Any, Any]:
    """Places of rows, (n_rows,), by rising prediction: (n,) values or (n, n_classes) probabilities.

    >>> chosen(np.array([5.0, 1.0, 2.0, 9.0]), 4, seed=0).tolist()
    [1, 2, 0, 3]
    """
    one = prediction if prediction.ndim == 1 else prediction[:, -1]
    parts = np.array_split(np.argsort(one, kind="stable"), n_rows)
    random = np.random.default_rng(seed)
    return np.array([part[random.integers(len(part))] for part in parts])


def _plain(value: Any) -> Any:
    """A value as JSON has it: missing is null."""
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else float(value)
