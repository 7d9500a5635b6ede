"""The metrics a product may be judged by, by name.

Invariants: a NaN or infinity anywhere in truth or prediction makes the metric undefined, and an
undefined metric never passes a check; a prediction of the wrong shape is a ValueError.

Truth is (n_rows,): float for a regression, the class's index for classes. A prediction is (n_rows,)
values, or (n_rows, n_classes) probabilities, two columns for a binary target.

>>> metric_named("mae").value(np.array([1.0, 2.0]), np.array([1.5, 2.5]))
0.5
>>> format_value(0.14239, metric_named("mdape").unit)
'14.24 %'
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from interlock.errors import AuthorError
from interlock.evaluate import classification, regression
from interlock.stats.bootstrap import Statistic, value_of

Floats = NDArray[np.float64]
REGRESSION = ("regression",)
CLASSES = ("binary", "multiclass")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure of how good predictions are.

    ``unit`` is "" for the target's own unit, "%" for a share (0.15 is shown as 15 %) and "1" for a
    plain number. ``statistic`` takes truth and prediction, both finite, and says what to compute.
    """

    name: str
    better: Literal["lower", "higher"]
    tasks: tuple[str, ...]
    unit: str
    meaning: str
    statistic: Callable[[Floats, Floats], Statistic | None]

    def on(self, y: Floats, prediction: Floats) -> Statistic | None:
        """The statistic of these rows; None when it is undefined on them.

        Raises ValueError when there are no rows or the shapes do not fit.
        """
        truth, predicted = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
        self._check_shapes(truth, predicted)
        if not (np.isfinite(truth).all() and np.isfinite(predicted).all()):
            return None
        with np.errstate(all="ignore"):
            return self.statistic(truth, predicted)

    def value(self, y: Floats, prediction: Floats) -> float:
        """The metric on all rows; NaN when it is undefined on them."""
        statistic = self.on(y, prediction)
        with np.errstate(all="ignore"):
            return math.nan if statistic is None else value_of(statistic, len(y))

    def unit_shown(self, target_unit: str) -> str:
        """The unit of this metric's values for a target in ``target_unit``."""
        return target_unit if self.unit == "" else self.unit

    def is_better(self, value: float, other: float) -> bool:
        """Whether ``value`` is strictly better; False where either is NaN."""
        return value < other if self.better == "lower" else value > other

    def _check_shapes(self, y: Floats, prediction: Floats) -> None:
        wanted = 2 if "regression" not in self.tasks else 1
        if y.ndim != 1 or len(y) == 0:
            raise ValueError(f"{self.name} needs truth of shape (n_rows,), got {y.shape}")
        if prediction.ndim != wanted or len(prediction) != len(y):
            shape = "(n_rows,)" if wanted == 1 else "(n_rows, n_classes)"
            raise ValueError(
                f"{self.name} needs predictions of shape {shape} for {len(y)} rows, "
                f"got {prediction.shape}"
            )


def _metric(
    name: str,
    better: Literal["lower", "higher"],
    tasks: tuple[str, ...],
    unit: str,
    meaning: str,
    statistic: Callable[[Floats, Floats], Statistic | None],
) -> Metric:
    return Metric(
        name=name, better=better, tasks=tasks, unit=unit, meaning=meaning, statistic=statistic
    )


_ALL = (
    _metric("mae", "lower", REGRESSION, "", "mean absolute error", regression.mae),
    _metric("rmse", "lower", REGRESSION, "", "root of the mean squared error", regression.rmse),
    _metric("mape", "lower", REGRESSION, "%", "mean absolute error, relative", regression.mape),
    _metric("mdape", "lower", REGRESSION, "%", "median absolute error, relative", regression.mdape),
    _metric("rmsle", "lower", REGRESSION, "1", "rmse of log(1 + value)", regression.rmsle),
    _metric("r2", "higher", REGRESSION, "1", "share of variance explained", regression.r2),
    _metric("bias", "lower", REGRESSION, "", "size of the mean error", regression.bias),
    _metric(
        "within_10", "higher", REGRESSION, "%", "share of rows within 10 %", regression.within_10
    ),
    _metric("log_loss", "lower", CLASSES, "1", "mean surprise, in nats", classification.log_loss),
    _metric(
        "brier", "lower", CLASSES, "1", "mean squared error of probability", classification.brier
    ),
    _metric(
        "accuracy", "higher", CLASSES, "%", "share of rows classed right", classification.accuracy
    ),
    _metric(
        "roc_auc",
        "higher",
        ("binary",),
        "1",
        "chance that a positive outranks a negative",
        classification.roc_auc,
    ),
    _metric(
        "average_precision",
        "higher",
        ("binary",),
        "1",
        "precision averaged over recall",
        classification.average_precision,
    ),
)
METRICS = {metric.name: metric for metric in _ALL}


def metric_named(name: str, *, task: str | None = None) -> Metric:
    """The metric of that name, fit for ``task`` where one is given.

    Raises AuthorError M201 when there is none, M202 when it does not fit the task.
    """
    metric = METRICS.get(name)
    if metric is None:
        raise AuthorError(
            "M201",
            "no such metric",
            expected=", ".join(_names(task)),
            got=repr(name),
            fix="name one of the metrics above",
        )
    if task is not None and task not in metric.tasks:
        raise AuthorError(
            "M202",
            f"the metric {name} does not fit the task",
            expected=f"for a {task} target one of {', '.join(_names(task))}",
            got=name,
            fix="choose a metric that fits the target",
        )
    return metric


def _names(task: str | None) -> list[str]:
    return [m.name for m in _ALL if task is None or task in m.tasks]


def format_value(value: float, unit: str) -> str:
    """A value as people read it, with its unit: '14.24 %', '12,310 USD', '0.8312'.

    >>> format_value(12310.4, "USD"), format_value(0.83123, "1"), format_value(float("nan"), "")
    ('12,310 USD', '0.8312', 'undefined')
    """
    if not math.isfinite(value):
        return "undefined"
    if unit == "%":
        return f"{_digits(value * 100)} %"
    return _digits(value) if unit in ("", "1") else f"{_digits(value)} {unit}"


def _digits(value: float) -> str:
    """Four significant digits, and every digit of a larger whole part, grouped."""
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.4g}"
