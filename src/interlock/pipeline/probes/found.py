"""What the probes of the service gate found, and the measurement that it is judged by.

What was not reached, because the time was over, stays at nothing: compared with nothing, sent
nothing, measured nothing, which no check passes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock.gates.service.form import Form
from interlock.gates.service.measurement import ContractOutcome, ServiceMeasurement
from interlock.gates.service.stress import FaultOutcome, FuzzOutcome, LoadStep
from interlock.pipeline.probes.bad_input import Refusals
from interlock.pipeline.probes.edges import Edges
from interlock.pipeline.probes.field_order import Orders
from interlock.pipeline.probes.latency import Latency
from interlock.pipeline.probes.parity import Difference, Parity
from interlock.verdict import Exemption

_NO_PARITY = Parity(
    rows=0,
    values=0,
    unequal_features=0,
    worst_feature=0.0,
    unequal_predictions=0,
    worst=0.0,
    unanswered=0,
    differences=(),
)


@dataclass(kw_only=True)
class Found:
    """Part by part, as each has ended."""

    parity: Parity = _NO_PARITY
    edges: Edges = field(
        default_factory=lambda: Edges(cases=0, compared=_NO_PARITY, refused=0, unexpected=())
    )
    bad: Refusals = field(default_factory=lambda: Refusals(sent=0, wrong=()))
    orders: Orders = field(default_factory=lambda: Orders(compared=0, different=0))
    contracts: tuple[ContractOutcome, ...] = ()
    latency: Latency = field(default_factory=lambda: Latency(windows=()))
    load: tuple[LoadStep, ...] = ()
    fuzz: FuzzOutcome | None = None
    memory_bytes: int | None = None
    cold_starts: tuple[float, ...] = ()
    faults: tuple[FaultOutcome, ...] = ()

    @property
    def broken_contracts(self) -> tuple[str, ...]:
        """Which consumers would break, and by what first; a line each."""
        return tuple(
            f"the contract of {one.consumer} is broken: {one.broken[0]}"
            for one in self.contracts
            if one.broken
        )

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differed from training."""
        edges = self.edges
        return (*self.parity.differences, *edges.compared.differences, *edges.unexpected)

    @property
    def problems(self) -> tuple[str, ...]:
        """What else went wrong."""
        said = (self.latency.problem,) if self.latency.problem else ()
        return (*said, *self.orders.examples)


def measurement(
    found: Found,
    *,
    form: Form,
    tolerance: float,
    has_contracts: bool,
    parts: Mapping[str, float],
    overdue: str,
) -> ServiceMeasurement:
    """What the gate judges. ``has_contracts``: whether consumers have left any."""
    parity, edges, latency = found.parity, found.edges, found.latency
    unanswered = parity.unanswered + edges.compared.unanswered + latency.unanswered
    finite = math.isfinite(parity.worst_feature)
    return ServiceMeasurement(
        rows_compared=parity.rows,
        rows_skipped=parity.skipped,
        features_compared=parity.values,
        feature_mismatches=parity.unequal_features,
        prediction_mismatches=parity.unequal_predictions,
        worst_prediction_difference=parity.worst,
        worst_feature_difference=parity.worst_feature if finite else None,
        tolerance=tolerance,
        edge_rows_compared=edges.compared.rows + len(edges.unexpected),
        edge_rows_refused=edges.refused,
        edge_mismatches=edges.mismatches,
        bad_inputs_sent=found.bad.sent,
        bad_inputs_wrong=found.bad.wrong,
        contracts=found.contracts,
        uncontracted=None if has_contracts else Exemption.NO_CONTRACTS,
        orders_compared=found.orders.compared,
        order_mismatches=found.orders.different,
        latency_windows=latency.windows,
        unanswered=unanswered,
        differences=(*map(str, found.differences), *found.problems),
        form=form,
        part_seconds=dict(parts),
        overdue=overdue,
        cold_start_seconds=found.cold_starts,
        memory_bytes=found.memory_bytes,
        load=found.load,
        fuzz=found.fuzz,
        faults=found.faults,
    )
