"""Do the prediction intervals hold what they promise, over all rows and in each slice?

>>> IntervalCoverage(at_least=0.75, by="stories").by
('stories',)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interlock.errors import AuthorError
from interlock.evaluate.coverage import ServedIntervals, coverage, resampled_coverages
from interlock.evaluate.judge import Limit
from interlock.evaluate.parts import Part
from interlock.evaluate.slices import Measured, judged_parts
from interlock.gates.finding import finite, limit_text, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.model.cuts import names_of, parts_by
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.together import together
from interlock.stats.resamples import Resamples
from interlock.verdict import Check

DEFAULT_WITHIN = 0.05
"""As far as the coverage may lie from its level unless declared: 1,000 rows can show it."""


@dataclass(frozen=True)
class IntervalCoverage(Declared):
    """The share of test rows whose truth lies in its prediction interval.

    ``within``: no further than this from the declared level, on either side (0.05 where neither is
    given); ``at_least``: this share or more. With ``by`` it is asked of every slice, and fails
    where one is shown to be outside, as :class:`interlock.gates.model.slices.Slices` does.
    Conformal intervals promise their level over all rows, not in each slice: ask for less there.
    """

    at_least: float | None = None
    within: float | None = None
    by: Any = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", names_of(self.by))

    def validate(self) -> None:
        """Raises AuthorError M203 for both limits at once, or one that cannot be used."""
        if None not in (self.at_least, self.within):
            raise AuthorError(
                "M203",
                "what coverage is asked for is not clear",
                where="IntervalCoverage(…)",
                expected="at_least=… or within=…",
                got=repr(self),
                fix="declare one il.IntervalCoverage(…) for each question",
            )
        least = 0.5 if self.at_least is None else self.at_least
        finite(least, "M203", "IntervalCoverage(at_least=…)", low=1e-3, high=0.999)
        finite(self._within, "M203", "IntervalCoverage(within=…)", low=1e-3, high=0.5)

    @property
    def _within(self) -> float:
        return DEFAULT_WITHIN if self.within is None else self.within

    def limit(self, level: float) -> Limit:
        """Where the coverage of intervals of that level must lie."""
        if self.at_least is not None:
            return Limit(at_least=self.at_least)
        low, high = max(0.0, level - self._within), level + self._within
        return Limit(at_least=low, at_most=high if high < 1 else None)

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """One answer: over all rows, or about the worst slice."""
        level, served = measurement.promised, measurement.intervals
        where = f" in every slice of {', '.join(self.by)}" if self.by else ""
        if level is None or served is None:
            name = f"interval coverage{where}"
            return (unmeasured(name, "M222", "the winner answers without prediction intervals"),)
        if not 0 < level < 1:
            reason = f"intervals of a level of {level} promise nothing"
            return (unmeasured(f"interval coverage{where}", "M222", reason),)
        limit = self.limit(level)
        name = f"coverage of {level:.0%} intervals {limit_text(limit, '%')}".replace("%", " %", 1)
        flaw = measurement.flaw or served.flaw or _unanswered(measurement)
        missing = [column for column in self.by if column not in measurement.columns]
        if missing:
            flaw = f"there is no column {', '.join(missing)} to cut the rows by"
        if flaw:
            return (unmeasured(name + where, "M222", flaw),)
        evidence = {"candidate": measurement.winner, "level": level}
        if not self.by:
            found = coverage(served, measurement.resamples)
            return (sampled(name, "M222", found, limit, unit="%", evidence=evidence),)
        parts = parts_by(measurement, self.by)
        drawn = measurement.resamples
        slices = judged_parts(parts, drawn, lambda enough: _measured(enough, served, drawn, limit))
        return (together(name + where, "M222", slices, unit="%", evidence=evidence),)


def _unanswered(measurement: WinnerMeasurement) -> str:
    """Why the predictions beside the intervals are none, or ""."""
    prediction = np.asarray(measurement.predictions[measurement.winner])
    if prediction.shape != measurement.y.shape or not np.isfinite(prediction).all():
        return "there is not one prediction, a finite number, for each test row"
    return ""


def _measured(
    parts: Sequence[Part], served: ServedIntervals, drawn: Resamples, limit: Limit
) -> Measured:
    """Each part's coverage, beside the limit that it comes closer to."""
    own = np.array([[served.covered[part.rows].mean() for part in parts]]).reshape(1, len(parts))
    resampled = resampled_coverages(served, parts, drawn)
    low = 0.0 if limit.at_least is None else limit.at_least
    high = np.inf if limit.at_most is None else limit.at_most
    above = own[0] - low > high - own[0]
    allowed = np.where(above, high if np.isfinite(high) else low, low)
    return Measured(
        own=np.vstack([own, resampled]),
        allowed=np.broadcast_to(allowed, (1 + len(resampled), len(parts))),
        sign=np.where(above & np.isfinite(high), 1.0, -1.0),
    )
