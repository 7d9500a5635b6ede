"""Are the winner's probabilities to be believed?

>>> Calibrated(max_error=0.03).to_row()
{'check': 'Calibrated', 'max_error': 0.03}
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interlock.evaluate.calibration import calibration_error
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.gates.finding import finite, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.verdict import Check


@dataclass(frozen=True)
class Calibrated(Declared):
    """The expected calibration error of the winner's probabilities is at most ``max_error``.

    That is how far, on average, a promised probability lies from how often it came true: 0.05 is
    five points. Of two classes the second's probability, of more the likeliest class's.
    """

    max_error: float = 0.05

    def validate(self) -> None:
        """Raises AuthorError M203 for a limit that cannot be used."""
        finite(self.max_error, "M203", "Calibrated(max_error=…)", low=1e-6, high=0.5)

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """Judges the winner on all test rows."""
        name = f"calibration error below {format_value(self.max_error, '%')}"
        if measurement.flaw:
            return (unmeasured(name, "M224", measurement.flaw),)
        prediction = measurement.predictions[measurement.winner]
        if np.asarray(prediction).ndim != 2:
            return (unmeasured(name, "M224", "the winner answers without probabilities"),)
        found = calibration_error(measurement.y, prediction, measurement.resamples)
        evidence = {"candidate": measurement.winner}
        limit = Limit(at_most=self.max_error)
        return (sampled(name, "M224", found, limit, unit="%", evidence=evidence),)
