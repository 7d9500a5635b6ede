"""Metrics of one's own: a plain function of truth, prediction and rows.

>>> @metric(better="lower", unit="USD")
... def cost_of_error(y_true, y_pred, rows):
...     return 0.02 * abs(y_pred - y_true).mean()
>>> cost_of_error.metric.value(np.array([100.0, 200.0]), np.array([110.0, 200.0]))
0.1
>>> float(cost_of_error(np.array([100.0]), np.array([150.0]), {}))  # it stays a plain function
1.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.errors import AUTHOR_FAULTS, AuthorError
from interlock.evaluate.metric import CLASSES, REGRESSION, Better, Metric
from interlock.evaluate.metrics import find_metric
from interlock.evaluate.predicted import Floats, Predicted
from interlock.features.function import DeclaredFunction
from interlock.stats.bootstrap import Statistic
from interlock.stats.derived import Redrawn

RESAMPLES_OF_OWN = 500
"""How many resamples the interval of a metric of one's own rests on, unless it says otherwise."""
FEWEST_RESAMPLES = 200
"""Fewer cannot say where 95 % of them lie."""
MOST_RESAMPLES = 2_000

Measure: TypeAlias = Callable[[Floats, Floats, Mapping[str, NDArray[Any]]], float]


@dataclass(frozen=True)
class CustomMetric(DeclaredFunction):
    """A declared metric; call it like the function it wraps."""

    better: Better
    unit: str = "1"
    target: float | None = None
    resamples: int = RESAMPLES_OF_OWN

    @property
    def metric(self) -> Metric:
        """As any other metric; its identity is the function's place until it is packed."""
        return self.identified(self.where)

    def identified(self, identity: str) -> Metric:
        """As any other metric, with the digest of its code for an identity."""
        documented = (getattr(self.function, "__doc__", None) or "").strip()
        return Metric(
            name=self.name,
            better=self.better,
            tasks=(*REGRESSION, *CLASSES),
            unit=self.unit,
            meaning=documented.partition("\n")[0].rstrip(".") or "a metric of the product's own",
            statistic=self._statistic,
            target=self.target,
            signed=True,
            resamples=self.resamples,
            identity=identity,
        )

    def _statistic(self, y: Floats, predicted: Predicted) -> Statistic | None:
        return Redrawn(lambda rows: self._measured(y[rows], predicted[rows]), len(y))

    def _measured(self, y: Floats, predicted: Predicted) -> float:
        """The function's answer to copies of these rows. Raises AuthorError M250."""
        values = predicted.values
        if values.ndim == 2 and values.shape[1] == 2:
            values = values[:, 1].copy()
        try:
            found = self.function(y, values, predicted.rows.answering(predicted.answered))
        except AUTHOR_FAULTS as error:
            raise self._failure(f"{type(error).__name__}: {error}"[:200]) from None
        if isinstance(found, bool | np.bool_) or not isinstance(found, int | float | np.number):
            raise self._failure(repr(found)[:200])
        return float(found) if np.isrealobj(found) else math.nan

    def _failure(self, got: str) -> AuthorError:
        return AuthorError(
            "M250",
            f"the metric {self.name} gave no number",
            where=self.where,
            expected="a number for any rows, in any number and order",
            got=got,
            fix="correct the function; return nan where the rows say nothing",
        )


@dataclass(frozen=True)
class Scaled:
    """A metric in another unit: its values times ``by``.

    Everything that names the metric then means it so, its limits too.

    >>> Scaled("mae", "kUSD", by=0.001).shown(find_metric("mae")).value(
    ...     np.array([1_000.0]), np.array([3_000.0]))
    2.0
    """

    of: str | CustomMetric
    unit: str
    by: float = 1.0

    @property
    def name(self) -> str:
        """The metric's name."""
        return metric_name(self.of)

    def shown(self, metric: Metric) -> Metric:
        """That metric, in this unit."""
        return metric.shown_in(self.unit, self.by if _is_number(self.by) else math.nan)


DeclaredMetric: TypeAlias = "str | CustomMetric | Scaled"
"""How a declaration names a metric."""


def metric_name(declared: Any) -> str:
    """The name behind a declaration of a metric; what is none of these, as text."""
    if isinstance(declared, CustomMetric | Scaled):
        return declared.name
    return declared if isinstance(declared, str) else repr(declared)[:80]


def metric(
    *,
    better: Literal["lower", "higher"] | float,
    unit: str = "1",
    resamples: int = RESAMPLES_OF_OWN,
) -> Callable[[Measure], CustomMetric]:
    """Declare a metric: a pure function of truth, prediction and rows, of any number of them.

    ``y_true`` is (n_rows,): numbers, or indices of classes, 0 and 1 for a binary target;
    ``y_pred`` (n_rows,): numbers, or the probability of yes; (n_rows, n_classes) for a multiclass
    target. ``rows`` maps request fields and features to (n_rows,) arrays, and knows ``.answered``,
    the index of the class each row got, ``.classes`` and ``.unit``.

    ``better`` is "lower", "higher", or the number that is best. ``unit`` is "%" for a share, "1"
    for a plain number, else what is measured. The interval rests on ``resamples`` calls.
    """

    def declared(function: Measure) -> CustomMetric:
        side: Better = better if isinstance(better, str) else "target"
        target = None if isinstance(better, str) else better
        return CustomMetric(function, side, unit, target, resamples)

    return declared


def metric_problems(declared: Any, more: Collection[str] = ()) -> list[tuple[str, str]]:
    """(expected, got) for everything wrong with one declared metric, its code left aside.

    ``more`` are the names of metrics that the product has besides Interlock's.
    """
    if isinstance(declared, str):
        known = declared in more or find_metric(declared) is not None
        return [] if known else [("the name of a metric", repr(declared))]
    if isinstance(declared, Scaled):
        found = metric_problems(declared.of, more)
        if not (isinstance(declared.unit, str) and declared.unit):
            found.append(("a unit, such as 'USD'", repr(declared.unit)))
        if not (_is_number(declared.by) and declared.by > 0):
            found.append(("by=… a number above 0", repr(declared.by)))
        return found
    if not isinstance(declared, CustomMetric):
        expected = "a metric's name, a function under @il.metric(…), or il.Scaled(…)"
        return [(expected, repr(declared)[:80])]
    found = []
    if declared.better == "target" and not _is_number(declared.target):
        found.append(("better='lower', 'higher' or the best value", repr(declared.target)))
    elif declared.better not in ("lower", "higher", "target"):
        found.append(("better='lower', 'higher' or the best value", repr(declared.better)))
    if not isinstance(declared.unit, str):
        found.append(("unit='…'", repr(declared.unit)))
    count = declared.resamples
    whole = isinstance(count, int) and not isinstance(count, bool)
    if not whole or not FEWEST_RESAMPLES <= count <= MOST_RESAMPLES:
        found.append((f"resamples from {FEWEST_RESAMPLES} to {MOST_RESAMPLES:,}", repr(count)))
    if declared.name in more or find_metric(declared.name) is not None:
        found.append(("a name that no metric of Interlock's has", declared.name))
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
