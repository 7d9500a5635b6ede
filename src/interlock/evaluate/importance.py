"""How much a model leans on an input: what its metric loses when the input's values are shuffled.

Reference: Breiman 2001, "Random Forests", section 10; Fisher, Rudin and Dominici 2019, "All models
are wrong, but many are useful". Correlated inputs share their importance; it says nothing of cause.

>>> from interlock.evaluate.metrics import metric_named
>>> x = np.arange(200.0)
>>> found = permutation_importance(
...     metric_named("mae"), x, {"x": x, "noise": x[::-1].copy()}, lambda columns: columns["x"],
...     seed=0)
>>> found["noise"].mean, found["x"].mean > 50
(0.0, True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interlock.evaluate.metrics import Metric

REPEATS = 2


@dataclass(frozen=True, kw_only=True)
class Importance:
    """The metric's loss over several shuffles, in the metric's unit; more is more important."""

    mean: float
    least: float
    most: float


def permutation_importance(
    metric: Metric,
    y: np.ndarray[Any, Any],
    columns: Mapping[str, Any],
    predict: Callable[[Mapping[str, Any]], np.ndarray[Any, Any]],
    *,
    seed: int,
    repeats: int = REPEATS,
) -> dict[str, Importance]:
    """The importance of every column; ``y`` and each column are (n_rows,).

    ``predict`` takes columns and gives (n_rows,) values or (n_rows, n_classes) probabilities.
    """
    reference = metric.value(y, predict(columns))
    sign = 1.0 if metric.better == "lower" else -1.0
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(y)) for _ in range(repeats)]
    found = {}
    for name, values in columns.items():
        losses = [
            sign * (metric.value(y, predict({**columns, name: _taken(values, order)})) - reference)
            for order in orders
        ]
        found[name] = Importance(
            mean=float(np.mean(losses)), least=float(min(losses)), most=float(max(losses))
        )
    return found


def _taken(values: Any, order: np.ndarray[Any, Any]) -> Any:
    if isinstance(values, np.ndarray):
        return values[order]
    return [values[i] for i in order]
