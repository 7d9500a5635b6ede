"""One measure of how good predictions are: what it computes, and how it is read.

Invariants: a NaN or infinity anywhere in truth or prediction makes the metric undefined, and an
undefined metric never passes a check; a prediction of the wrong shape is a ValueError.

Truth is (n_rows,): float for a regression, the class's index for classes. A prediction is (n_rows,)
values, or (n_rows, n_classes) probabilities, two columns for a binary target; or a
:class:`interlock.evaluate.predicted.Predicted`, which knows what was answered.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from interlock.evaluate.predicted import Floats, Predicted, Prediction
from interlock.stats.bootstrap import Statistic, value_of
from interlock.stats.derived import Scaled
from interlock.stats.resamples import RESAMPLES

Better: TypeAlias = Literal["lower", "higher", "target"]
REGRESSION = ("regression",)
CLASSES = ("binary", "multiclass")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measure of how good predictions are.

    ``better`` is "target" where the best value is ``target`` and both sides of it are worse: such a
    metric can be held between two limits, and ranks nobody. ``unit`` is "" for the target's own
    unit, "%" for a share (0.15 is shown as 15 %) and "1" for a plain number. ``statistic`` takes
    truth and prediction, both finite, and says what to compute. ``scale`` multiplies its values;
    ``signed`` ones may be negative; those ``of_answers`` depend on the class that was decided.
    ``resamples`` is how many an interval rests on, fewer where each is costly; ``identity`` names
    what computes a metric that is not Interlock's own.
    """

    name: str
    better: Better
    tasks: tuple[str, ...]
    unit: str
    meaning: str
    statistic: Callable[[Floats, Predicted], Statistic | None]
    target: float | None = None
    scale: float = 1.0
    signed: bool = False
    of_answers: bool = False
    resamples: int = RESAMPLES
    identity: str = ""

    @property
    def ranks(self) -> bool:
        """Whether of two values one is better, so that candidates can be ranked by it."""
        return self.better != "target"

    @property
    def lowest(self) -> float:
        """The least value that a limit of it can usefully have."""
        return -math.inf if self.signed or self.better == "target" else 0.0

    def on(self, y: Floats, prediction: Prediction) -> Statistic | None:
        """The statistic of these rows; None when it is undefined on them.

        Raises ValueError when there are no rows or the shapes do not fit.
        """
        truth, predicted = np.asarray(y, dtype=np.float64), Predicted.of(prediction)
        self._check_shapes(truth, predicted.values)
        if not (np.isfinite(truth).all() and np.isfinite(predicted.values).all()):
            return None
        with np.errstate(all="ignore"):
            found = self.statistic(truth, predicted)
        return found if found is None or self.scale == 1.0 else Scaled(found, self.scale)

    def value(self, y: Floats, prediction: Prediction) -> float:
        """The metric on all rows; NaN when it is undefined on them."""
        statistic = self.on(y, prediction)
        with np.errstate(all="ignore"):
            return math.nan if statistic is None else value_of(statistic, len(y))

    def unit_shown(self, target_unit: str) -> str:
        """The unit of this metric's values for a target in ``target_unit``."""
        return target_unit if self.unit == "" else self.unit

    def is_better(self, value: float, other: float) -> bool:
        """Whether ``value`` is strictly better; False where either is NaN."""
        if self.target is not None:
            return abs(value - self.target) < abs(other - self.target)
        return value < other if self.better == "lower" else value > other

    def shown_in(self, unit: str, scale: float) -> Metric:
        """The same measure, its values times ``scale``, in another unit."""
        target = None if self.target is None else self.target * scale
        return replace(self, unit=unit, scale=self.scale * scale, target=target)

    def _check_shapes(self, y: Floats, prediction: Floats) -> None:
        if y.ndim != 1 or len(y) == 0:
            raise ValueError(f"{self.name} needs truth of shape (n_rows,), got {y.shape}")
        shapes = [shape for shape, tasks in _SHAPES if set(tasks) & set(self.tasks)]
        if prediction.ndim not in map(len, shapes) or len(prediction) != len(y):
            listed = " or ".join(
                f"({', '.join(shape)}{',' * (len(shape) == 1)})" for shape in shapes
            )
            raise ValueError(
                f"{self.name} needs predictions of shape {listed} for {len(y)} rows, "
                f"got {prediction.shape}"
            )


_SHAPES = ((("n_rows",), REGRESSION), (("n_rows", "n_classes"), CLASSES))


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
