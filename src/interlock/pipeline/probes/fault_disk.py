"""The disk full while predictions are asked for: each answered one is logged, or counted lost."""

from __future__ import annotations

import math
import time
from collections import Counter
from pathlib import Path

from msgspec import structs

from interlock.clock import monotonic
from interlock.gates.service.faults import DISK_FULL
from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.fault_stage import RECOVERY_SECONDS, Sorted, Stage, recovery
from interlock.pipeline.probes.full_disk_child import FREED, FULL
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.read import read_log

MODULE = "interlock.pipeline.probes.full_disk_child"
_REFUSAL = "S150"
_ROUNDS = 3
_ANSWERED = 200


def disk_full(stage: Stage) -> FaultOutcome:
    """The log's disk fills up, stays so for a while, and has room again.

    Meanwhile every request is refused; where the plan has a full disk drop records, each is
    answered and counted as dropped.
    """
    log, drops = stage.place / "log", stage.plan.log_full == "drop"
    found, before = Sorted(refusals={_REFUSAL}), Sorted(refusals={_REFUSAL})
    plan = structs.replace(stage.plan, log=str(log))
    with stage.launch(plan) as service, Client(service.url) as client:
        before.ask_all(client, stage.known)
        logged = [*before.ids]
        service.process.send_signal(FULL)
        problem = "" if _is_full(client, stage, before) else "the disk could not be filled"
        counted = _dropped(client)
        for _ in range(_ROUNDS):
            found.ask_all(client, stage.known)
        lost = _dropped(client) - counted
        service.process.send_signal(FREED)
        recovered = recovery(client, stage.known)
    found.wrong += before.wrong
    if lost != (len(found.ids) if drops else 0):
        found.wrong.append(f"{len(found.ids)} were answered, {lost:g} counted as dropped")
    found.wrong += unlogged(logged if drops else [*before.ids, *found.ids], log)
    return found.outcome(DISK_FULL, recovered, problem, noticed=drops or None)


def _is_full(client: Client, stage: Stage, before: Sorted) -> bool:
    """Whether the service comes to notice; a signal takes its time."""
    begun = monotonic()
    while monotonic() - begun < RECOVERY_SECONDS:
        before.ask(client, stage.known[0])
        if before.refused or _dropped(client):
            return True
        time.sleep(0.01)
    return False


def _dropped(client: Client) -> float:
    """Records that the service says it has dropped; NaN where it does not say."""
    for line in client.ask("GET", "/metrics").body.decode(errors="replace").splitlines():
        if line.startswith("interlock_log_dropped_total"):
            return float(line.rpartition(" ")[2])
    return math.nan


def unlogged(ids: list[str], log: Path) -> list[str]:
    """What the log says otherwise than it was answered: each prediction is in it, and once."""
    records = (PREDICTIONS.told(entry) for entry in PREDICTIONS.of(read_log(log)))
    logged = Counter(record.id for record in records if record.status == _ANSWERED)
    missing = [one for one in ids if logged[one] == 0]
    twice = [one for one, times in logged.items() if times > 1]
    return [
        *(f"prediction {one} was answered and is not in the log" for one in missing),
        *(f"prediction {one} is in the log more than once" for one in twice),
    ]
