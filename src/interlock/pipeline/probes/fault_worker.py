"""One of two workers killed under load: another takes its place, and no answer is lost or wrong."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from interlock.clock import monotonic
from interlock.gates.service.faults import WORKER_KILLED
from interlock.gates.service.stress import FaultOutcome
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.fault_disk import unlogged
from interlock.pipeline.probes.fault_stage import RECOVERY_SECONDS, Sorted, Stage
from interlock.pipeline.probes.processes import children_of
from interlock.serve.log.segment import HEADER_SIZE, list_segments

_WORKERS = 2
_USERS = 4
_ASKED_FIRST = 40  # requests before a worker is killed, and after another has taken its place
_PER_CONNECTION = 10
_PAUSE_SECONDS = 0.02


def worker_killed(stage: Stage) -> FaultOutcome:
    """SIGKILL to one of two workers, while several users ask on new connections now and then.

    The service is right again when the worker that takes the other's place has answered.
    """
    log = stage.place / "log"
    plan = structs.replace(stage.plan, log=str(log), workers=_WORKERS)
    with stage.launch(plan) as service:
        before = children_of(service.pid)
        users = _Users(service.url, stage)
        try:
            ready = users.reach(_ASKED_FIRST) and _wait(lambda: len(_begun(log)) >= _WORKERS)
            problem = "" if ready else "the service answered too few requests"
            if len(before) < _WORKERS:
                problem = "the service's workers could not be found"
            begun, segments = monotonic(), _begun(log)
            if not problem:
                os.kill(before[-1], signal.SIGKILL)
            recovered = None
            if not problem and _wait(lambda: bool(_begun(log) - segments)):
                recovered = monotonic() - begun
            users.reach(users.asked + _ASKED_FIRST)
        finally:
            found = users.stop()
    found.wrong += unlogged(found.ids, log)
    return found.outcome(WORKER_KILLED, recovered, problem, noticed=True)


def _begun(log: Path) -> set[str]:
    """The segments that hold a record: each was begun by a worker that has answered."""
    return {s.path.name for s in list_segments(log) if s.path.stat().st_size > HEADER_SIZE}


def _wait(condition: Callable[[], bool]) -> bool:
    begun = monotonic()
    while monotonic() - begun < RECOVERY_SECONDS:
        if condition():
            return True
        time.sleep(_PAUSE_SECONDS)
    return False


class _Users:
    """Threads that ask until they are told to stop, each sorting its own answers."""

    def __init__(self, url: str, stage: Stage) -> None:
        self._url, self._known = url, stage.known
        self._over = threading.Event()
        self._found = [Sorted(refusals=(), may_lose=True) for _ in range(_USERS)]
        self._threads = [threading.Thread(target=self._ask, args=(one,)) for one in self._found]
        for thread in self._threads:
            thread.start()

    @property
    def asked(self) -> int:
        """Requests so far."""
        return sum(one.asked for one in self._found)

    def reach(self, asked: int) -> bool:
        """Wait until so many requests were sent."""
        return _wait(lambda: self.asked >= asked)

    def stop(self) -> Sorted:
        """End all; what they found together."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return Sorted(
            refusals=(),
            asked=self.asked,
            answered=sum(one.answered for one in self._found),
            refused=sum(one.refused for one in self._found),
            wrong=[text for one in self._found for text in one.wrong],
            ids=[given for one in self._found for given in one.ids],
        )

    def _ask(self, found: Sorted) -> None:
        while not self._over.is_set():
            with Client(self._url) as client:
                for _ in range(_PER_CONNECTION):
                    if self._over.is_set():
                        return
                    found.ask(client, self._known[found.asked % len(self._known)])
