"""What the service gate judges: what the packaged service answered, beside what training has.

>>> window = LatencyWindow.of([0.001] * 98 + [0.25, 0.5])
>>> window.p50_seconds, window.p99_seconds
(0.001, 0.25)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from interlock.gates.service.form import Form
from interlock.gates.service.stress import FaultOutcome, FuzzOutcome, LoadStep
from interlock.verdict import Exemption


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
class ContractOutcome:
    """What one consumer's contract came to: ``broken`` describes the interactions not kept."""

    consumer: str
    file: str
    interactions: int
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ServiceMeasurement:
    """What the packaged service answered, beside what training has for the same rows.

    Differences are worst cases: of features absolute (None where all must be equal and none was
    measured), of predictions relative. ``tolerance`` is the relative difference of a prediction
    that the export promises, 0 where it is exact. ``features_compared`` counts feature values;
    ``rows_skipped`` test rows were not asked, as time was short; ``edge_rows_refused`` edge cases
    both sides refused for the same reason, beside those compared; ``differences`` describe some of
    the mismatches; ``bad_inputs_wrong`` names each bad request that was answered otherwise than
    due; ``unanswered`` requests got no answer at all; ``contracts`` are what the consumers'
    contracts came to; ``uncontracted`` says why there are none. ``orders_compared`` requests were
    sent again with their fields in another order. ``oracle_values`` history values were recomputed
    row by row from the snapshot; ``unrecomputed`` says why there is nothing to recompute. ``form``
    is how much was asked, ``part_seconds`` how long each part took, ``overdue`` what was cut short,
    "" where nothing was.

    What only the full form measures: seconds from the start of a process until it is ready, the
    highest resident memory (bytes) of a worker, load, generated requests, planned faults.
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
    edge_rows_refused: int = 0
    rows_skipped: int = 0
    worst_feature_difference: float | None = None
    differences: tuple[str, ...] = ()
    unrecomputed: Exemption | None = None
    oracle_values: int = 0
    oracle_mismatches: int = 0
    contracts: tuple[ContractOutcome, ...] = ()
    uncontracted: Exemption | None = None
    orders_compared: int = 0
    order_mismatches: int = 0
    form: str = Form.QUICK
    part_seconds: Mapping[str, float] = field(default_factory=dict)
    overdue: str = ""
    cold_start_seconds: tuple[float, ...] = ()
    memory_bytes: int | None = None
    load: tuple[LoadStep, ...] = ()
    fuzz: FuzzOutcome | None = None
    faults: tuple[FaultOutcome, ...] = ()

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
