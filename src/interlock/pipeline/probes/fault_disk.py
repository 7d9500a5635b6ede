"""The disk full while predictions are asked for: none is answered that is not in the log."""

from __future__ import annotations

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
from interlock.serve.log_read import read_log
from interlock.serve.logged import PREDICTIONS

MODULE = "interlock.pipeline.probes.full_disk_child"
_REFUSAL = "S150"
_ROUNDS = 3
_ANSWERED = 200


def disk_full(stage: Stage) -> FaultOutcome:
    """The log's disk fills up, refuses for a while, and has room again."""
    log = stage.place / "log"
    found, before = Sorted(refusals={_REFUSAL}), Sorted(refusals=())
    plan = structs.replace(stage.plan, log=str(log))
    with stage.launch(plan) as service, Client(service.url) as client:
        before.ask_all(client, stage.known)
        service.process.send_signal(FULL)
        problem = "" if _is_full(client, stage, before) else "the disk could not be filled"
        for _ in range(_ROUNDS):
            found.ask_all(client, stage.known)
        service.process.send_signal(FREED)
        recovered = recovery(client, stage.known)
    found.wrong += before.wrong
    found.wrong += unlogged([*before.ids, *found.ids], log)
    return found.outcome(DISK_FULL, recovered, problem)


def _is_full(client: Client, stage: Stage, before: Sorted) -> bool:
    """Whether the service comes to refuse; a signal takes its time."""
    before.refusals = {_REFUSAL}
    begun = monotonic()
    while monotonic() - begun < RECOVERY_SECONDS:
        before.ask(client, stage.known[0])
        if before.refused:
            return True
        time.sleep(0.01)
    return False


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
