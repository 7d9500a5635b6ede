"""Are the prediction intervals narrow enough to be of use, over all rows and in each slice?

An interval from nothing to everything holds every truth: coverage alone does not limit it.

>>> IntervalWidth(at_most="60%").to_row()
{'check': 'IntervalWidth', 'at_most': '60%', 'quantile': 0.5, 'by': ()}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.evaluate.coverage import resampled_widths, width
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.evaluate.parts import Part
from interlock.evaluate.slices import Measured, judged_parts
from interlock.gates.finding import finite, percent, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.cuts import names_of, parts_by
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.together import together
from interlock.verdict import Check

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class IntervalWidth(Declared):
    """Prediction intervals are at most so wide, from end to end: half of them, unless declared.

    ``at_most`` is in the target's unit, or relative to the prediction as a text ("60%").
    ``quantile`` says of which share of the intervals that is asked: 0.9 for nine in ten. With
    ``by`` it is asked of every slice, and fails where one is shown to be wider, as
    :class:`interlock.gates.model.slices.Slices` does.
    """

    at_most: float | str
    quantile: float = 0.5
    by: Any = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", names_of(self.by))

    def validate(self) -> None:
        """Raises AuthorError M203 for a limit that cannot be used."""
        finite(self.quantile, "M203", "IntervalWidth(quantile=…)", low=0.01, high=0.99)
        share = percent(self.at_most) if isinstance(self.at_most, str) else None
        limit = self.at_most if share is None else share
        finite(limit, "M203", "IntervalWidth(at_most=…)", low=1e-12)

    @property
    def _share(self) -> float | None:
        """The limit as a share of the prediction; None where it is in the target's unit."""
        return percent(self.at_most) if isinstance(self.at_most, str) else None

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer: over all rows, or about the worst slice."""
        self.validate()
        unit = measurement.target_unit if self._share is None else "%"
        limit = Limit(at_most=float(self.at_most) if self._share is None else self._share)
        name = self._named(format_value(limit.value, unit))
        flaw = self._flaw(measurement)
        if flaw:
            return (unmeasured(name, "M226", flaw),)
        values, drawn = self._widths(measurement), measurement.resamples
        evidence = {"candidate": measurement.winner, "quantile": self.quantile}
        if not self.by:
            found = width(values, self.quantile, drawn)
            return (sampled(name, "M226", found, limit, unit=unit, evidence=evidence),)

        def measure(parts: Sequence[Part]) -> Measured:
            found = resampled_widths(values, self.quantile, parts, drawn)
            return Measured(
                own=found, allowed=np.full(found.shape, limit.value), sign=np.ones(len(parts))
            )

        slices = judged_parts(parts_by(measurement, self.by), drawn, measure)
        return (together(name, "M226", slices, unit=unit, evidence=evidence),)

    def _named(self, limit: str) -> str:
        of = "median" if self.quantile == 0.5 else f"{self.quantile:g} quantile of"
        relative = " of the prediction" if self._share is not None else ""
        where = f" in every slice of {', '.join(self.by)}" if self.by else ""
        return f"{of} interval width ≤ {limit}{relative}{where}"

    def _flaw(self, measurement: WinnerMeasurement) -> str:
        """Why the widths cannot be told, or ""."""
        served = measurement.intervals
        if served is None:
            return "the winner answers without prediction intervals"
        flaw = measurement.flaw or served.flaw
        if flaw:
            return flaw
        prediction = np.asarray(measurement.predictions[measurement.winner])
        if prediction.shape != measurement.y.shape or not np.isfinite(prediction).all():
            return "there is not one prediction, a finite number, for each test row"
        if self._share is not None and not prediction.all():
            return "nothing is relative to a prediction of 0"
        missing = [column for column in self.by if column not in measurement.columns]
        return f"there is no column {', '.join(missing)} to cut the rows by" if missing else ""

    def _widths(self, measurement: WinnerMeasurement) -> Floats:
        """Of each row (n_rows,), in the target's unit or relative to the prediction."""
        assert measurement.intervals is not None
        found = measurement.intervals.width
        if self._share is None:
            return found
        prediction: Floats = np.asarray(measurement.predictions[measurement.winner])
        return np.asarray(found / np.abs(prediction))
