"""The check of how long an answer takes."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock.clock import SECOND, parse_span
from interlock.evaluate.compare import LEVEL
from interlock.evaluate.judge import Limit, judge
from interlock.gates.finding import finite, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import LatencyWindow, ServiceMeasurement
from interlock.stats.intervals import median_interval
from interlock.verdict import Check, Interval, Verdict
from interlock.wording import counted

FEWEST_REQUESTS = 100
"""A window with fewer requests has no 99th percentile worth the name."""
FEWEST_WINDOWS = 6
"""Fewer windows have no 95 % interval of their median (see :mod:`interlock.stats.intervals`)."""
_AGAIN = "run the delivery again when the machine is quieter"


@dataclass(frozen=True)
class P99Below(Declared):
    """99 of 100 requests are answered within ``limit``, a span such as "20ms".

    Measured in windows; the interval is that of the median over windows of their 99th percentile,
    so one disturbed window does not decide.
    """

    limit: str

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(parse_span(self.limit), "V101", "P99Below", low=1)

    def to_row(self) -> dict[str, Any]:
        """The limit in µs, so that "20ms" and "20000us" are the same declaration."""
        return {"check": "P99Below", "limit": parse_span(self.limit)}

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the windows; too few or too noisy ones are inconclusive."""
        name, windows = f"p99 below {self.limit}", measurement.latency_windows
        if not windows:
            return (unmeasured(name, "V107", "no latency was measured"),)
        p99s = [window.p99_seconds * 1_000 for window in windows]
        if not all(math.isfinite(p99) and p99 > 0 for p99 in p99s):
            return (unmeasured(name, "V107", "a latency is not a positive number"),)
        return (_latency(name, windows, p99s, parse_span(self.limit) * 1_000 / SECOND),)


def _latency(
    name: str, windows: Sequence[LatencyWindow], p99s: list[float], limit_ms: float
) -> Check:
    """All times in milliseconds."""
    limit, ends = Limit(at_most=limit_ms), median_interval(p99s, LEVEL)
    interval = None if ends is None else Interval(low=ends[0], high=ends[1], level=LEVEL)
    fewest = min(window.n for window in windows)
    if interval is None or fewest < FEWEST_REQUESTS:
        verdict = Verdict.INCONCLUSIVE
        reason = (
            f"{counted(len(windows), 'window')} of at least {counted(fewest, 'request')} are too "
            f"few to judge by; at least {FEWEST_WINDOWS} of {FEWEST_REQUESTS} are needed: {_AGAIN}"
        )
    else:
        verdict = judge(interval, limit)
        reason = _latency_reason(verdict, interval, limit_ms)
    code = {Verdict.PASSED: {}, Verdict.INCONCLUSIVE: {"code": "V106"}}
    return Check(
        name=name,
        verdict=verdict,
        measured=statistics.median(p99s),
        comparison=limit.glyph,
        threshold=limit_ms,
        interval=interval,
        n=sum(window.n for window in windows),
        unit="ms",
        reason=reason,
        evidence={
            **code.get(verdict, {"code": "V105"}),
            "p50_ms": [window.p50_seconds * 1_000 for window in windows],
            "p99_ms": p99s,
        },
    )


def _latency_reason(verdict: Verdict, interval: Interval, limit_ms: float) -> str:
    ends = f"the 95 % interval of p99, {interval.low:.3g} to {interval.high:.3g} ms,"
    if verdict is Verdict.INCONCLUSIVE:
        return f"too noisy to judge: {ends} holds the limit of {limit_ms:g} ms: {_AGAIN}"
    return f"{ends} is above {limit_ms:g} ms" if verdict is Verdict.FAILED else ""
