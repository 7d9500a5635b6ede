"""The online store stopped, slow, or wrong, while a service looks up in it.

A store that is a folder is moved away, and damaged in every file of it: one bit flipped, the second
half cut off, a page overwritten. A folder is not slow by itself; that is asked of a server only.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import structs

from interlock.gates.service.faults import STORE_STOPPED, STORE_WRONG
from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.fault_stage import Sorted, Stage, recovery, slowest

_REFUSAL = "S122"
_PAGE = 4_096  # bytes


def folder_stopped(stage: Stage, store: Path) -> FaultOutcome:
    """The folder is gone before anything was read from it, comes back, and goes once more."""
    here, away = stage.place / "store", stage.place / "away"
    shutil.copytree(store, here)
    plan = structs.replace(stage.plan, online=str(here), log=str(stage.place / "log"))
    found = _sorted(stage)
    with stage.launch(plan) as service, Client(service.url) as client:
        here.rename(away)
        found.ask_all(client, stage.known)
        away.rename(here)
        first = recovery(client, stage.known)
        here.rename(away)
        found.ask_all(client, stage.known)
        away.rename(here)
        recovered = slowest([first, recovery(client, stage.known)])
    return found.outcome(STORE_STOPPED, recovered)


def folder_wrong(stage: Stage, store: Path, *, seed: str) -> FaultOutcome:
    """Every file of the folder damaged, in one way after the other, then whole again."""
    here = stage.place / "store"
    shutil.copytree(store, here)
    whole = {path: path.read_bytes() for path in sorted(here.rglob("*.sqlite"))}
    plan = structs.replace(stage.plan, online=str(here), log=str(stage.place / "log"))
    found, rng = _sorted(stage), random.Random(seed)  # noqa: S311 - the same damage every time
    with stage.launch(plan) as service, Client(service.url) as client:
        for damaged in DAMAGE.values():
            for path, data in whole.items():
                path.write_bytes(damaged(data, rng))
            found.ask_all(client, stage.known)
        for path, data in whole.items():
            path.write_bytes(data)
        recovered = recovery(client, stage.known)
    return found.outcome(STORE_WRONG, recovered, "" if whole else "the store holds no file")


def _sorted(stage: Stage) -> Sorted:
    defaults = stage.plan.history_unavailable == "defaults"
    return Sorted(refusals={_REFUSAL}, defaults=defaults)


def _flipped(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) // 2, len(data))]


def _overwritten(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(max(1, len(data) // _PAGE)) * _PAGE
    page = data[start : start + _PAGE]
    return data[:start] + bytes(byte ^ 0x55 for byte in page) + data[start + len(page) :]


DAMAGE: Mapping[str, Callable[[bytes, random.Random], bytes]] = {
    "one bit flipped": _flipped,
    "cut off": _cut,
    "a page overwritten": _overwritten,
}
