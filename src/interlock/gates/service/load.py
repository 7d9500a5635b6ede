"""The check that the service bears load: so many requests a second, few of them late.

Requests are due at fixed moments, whatever the service does (an open loop), and their time counts
from there: a stall makes all late that had to wait behind it. Tene (2013), "How NOT to measure
latency", calls what is left out else *coordinated omission*; Schroeder, Wierman & Harchol-Balter
(2006), "Open versus closed: a cautionary tale".

Late requests come together, so the interval of their share is not the binomial one of as many rows:
the exact interval is taken of the effective number of rows, n over the design effect that windows
show (Korn & Graubard 1998, "Confidence intervals for proportions with small expected number of
positive counts estimated from survey data").
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock.clock import SECOND, parse_span
from interlock.evaluate.compare import LEVEL
from interlock.evaluate.judge import Limit, judge
from interlock.gates.finding import finite, too_few, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.gates.service.stress import LoadStep, LoadWindow
from interlock.stats.intervals import share_interval
from interlock.verdict import Check, Interval, Verdict

LOWEST_RATE = 20.0
"""Requests a second; below it too few would be sent in the time there is."""
HIGHEST_RATE = 5_000.0
"""What the load generator itself bears."""
FEWEST_REQUESTS = 600
"""Of fewer, one that is late by chance would decide."""
FEWEST_WINDOWS = 6
_LATE = 0.01  # the share that a 99th percentile leaves
_AGAIN = "run the delivery again when the machine is quieter"


@dataclass(frozen=True)
class Sustains(Declared):
    """With ``rate`` requests a second on many connections, 99 of 100 are answered within ``p99``.

    An answer counts from the moment at which its request was due. Asked in the full form.
    """

    rate: float
    p99: str

    @property
    def limit_seconds(self) -> float:
        """The limit of one answer."""
        return parse_span(self.p99) / SECOND

    def validate(self) -> None:
        """Raises AuthorError for a rate or a limit that cannot be used."""
        finite(self.rate, "V101", "Sustains", low=LOWEST_RATE, high=HIGHEST_RATE)
        finite(parse_span(self.p99), "V101", "Sustains", low=1)

    def to_row(self) -> dict[str, Any]:
        """The limit in µs, so that "20ms" and "20000us" are the same declaration."""
        return {"check": "Sustains", "rate": float(self.rate), "p99": parse_span(self.p99)}

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the step at this rate; none is an error, too few requests are inconclusive."""
        name = f"{self.rate:,g} requests/s, p99 below {self.p99}"
        asked = [step for step in measurement.load if self._is_about(step)]
        if not asked:
            return (unmeasured(name, "V107", "no load of this rate was measured"),)
        return tuple(_judged(name, step) for step in asked)

    def _is_about(self, step: LoadStep) -> bool:
        return step.judged and (step.offered, step.limit_seconds) == (self.rate, self.limit_seconds)


def _judged(name: str, step: LoadStep) -> Check:
    windows = step.windows
    if not windows or not all(0 <= w.unanswered <= w.late <= w.n for w in windows):
        return unmeasured(name, "V107", step.problem or "the load's windows cannot be read")
    n, late = sum(w.n for w in windows), sum(w.late for w in windows)
    times = (step.answered, step.seconds, step.behind_seconds, step.p99_seconds or 0.0)
    if not n > 0 or not all(math.isfinite(v) and v >= 0 for v in times):
        return unmeasured(name, "V107", "a measured time is not a number")
    limit = Limit(at_most=_LATE)
    interval = late_interval(windows)
    enough = n >= FEWEST_REQUESTS and len(windows) >= FEWEST_WINDOWS
    verdict = judge(interval, limit) if enough else Verdict.INCONCLUSIVE
    coded = {Verdict.PASSED: {}, Verdict.INCONCLUSIVE: {"code": "V106"}}
    return Check(
        name=name,
        verdict=verdict,
        measured=late / n,
        comparison=limit.glyph,
        threshold=limit.value,
        interval=interval,
        n=n,
        unit="%",
        reason=_reason(verdict, step, late, n, enough=enough),
        evidence={
            **coded.get(verdict, {"code": "V116"}),
            "late": late,
            "unanswered": sum(w.unanswered for w in windows),
            "p50_ms": _milliseconds(step.p50_seconds),
            "p99_ms": _milliseconds(step.p99_seconds),
            "behind_ms": step.behind_seconds * 1_000,
            "connections": step.connections,
        },
    )


def late_interval(windows: Sequence[LoadWindow]) -> Interval:
    """The 95 % interval of the share of late requests, given that late ones come together.

    >>> quiet = [LoadWindow(n=50, late=0, unanswered=0)] * 12
    >>> late_interval(quiet).high < 0.01
    True
    >>> stalled = [LoadWindow(n=50, late=50, unanswered=0), *quiet[1:]]
    >>> interval = late_interval(stalled)
    >>> interval.low < 0.01 < 0.3 < interval.high
    True
    """
    n, late = sum(w.n for w in windows), sum(w.late for w in windows)
    share = late / n
    effective = n
    if 0 < share < 1 and len(windows) > 1:
        mean = n / len(windows)
        seen = statistics.variance([w.late / w.n for w in windows if w.n > 0])
        design = max(1.0, seen / (share * (1 - share) / mean))
        effective = max(len(windows), math.floor(n / design))
    low, high = share_interval(min(effective, math.ceil(share * effective)), effective, LEVEL)
    low = min(low, share_interval(math.floor(share * effective), effective, LEVEL)[0])
    return Interval(low=low, high=high, level=LEVEL)


def _reason(verdict: Verdict, step: LoadStep, late: int, n: int, *, enough: bool) -> str:
    if verdict is Verdict.PASSED:
        return ""
    if not enough:
        return too_few(n, "request", FEWEST_REQUESTS)
    text = f"{late:,} of {n:,} requests were later than {step.limit_seconds * 1e3:g} ms"
    text += f"; {step.problem}" if step.problem else ""
    if verdict is Verdict.FAILED:
        return f"{text}, where 1 in 100 may be"
    return f"too noisy to judge: {text}, close together: {_AGAIN}"


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1_000
