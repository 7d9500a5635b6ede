"""The check of how soon the service is ready."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

from interlock.clock import SECOND, parse_span
from interlock.evaluate.compare import LEVEL
from interlock.evaluate.judge import Limit, judge
from interlock.gates.finding import finite, too_few, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.stats.intervals import median_interval
from interlock.verdict import Check, Interval, Verdict

FEWEST_STARTS = 6
"""Fewer starts have no 95 % interval of their median (see :mod:`interlock.stats.intervals`)."""


@dataclass(frozen=True)
class ColdStartBelow(Declared):
    """From the start of its process until it is ready the service takes at most ``limit``.

    Judged by the interval of the median over several starts; asked in the full form.
    """

    limit: str

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(parse_span(self.limit), "V101", "ColdStartBelow", low=1)

    def to_row(self) -> dict[str, Any]:
        """The limit in µs, so that "1s" and "1000ms" are the same declaration."""
        return {"check": "ColdStartBelow", "limit": parse_span(self.limit)}

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the starts; too few or too noisy ones are inconclusive."""
        name, starts = f"cold start below {self.limit}", measurement.cold_start_seconds
        if not starts:
            return (unmeasured(name, "V107", "no start was measured"),)
        if not all(math.isfinite(seconds) and seconds > 0 for seconds in starts):
            return (unmeasured(name, "V107", "a start did not take a positive time"),)
        limit = Limit(at_most=parse_span(self.limit) / SECOND)
        ends = median_interval(starts, LEVEL)
        interval = None if ends is None else Interval(low=ends[0], high=ends[1], level=LEVEL)
        verdict = Verdict.INCONCLUSIVE if interval is None else judge(interval, limit)
        coded = {} if verdict is Verdict.PASSED else {"code": "V114"}
        check = Check(
            name=name,
            verdict=verdict,
            measured=statistics.median(starts),
            comparison=limit.glyph,
            threshold=limit.value,
            interval=interval,
            n=len(starts),
            unit="s",
            reason=_reason(verdict, interval, limit.value, len(starts)),
            evidence={**coded, "seconds": list(starts)},
        )
        return (check,)


def _reason(verdict: Verdict, interval: Interval | None, limit: float, starts: int) -> str:
    if verdict is Verdict.PASSED:
        return ""
    if interval is None:
        return too_few(starts, "start", FEWEST_STARTS)
    ends = f"the 95 % interval of the median start, {interval.low:.3g} to {interval.high:.3g} s,"
    if verdict is Verdict.FAILED:
        return f"{ends} is above {limit:g} s"
    return f"too noisy to judge: {ends} holds the limit of {limit:g} s"
