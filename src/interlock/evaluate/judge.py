"""From an interval and a limit to a verdict: the one function behind every check.

>>> judge(Interval(low=0.10, high=0.14), Limit(at_most=0.15))
<Verdict.PASSED: 'passed'>
>>> judge(Interval(low=0.14, high=0.16), Limit(at_most=0.15))
<Verdict.INCONCLUSIVE: 'inconclusive'>
>>> judge(Interval(low=0.16, high=0.18), Limit(at_most=0.15))
<Verdict.FAILED: 'failed'>
>>> judge(Interval(low=0.9, high=1.1), Limit(at_least=0.98, at_most=1.03))
<Verdict.INCONCLUSIVE: 'inconclusive'>
>>> judge(None, Limit(at_most=0.15))
<Verdict.ERROR: 'error'>
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock.verdict import IN, Interval, Verdict


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Where a measured value must lie: ``at_most`` or ``at_least`` a finite number, or both.

    With ``strict`` the limit itself is outside. Raises ValueError unless one is given, and unless
    of two the lower comes first.
    """

    at_most: float | None = None
    at_least: float | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        if not self.ends:
            raise ValueError("a limit needs at_most, at_least or both")
        if not all(map(math.isfinite, self.ends)):
            raise ValueError(f"a limit must be finite, got {' and '.join(map(str, self.ends))}")
        if len(self.ends) == 2 and not self.ends[0] < self.ends[1]:
            raise ValueError(f"a limit's lower end must come first, got {self.ends}")

    @property
    def ends(self) -> tuple[float, ...]:
        """The one or two numbers, the lower first."""
        return tuple(end for end in (self.at_least, self.at_most) if end is not None)

    @property
    def value(self) -> float:
        """The number itself; of two the lower."""
        return self.ends[0]

    @property
    def upper(self) -> float | None:
        """The higher of two numbers; None where there is one."""
        return self.ends[1] if len(self.ends) == 2 else None

    @property
    def glyph(self) -> str:
        """How the measured value must compare: "≤", "<", "≥", ">", or "in" between two."""
        if len(self.ends) == 2:
            return IN
        if self.at_most is not None:
            return "<" if self.strict else "≤"
        return ">" if self.strict else "≥"

    def holds(self, value: float) -> bool:
        """Whether the value lies inside; never for NaN."""
        return value == value and not self._above(value) and not self._below(value)

    def misses(self, interval: Interval) -> bool:
        """Whether all of an interval lies outside, on one side."""
        return self._above(interval.low) or self._below(interval.high)

    def _above(self, value: float) -> bool:
        if self.at_most is None:
            return False
        return value >= self.at_most if self.strict else value > self.at_most

    def _below(self, value: float) -> bool:
        if self.at_least is None:
            return False
        return value <= self.at_least if self.strict else value < self.at_least


def judge(interval: Interval | None, limit: Limit) -> Verdict:
    """PASSED when the whole interval is inside the limit, FAILED when all of it is outside.

    INCONCLUSIVE when it straddles the limit; ERROR when there is no interval, or an end is not a
    finite number, or the ends are the wrong way round. Inside two limits at once means equivalence
    (two one-sided tests: Schuirmann 1987).
    """
    if interval is None or not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return Verdict.ERROR
    if interval.low > interval.high:
        return Verdict.ERROR
    if limit.holds(interval.low) and limit.holds(interval.high):
        return Verdict.PASSED
    return Verdict.FAILED if limit.misses(interval) else Verdict.INCONCLUSIVE


def exact(value: float) -> Interval:
    """The interval of a value that was counted, not sampled."""
    return Interval(low=value, high=value, level=1.0)
