"""Outlier limits: could each that is declared be fitted?"""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.judge import Limit
from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.finding import counted, unmeasured
from interlock.gates.gate import Declared
from interlock.release.limits import FEWEST
from interlock.verdict import Check


@dataclass(frozen=True)
class OutlierLimits(Declared):
    """Every ``il.Outliers(…)`` of the product had values enough to learn its limits from.

    Always on for a product that declares some: a rule that could not be fitted names no row, and
    must not pass for one that found none.
    """

    titles: tuple[str, ...]

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """One answer for each."""
        return tuple(_judged(title, measurement.outlier_values.get(title)) for title in self.titles)


def _judged(title: str, fitted: int | None) -> Check:
    what = f"outlier limits of {title}"
    if fitted is None:
        reason = f"{title} has no limits: fewer than {FEWEST} values in training, or all alike"
        return unmeasured(what, "D171", reason)
    return counted(what, "D171", fitted, Limit(at_least=FEWEST), n=fitted)
