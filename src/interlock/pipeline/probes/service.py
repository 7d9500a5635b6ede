"""The service gate's evidence: start the packaged service from the bundle alone, and question it.

Invariants: a real process, in replay, on a log of its own in a temporary directory; everything is
asked over HTTP; the process is stopped whatever happens. Logged predictions must be all that was
answered.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from interlock.clock import monotonic
from interlock.data.request import RequestSchema
from interlock.features.assemble import HistoryProvider
from interlock.gates.service.measurement import ContractOutcome, ServiceMeasurement
from interlock.pipeline.probes.bad_input import (
    BadRequest,
    Refusals,
    bad_requests,
    send_bad_requests,
)
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.contracts import verify_contracts
from interlock.pipeline.probes.edges import (
    Edges,
    compare_edges,
    edge_requests,
    expected_answers,
)
from interlock.pipeline.probes.field_order import Orders, compare_orders
from interlock.pipeline.probes.latency import Latency, measure_latency
from interlock.pipeline.probes.parity import (
    Difference,
    Parity,
    ParityRows,
    compare_rows,
    spread_rows,
)
from interlock.product.contracts import ContractFile
from interlock.release.bundle import open_bundle
from interlock.serve.answering import Answering
from interlock.serve.log_read import read_log
from interlock.serve.logged import PREDICTIONS
from interlock.serve.plan import Limits, ServePlan
from interlock.serve.process import RunningService, start
from interlock.verdict import Exemption

_READY_SECONDS = 60.0  # on a busy machine; how soon it is ready is judged apart
_LATENCY_ROWS = 100
_ANSWERED = 200


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What to ask, and how to know the answers.

    ``rows`` are test rows with training's features and predictions; ``thresholds`` the model's, by
    request field; ``history`` gives the edge cases' history values in process; ``clock`` (µs UTC)
    is the replayed moment of requests that name none; ``online`` the online store's directory;
    ``contracts`` what consumers rely on.
    """

    rows: ParityRows
    thresholds: Mapping[str, Sequence[float]]
    history: HistoryProvider
    clock: int
    online: str | None = None
    tolerance: float = 0.0
    contracts: Sequence[ContractFile] = ()


@dataclass(frozen=True, kw_only=True)
class Probed:
    """The measurement, what differed, what else went wrong, and the seconds each part took."""

    measurement: ServiceMeasurement
    differences: tuple[Difference, ...]
    problems: tuple[str, ...]
    seconds: Mapping[str, float]


def probe_service(
    bundle: Path,
    questions: Questions,
    *,
    launch: Callable[[ServePlan], RunningService] | None = None,
) -> Probed:
    """Question the service of the bundle in that directory.

    Raises IntegrityError for a bundle that does not verify, OperatorError or IntegrityError when
    the service does not start.
    """
    begin = launch or _launch
    opened = open_bundle(bundle)
    timer = _Timer()
    with tempfile.TemporaryDirectory(prefix="interlock-gate-") as place:
        plan = ServePlan(
            product=opened.product,
            environment="gate",
            bundle=str(bundle),
            log=str(Path(place) / "log"),
            replay=True,
            clock=questions.clock,
            online=questions.online,
            limits=Limits(),
        )
        with begin(plan) as service, Client(service.url) as client:
            timer.mark("start")
            found = _question(client, plan, Answering.of(opened), questions, timer)
        timer.mark("stop")
    return _probed(found, questions.tolerance, timer)


@dataclass(frozen=True, kw_only=True)
class _Found:
    parity: Parity
    edges: Edges
    bad: Refusals
    latency: Latency
    orders: Orders
    contracts: tuple[ContractOutcome, ...]


def _question(
    client: Client, plan: ServePlan, release: Answering, questions: Questions, timer: _Timer
) -> _Found:
    rows = questions.rows
    logged = partial(_logged, Path(plan.log))
    parity = compare_rows(
        client, _with_fields(rows, release.schema), logged, tolerance=questions.tolerance
    )
    timer.mark("parity")
    cases = edge_requests(release.schema, rows.requests, questions.thresholds)
    outcome = expected_answers(release, cases, as_of=questions.clock, history=questions.history)
    edges = compare_edges(
        client,
        cases,
        outcome,
        logged,
        tolerance=questions.tolerance,
        classes=release.spec.classes,
    )
    timer.mark("edges")
    bad = send_bad_requests(client, _corpus(release.schema, rows, plan.limits), rows.requests[0])
    timer.mark("bad input")
    orders = compare_orders(client, rows.requests)
    timer.mark("field order")
    base_url = f"http://{client.host}:{client.port}"
    contracts = verify_contracts(client, base_url, plan.product, questions.contracts)
    timer.mark("contracts")
    latency = measure_latency(client.host, int(client.port or 0), rows.requests[:_LATENCY_ROWS])
    timer.mark("latency")
    return _Found(
        parity=parity, edges=edges, bad=bad, latency=latency, orders=orders, contracts=contracts
    )


def _with_fields(rows: ParityRows, schema: RequestSchema) -> ParityRows:
    """The request's own fields are compared too: what was logged is what was sent."""
    sent = {f.name: [row.get(f.name) for row in rows.requests] for f in schema.fields}
    return replace(rows, features={**sent, **rows.features})


def _logged(log: Path) -> dict[str, Mapping[str, Any]]:
    """Request fields and features of every answered prediction in the log, by its id."""
    found: dict[str, Mapping[str, Any]] = {}
    for entry in PREDICTIONS.of(read_log(log)):
        record = PREDICTIONS.told(entry)
        if record.status == _ANSWERED:
            found[record.id] = {**json.loads(record.request), **record.features}
    return found


def _corpus(schema: RequestSchema, rows: ParityRows, limits: Limits) -> list[BadRequest]:
    return bad_requests(
        schema, rows.requests[0], max_body_bytes=limits.body_bytes, max_rows=limits.rows
    )


def _probed(found: _Found, tolerance: float, timer: _Timer) -> Probed:
    parity, edges, latency = found.parity, found.edges, found.latency
    compared = edges.compared
    differences = (*parity.differences, *compared.differences, *edges.unexpected)
    problems = (*((latency.problem,) if latency.problem else ()), *found.orders.examples)
    finite = math.isfinite(parity.worst_feature)
    measurement = ServiceMeasurement(
        rows_compared=parity.rows,
        features_compared=parity.values,
        feature_mismatches=parity.unequal_features,
        prediction_mismatches=parity.unequal_predictions,
        worst_prediction_difference=parity.worst,
        tolerance=tolerance,
        edge_rows_compared=edges.cases,
        edge_mismatches=edges.mismatches,
        bad_inputs_sent=found.bad.sent,
        bad_inputs_wrong=found.bad.wrong,
        contracts=found.contracts,
        uncontracted=None if found.contracts else Exemption.NO_CONTRACTS,
        orders_compared=found.orders.compared,
        order_mismatches=found.orders.different,
        latency_windows=latency.windows,
        unanswered=parity.unanswered + compared.unanswered + latency.unanswered,
        worst_feature_difference=parity.worst_feature if finite else None,
        differences=(*map(str, differences), *problems),
    )
    return Probed(
        measurement=measurement,
        differences=differences,
        problems=problems,
        seconds=timer.seconds,
    )


def chosen_rows(rows: ParityRows) -> ParityRows:
    """At most as many of the rows as the gate compares, evenly spread."""
    places = spread_rows(len(rows.requests))
    return ParityRows(
        requests=[rows.requests[place] for place in places],
        features={
            name: [values[place] for place in places] for name, values in rows.features.items()
        },
        predictions=rows.predictions[places],
        intervals=None if rows.intervals is None else np.asarray(rows.intervals)[places],
        not_covered=[rows.not_covered[place] for place in places] if rows.not_covered else (),
    )


def _launch(plan: ServePlan) -> RunningService:
    return start(plan, seconds=_READY_SECONDS)


class _Timer:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = monotonic()

    def mark(self, name: str) -> None:
        now = monotonic()
        self.seconds[name] = now - self._last
        self._last = now
