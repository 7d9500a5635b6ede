"""All planned faults, side by side: each has a service of its own, so none disturbs another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from interlock.errors import InterlockError, StoreError
from interlock.gates.service.faults import (
    DISK_FULL,
    STORE_SLOW,
    STORE_STOPPED,
    STORE_WRONG,
    WORKER_KILLED,
)
from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes import fault_disk, fault_server, fault_store, fault_worker
from interlock.pipeline.probes.fault_server import StoreServer
from interlock.pipeline.probes.fault_stage import Known, Stage
from interlock.pipeline.probes.launching import Launch
from interlock.serve.plan import ServePlan
from interlock.verdict import Exemption


def planned_faults(
    launch: Launch,
    plan: ServePlan,
    place: Path,
    known: Sequence[Known],
    *,
    store: Path | None,
    seed: str,
    server: StoreServer | None = None,
) -> tuple[FaultOutcome, ...]:
    """What every fault came to.

    ``store`` is the folder of the online store that holds the known requests' history; None where
    the release has no history features. ``server`` is where the environments have theirs, if it is
    no folder: then that is what fails. Raises what filling it raises.
    """
    acts: dict[str, Callable[[Stage], FaultOutcome]] = {
        DISK_FULL: fault_disk.disk_full,
        WORKER_KILLED: fault_worker.worker_killed,
    }
    exempt: dict[str, Exemption] = {}
    if store is None:
        exempt = dict.fromkeys((STORE_STOPPED, STORE_SLOW, STORE_WRONG), Exemption.NO_HISTORY)
    elif server is not None:
        acts[STORE_STOPPED] = partial(fault_server.server_stopped, server=server)
        acts[STORE_SLOW] = partial(fault_server.server_slow, server=server)
        acts[STORE_WRONG] = partial(fault_server.server_wrong, server=server, seed=seed)
    else:
        exempt[STORE_SLOW] = Exemption.LOCAL_STORE
        acts[STORE_STOPPED] = partial(fault_store.folder_stopped, store=store)
        acts[STORE_WRONG] = partial(fault_store.folder_wrong, store=store, seed=seed)
    found = [FaultOutcome(fault=fault, exempt=why) for fault, why in exempt.items()]
    with (
        _filled(server if store is not None else None),
        ThreadPoolExecutor(len(acts), thread_name_prefix="fault") as threads,
    ):
        stages = _stages(launch, plan, place, known, acts)
        found += threads.map(_played, acts, acts.values(), stages)
    return tuple(found)


@contextmanager
def _filled(server: StoreServer | None) -> Iterator[None]:
    if server is None:
        yield
        return
    try:
        server.fill()
        yield
    finally:
        with suppress(StoreError):  # a place that nobody reads is no reason to stop
            server.empty()


def _stages(
    launch: Launch,
    plan: ServePlan,
    place: Path,
    known: Sequence[Known],
    acts: Mapping[str, Callable[[Stage], FaultOutcome]],
) -> list[Stage]:
    made = []
    for fault in acts:
        folder = place / fault.replace(" ", "-")
        folder.mkdir()
        start = partial(launch, module=fault_disk.MODULE) if fault == DISK_FULL else launch
        made.append(Stage(launch=start, plan=plan, place=folder, known=known))
    return made


def _played(fault: str, act: Callable[[Stage], FaultOutcome], stage: Stage) -> FaultOutcome:
    """The outcome; a fault that could not be planned says why, and shuts the gate."""
    if not stage.known:
        return FaultOutcome(fault=fault, problem="no request has a known answer")
    try:
        return act(stage)
    except (InterlockError, OSError) as error:
        text = str(error).splitlines()
        return FaultOutcome(fault=fault, problem=f"it could not be planned: {'; '.join(text)}")
