"""What the full form asks besides: load, generated requests, memory, cold starts, planned faults.

The first three are asked of the service that the quick form has questioned; then it is stopped, and
starts and faults have the machine to themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes.allotted import Allotted
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.cold_start import cold_starts
from interlock.pipeline.probes.fault_server import StoreServer
from interlock.pipeline.probes.fault_stage import Known, known_answers
from interlock.pipeline.probes.faults import planned_faults
from interlock.pipeline.probes.found import Found
from interlock.pipeline.probes.fuzz import fuzz
from interlock.pipeline.probes.launching import Launch
from interlock.pipeline.probes.load import Wanted, measure_load
from interlock.pipeline.probes.processes import peak_bytes
from interlock.serve.plan import ServePlan
from interlock.serve.workers.process import RunningService


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What the full form needs to know.

    ``kept`` are the fields that generated requests take from ``requests`` as they are; ``few_rows``
    are requests whose history the small online store ``few`` holds, None where there is no history;
    ``seed`` makes the same requests and the same damage for the same release; ``server`` is where
    the environments have their online store, if it is no folder.
    """

    launch: Launch
    plan: ServePlan
    place: Path
    requests: Sequence[Mapping[str, Any]]
    kept: Sequence[str]
    loads: Sequence[Wanted]
    few_rows: Sequence[Mapping[str, Any]]
    few: Path | None
    seed: str
    server: StoreServer | None = None


def ask_more(
    service: RunningService, client: Client, whole: Whole, allotted: Allotted, found: Found
) -> None:
    """Ask the service that runs already. Raises Overdue."""
    found.load = allotted.part(
        "load",
        lambda: measure_load(
            client.host,
            int(client.port or 0),
            whole.requests,
            whole.loads,
            stop=lambda: allotted.over,
        ),
    )
    client.close()  # it was idle meanwhile, which no service bears for ever
    found.fuzz = allotted.part(
        "generated requests",
        lambda: fuzz(
            client, whole.requests, seed=whole.seed, kept=whole.kept, stop=lambda: allotted.over
        ),
    )
    found.memory_bytes = allotted.part("memory", lambda: peak_bytes(service.pid)) or None


def ask_apart(whole: Whole, allotted: Allotted, found: Found) -> None:
    """Start services of their own. Raises Overdue."""
    found.cold_starts = allotted.part(
        "cold starts", lambda: cold_starts(whole.launch, whole.plan, whole.place)
    )
    found.faults = allotted.part("faults", lambda: _faults(whole))


def _faults(whole: Whole) -> tuple[FaultOutcome, ...]:
    plan = structs.replace(whole.plan, online=None if whole.few is None else str(whole.few))
    return planned_faults(
        whole.launch,
        plan,
        whole.place,
        _known(whole, plan),
        store=whole.few,
        seed=whole.seed,
        server=whole.server,
    )


def _known(whole: Whole, plan: ServePlan) -> tuple[Known, ...]:
    """The answers of a service that is well, which parity has compared with training."""
    log = str(whole.place / "known")
    with (
        whole.launch(structs.replace(plan, log=log)) as service,
        Client(service.url) as client,
    ):
        return known_answers(client, whole.few_rows)
