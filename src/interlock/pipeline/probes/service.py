"""The service gate's evidence: start the packaged service from the bundle alone, and question it.

Invariants: a real process, in replay, on a log of its own in a temporary directory; everything is
asked over HTTP; every process is stopped whatever happens, and killed when the gate's time is over.
Logged predictions must be all that was answered. What takes a moment and decides comes before what
takes long: consumers' contracts first, and a broken one is told at once, load and faults last.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from interlock.data.request import RequestSchema
from interlock.features.assemble import HistoryProvider
from interlock.gates.service.form import LONGEST_SECONDS, Form
from interlock.gates.service.measurement import ContractOutcome, ServiceMeasurement
from interlock.pipeline.probes.allotted import Allotted, Overdue
from interlock.pipeline.probes.bad_input import BadRequest, bad_requests, send_bad_requests
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.contracts import verify_contracts
from interlock.pipeline.probes.edges import Edges, compare_edges, edge_requests, expected_answers
from interlock.pipeline.probes.fault_server import StoreServer
from interlock.pipeline.probes.field_order import compare_orders
from interlock.pipeline.probes.found import Found, measurement
from interlock.pipeline.probes.latency import measure_latency
from interlock.pipeline.probes.launching import Launch, launching
from interlock.pipeline.probes.load import Wanted
from interlock.pipeline.probes.parity import Difference, FeatureLog, ParityRows, compare_rows
from interlock.pipeline.probes.scratch import scratch
from interlock.pipeline.probes.whole import Whole, ask_apart, ask_more
from interlock.product.contracts import ContractFile
from interlock.release.bundle import Bundle, open_bundle
from interlock.serve.batch.answering import Answering
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.read import read_log
from interlock.serve.plan import Limits, ServePlan

_LATENCY_ROWS = 100
_PARITY_SHARE = 1 / 3  # of the gate's time; then fewer rows have to do
_ANSWERED = 200


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What to ask, and how to know the answers.

    ``rows`` are test rows with training's features and predictions; ``thresholds`` the model's, by
    request field; ``history`` gives the edge cases' history values in process; ``clock`` (µs UTC)
    is the replayed moment of requests that name none; ``online`` the online store's directory;
    ``contracts`` what consumers rely on. For the full form ``loads`` say how much load is judged,
    ``few_rows`` are requests whose history the small store ``few`` holds, and
    ``history_unavailable`` and ``log_full`` are what the service is to do without its store, and
    with a full disk; ``server`` is where they have that store, if it is no folder.
    """

    rows: ParityRows
    thresholds: Mapping[str, Sequence[float]]
    history: HistoryProvider
    clock: int
    online: str | None = None
    tolerance: float = 0.0
    contracts: Sequence[ContractFile] = ()
    form: Form = Form.QUICK
    loads: Sequence[Wanted] = ()
    few_rows: Sequence[Mapping[str, Any]] = ()
    few: Path | None = None
    history_unavailable: Literal["refuse", "defaults"] = "refuse"
    log_full: Literal["refuse", "drop"] = "refuse"
    server: StoreServer | None = None


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
    allotted: Allotted | None = None,
    *,
    noted: Callable[[str], None] = lambda line: None,
) -> Probed:
    """Question the service of the bundle in that directory, as long as ``allotted`` allows.

    ``noted`` hears at once what shuts the gate whatever else is measured, a line each.
    Raises IntegrityError for a bundle that does not verify, OperatorError or IntegrityError when
    the service does not start.
    """
    opened = open_bundle(bundle)
    given = allotted or Allotted(LONGEST_SECONDS[questions.form])
    found = Found()
    try:
        with scratch("interlock-gate-") as place, suppress(Overdue):
            _probe(opened, bundle, questions, given, found, place, noted)
    finally:
        if allotted is None:
            given.close()
    measured = measurement(
        found,
        form=questions.form,
        tolerance=questions.tolerance,
        has_contracts=bool(questions.contracts),
        parts=given.parts,
        overdue=given.overdue,
    )
    return Probed(
        measurement=measured,
        differences=found.differences,
        problems=found.problems,
        seconds=dict(given.parts),
    )


def _probe(
    opened: Bundle,
    bundle: Path,
    questions: Questions,
    allotted: Allotted,
    found: Found,
    place: Path,
    noted: Callable[[str], None],
) -> None:
    """Raises Overdue when the time is over; what was found until then stands in ``found``."""
    plan = structs.replace(
        _plan(opened, bundle, place),
        clock=questions.clock,
        online=questions.online,
        history_unavailable=questions.history_unavailable,
        log_full=questions.log_full,
    )
    launch, release = launching(allotted), Answering.of(opened)
    whole = _whole(plan, launch, questions, opened, release, place)
    with ExitStack() as running:
        service = allotted.part("start", lambda: running.enter_context(launch(plan)))
        client = running.enter_context(Client(service.url))
        _ask_contracts(client, plan, questions, allotted, found)
        for line in found.broken_contracts:
            noted(line)
        _question(client, plan, release, questions, allotted, found, noted)
        if whole is not None:
            ask_more(service, client, whole, allotted, found)
        allotted.part("stop", running.close)
    if whole is not None:
        ask_apart(whole, allotted, found)


def _plan(opened: Bundle, bundle: Path, place: Path) -> ServePlan:
    return ServePlan(
        product=opened.product,
        environment="gate",
        bundle=str(bundle),
        log=str(place / "log"),
        replay=True,
        limits=Limits(),
    )


def probe_contracts(
    bundle: Path,
    contracts: Sequence[ContractFile],
    store: Callable[[], tuple[str | None, int]],
    allotted: Allotted,
) -> ServiceMeasurement:
    """What consumers rely on, and nothing else, asked of the bundle's service.

    ``store`` fills the online store: its directory, and the replayed moment (µs UTC). Raises as
    :func:`probe_service` does.
    """
    opened, found = open_bundle(bundle), Found()
    with scratch("interlock-gate-") as place, suppress(Overdue):
        online, clock = allotted.part("online store", store)
        plan = structs.replace(_plan(opened, bundle, place), clock=clock, online=online)
        found.contracts = allotted.part(
            "contracts", lambda: _contracts_kept(plan, contracts, allotted)
        )
    return measurement(
        found,
        form=Form.QUICK,
        tolerance=0.0,
        has_contracts=True,
        parts=allotted.parts,
        overdue=allotted.overdue,
    )


def _contracts_kept(
    plan: ServePlan, contracts: Sequence[ContractFile], allotted: Allotted
) -> tuple[ContractOutcome, ...]:
    with launching(allotted)(plan) as service, Client(service.url) as client:
        return verify_contracts(
            client, service.url, plan.product, contracts, seconds=allotted.remaining
        )


def _whole(
    plan: ServePlan,
    launch: Launch,
    questions: Questions,
    opened: Bundle,
    release: Answering,
    place: Path,
) -> Whole | None:
    if questions.form is Form.QUICK:
        return None
    asked_at = release.schema.asked_at
    return Whole(
        launch=launch,
        plan=plan,
        place=place,
        requests=questions.rows.requests[:_LATENCY_ROWS],
        kept=() if asked_at is None else (asked_at.name,),
        loads=questions.loads,
        few_rows=questions.few_rows,
        few=questions.few,
        server=questions.server,
        seed=opened.digest,
    )


def _ask_contracts(
    client: Client, plan: ServePlan, questions: Questions, allotted: Allotted, found: Found
) -> None:
    found.contracts = allotted.part(
        "contracts",
        lambda: verify_contracts(
            client,
            f"http://{client.host}:{client.port}",
            plan.product,
            questions.contracts,
            seconds=allotted.remaining,
        ),
    )


def _question(
    client: Client,
    plan: ServePlan,
    release: Answering,
    questions: Questions,
    allotted: Allotted,
    found: Found,
    noted: Callable[[str], None],
) -> None:
    rows, tolerance = questions.rows, questions.tolerance
    logged = partial(_logged, Path(plan.log))
    until = allotted.remaining - _PARITY_SHARE * allotted.seconds
    found.parity = allotted.part(
        "parity",
        lambda: compare_rows(
            client,
            _with_fields(rows, release.schema),
            logged,
            tolerance=tolerance,
            late=lambda: allotted.remaining < until,
        ),
    )
    if found.parity.skipped:
        asked = found.parity.rows + found.parity.skipped
        noted(f"parity compares {found.parity.rows:,} of {asked:,} rows: the service is slow here")
    found.edges = allotted.part("edges", lambda: _edges(client, release, questions, logged))
    found.bad = allotted.part(
        "bad input",
        lambda: send_bad_requests(
            client, _corpus(release.schema, rows, plan.limits), rows.requests[0]
        ),
    )
    found.orders = allotted.part("field order", lambda: compare_orders(client, rows.requests))
    timed = rows.requests[:_LATENCY_ROWS]
    found.latency = allotted.part(
        "latency", lambda: measure_latency(client.host, int(client.port or 0), timed)
    )


def _edges(client: Client, release: Answering, questions: Questions, logged: FeatureLog) -> Edges:
    cases = edge_requests(release.schema, questions.rows.requests, questions.thresholds)
    outcome = expected_answers(release, cases, as_of=questions.clock, history=questions.history)
    return compare_edges(
        client,
        cases,
        outcome,
        logged,
        tolerance=questions.tolerance,
        classes=release.spec.classes,
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
