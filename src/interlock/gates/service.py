"""The service gate: does the packaged service answer as training did, in time, and refuse nonsense?

Proven on the rows compared, never for all inputs: zero rows compared prove nothing.

>>> window = LatencyWindow.of([0.001] * 98 + [0.25, 0.5])
>>> window.p50_seconds, window.p99_seconds
(0.001, 0.25)
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interlock.clock import SECOND, parse_span
from interlock.evaluate.compare import LEVEL
from interlock.evaluate.judge import Limit, judge
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared, Judge, with_always_on
from interlock.stats.intervals import median_interval
from interlock.verdict import Check, Exemption, Interval, Verdict

FEWEST_REQUESTS = 100
"""A window with fewer requests has no 99th percentile worth the name."""
FEWEST_WINDOWS = 6
"""Fewer windows have no 95 % interval of their median (see :mod:`interlock.stats.intervals`)."""
WIDEST_TOLERANCE = 1e-6
"""Relative. An export that promises less than this does not answer as the trained model."""
_SHOWN = 3  # differences in a sentence
_AGAIN = "run the delivery again when the machine is quieter"


@dataclass(frozen=True, kw_only=True)
class LatencyWindow:
    """One stretch of requests: how many, and their 50th and 99th percentiles in seconds."""

    n: int
    p50_seconds: float
    p99_seconds: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> LatencyWindow:
        """The window of these durations, by nearest rank. Raises ValueError when there are none."""
        if len(seconds) == 0:
            raise ValueError("a latency window needs at least one request")
        ranked = sorted(float(duration) for duration in seconds)
        n = len(ranked)
        p50, p99 = ranked[math.ceil(0.50 * n) - 1], ranked[math.ceil(0.99 * n) - 1]
        unknown = any(math.isnan(duration) for duration in ranked)
        return cls(n=n, p50_seconds=p50, p99_seconds=math.nan if unknown else p99)


@dataclass(frozen=True, kw_only=True)
class ServiceMeasurement:
    """What the packaged service answered, beside what training has for the same rows.

    Differences are worst cases: of features absolute (None where all must be equal and none was
    measured), of predictions relative. ``tolerance`` is the relative difference of a prediction
    that the export promises, 0 where it is exact. ``features_compared`` counts feature values;
    ``differences`` describe some of the mismatches; ``bad_inputs_wrong`` names each bad request
    that was answered otherwise than due; ``unanswered`` requests got no answer at all;
    ``orders_compared`` requests were sent again with their fields in another order.
    ``oracle_values`` history values were recomputed row by row from the snapshot;
    ``unrecomputed`` says why there is nothing to recompute.
    """

    rows_compared: int
    features_compared: int
    feature_mismatches: int
    prediction_mismatches: int
    worst_prediction_difference: float
    tolerance: float
    edge_rows_compared: int
    edge_mismatches: int
    bad_inputs_sent: int
    bad_inputs_wrong: tuple[str, ...]
    latency_windows: tuple[LatencyWindow, ...]
    unanswered: int
    worst_feature_difference: float | None = None
    differences: tuple[str, ...] = ()
    unrecomputed: Exemption | None = None
    oracle_values: int = 0
    oracle_mismatches: int = 0
    orders_compared: int = 0
    order_mismatches: int = 0

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Parity(Declared):
    """Over HTTP the service gives the features and predictions that training has."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Features, predictions, and that every request was answered."""
        m = measurement
        if not (m.rows_compared > 0 and m.features_compared > 0):
            return (unmeasured("parity", "V107", "no rows were compared"),)
        if not 0 <= (m.worst_feature_difference or 0.0) < math.inf:
            return (unmeasured("parity", "V107", "a feature's difference is not a number"),)
        if not 0 <= m.tolerance <= WIDEST_TOLERANCE:
            reason = f"a tolerance of {m.tolerance:g} would hide wrong answers"
            return (unmeasured("parity", "V107", reason),)
        return (
            counted(
                "every request answered",
                "V108",
                m.unanswered,
                Limit(at_most=0),
                n=m.rows_compared,
            ),
            counted(
                "feature parity",
                "V102",
                m.feature_mismatches,
                Limit(at_most=0),
                n=m.features_compared,
                unit="mismatches",
                why="; ".join(m.differences[:_SHOWN]),
                evidence={"rows": m.rows_compared, "worst": m.worst_feature_difference},
            ),
            *_prediction_parity(m),
        )


@dataclass(frozen=True)
class EdgeParity(Declared):
    """At the exporter's edge cases (thresholds, missing, unseen, extremes) nothing differs."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the edge rows; none compared is an error."""
        if not measurement.edge_rows_compared > 0:
            return (unmeasured("edge parity", "V107", "no edge rows were compared"),)
        return (
            counted(
                "edge parity",
                "V103",
                measurement.edge_mismatches,
                Limit(at_most=0),
                n=measurement.edge_rows_compared,
                unit="mismatches",
            ),
        )


@dataclass(frozen=True)
class Symmetry(Declared):
    """A sample of the history values is what the oracle makes of the snapshot's rows."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the values recomputed; none is an error where there are history features."""
        name = "history recomputed"
        compared, wrong = measurement.oracle_values, measurement.oracle_mismatches
        if measurement.unrecomputed is not None:
            return (
                Check(
                    name=name,
                    verdict=Verdict.NOT_APPLICABLE,
                    exemption=measurement.unrecomputed,
                    reason=measurement.unrecomputed.value,
                ),
            )
        if not compared > 0:
            return (unmeasured(name, "V109", "no history value was recomputed"),)
        return (counted(name, "V109", wrong, Limit(at_most=0), n=compared),)


@dataclass(frozen=True)
class BadInput(Declared):
    """Every kind of bad input is refused with the status due to it."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges all probes together; none sent is an error."""
        sent, wrong = measurement.bad_inputs_sent, measurement.bad_inputs_wrong
        if not sent > 0:
            return (unmeasured("bad input", "V107", "no bad input was sent"),)
        return (
            counted(
                "bad input",
                "V104",
                len(wrong),
                Limit(at_most=0),
                n=sent,
                unit="wrong answers",
                why="; ".join(wrong[:_SHOWN]),
                evidence={"wrong": list(wrong)},
            ),
        )


@dataclass(frozen=True)
class FieldOrder(Declared):
    """A request gets the same answer whatever the order of its fields."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the orders compared; none is an error."""
        compared, different = measurement.orders_compared, measurement.order_mismatches
        if not compared > 0:
            return (unmeasured("field order", "V107", "no request was sent in another order"),)
        return (
            counted(
                "field order",
                "V110",
                different,
                Limit(at_most=0),
                n=compared,
                unit="other answers",
            ),
        )


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


ALWAYS_ON: tuple[Judge[ServiceMeasurement], ...] = (
    Parity(),
    EdgeParity(),
    Symmetry(),
    BadInput(),
    FieldOrder(),
)
DEFAULT_SERVICE_GATE = ALWAYS_ON


def service_gate(
    declared: Sequence[Judge[ServiceMeasurement]],
) -> tuple[Judge[ServiceMeasurement], ...]:
    """The checks a packaged service must meet: those declared and those always on."""
    return with_always_on(declared, ALWAYS_ON)


def _prediction_parity(m: ServiceMeasurement) -> tuple[Check, ...]:
    evidence = {"differences": list(m.differences), "tolerance": m.tolerance}
    return (
        counted(
            "prediction parity",
            "V102",
            m.prediction_mismatches,
            Limit(at_most=0),
            n=m.rows_compared,
            unit="mismatches",
            why="; ".join(m.differences[:_SHOWN]),
            evidence=evidence,
        ),
        counted(
            "worst prediction difference",
            "V102",
            m.worst_prediction_difference,
            Limit(at_most=m.tolerance),
            n=m.rows_compared,
            unit="relative",
        ),
    )


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
            f"{len(windows)} windows of at least {fewest} requests are too few to judge by; at "
            f"least {FEWEST_WINDOWS} of {FEWEST_REQUESTS} are needed: {_AGAIN}"
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
