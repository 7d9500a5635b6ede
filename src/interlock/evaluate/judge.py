"""From an interval and a limit to a verdict: the one function behind every check.

>>> judge(Interval(low=0.10, high=0.14), Limit(at_most=0.15))
<Verdict.PASSED: 'passed'>
>>> judge(Interval(low=0.14, high=0.16), Limit(at_most=0.15))
<Verdict.INCONCLUSIVE: 'inconclusive'>
>>> judge(Interval(low=0.16, high=0.18), Limit(at_most=0.15))
<Verdict.FAILED: 'failed'>
>>> judge(None, Limit(at_most=0.15))
<Verdict.ERROR: 'error'>
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock.verdict import Interval, Verdict


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Where a measured value must lie: ``at_most`` or ``at_least`` a finite number.

    With ``strict`` the limit itself is outside. Raises ValueError unless exactly one is given.
    """

    at_most: float | None = None
    at_least: float | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("a limit needs exactly one of at_most and at_least")
        if not math.isfinite(self.value):
            raise ValueError(f"a limit must be finite, got {self.value}")

    @property
    def value(self) -> float:
        """The number itself."""
        if self.at_most is not None:
            return self.at_most
        assert self.at_least is not None
        return self.at_least

    @property
    def glyph(self) -> str:
        """How the measured value must compare: "≤", "<", "≥" or ">"."""
        if self.at_most is not None:
            return "<" if self.strict else "≤"
        return ">" if self.strict else "≥"

    def holds(self, value: float) -> bool:
        """Whether the value lies inside; never for NaN."""
        if self.at_most is not None:
            return value < self.at_most if self.strict else value <= self.at_most
        return value > self.value if self.strict else value >= self.value


def judge(interval: Interval | None, limit: Limit) -> Verdict:
    """PASSED when the whole interval is inside the limit, FAILED when all of it is outside.

    INCONCLUSIVE when it straddles the limit; ERROR when there is no interval, or an end is not a
    finite number, or the ends are the wrong way round.
    """
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return Verdict.ERROR
    if interval.low > interval.high:
        return Verdict.ERROR
    inside = (limit.holds(interval.low), limit.holds(interval.high))
    if all(inside):
        return Verdict.PASSED
    return Verdict.INCONCLUSIVE if any(inside) else Verdict.FAILED


def exact(value: float) -> Interval:
    """The interval of a value that was counted, not sampled."""
    return Interval(low=value, high=value, level=1.0)
