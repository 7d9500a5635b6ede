"""Load on the service, open-loop: requests are due at fixed moments, whatever the service does.

So many connections are kept alive; a request that finds none free waits, and its time goes on. A
duration counts from the moment at which its request was due. The generator's own clock ticks in
milliseconds, and adds up to one to each. Checks name the rates that are judged; half of the highest
is measured besides, and doublings of it until the service no longer keeps up, for the picture.
"""

from __future__ import annotations

import asyncio
import statistics
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import uvloop

from interlock.clock import monotonic
from interlock.gates.service.load import FEWEST_REQUESTS, HIGHEST_RATE
from interlock.gates.service.measurement import LatencyWindow
from interlock.gates.service.stress import LoadStep, LoadWindow
from interlock.pipeline.probes.client import raw_request, request_bytes
from interlock.pipeline.probes.latency import end_of
from interlock.wording import counted

CONNECTIONS = 32  # users at once
_SHORTEST_SECONDS = 4.0  # of a step that is judged
_MARGIN = 4 / 3  # more requests than are needed
_SHOWN_SECONDS = 1.0  # of a step that is only shown
_GRACE_SECONDS = 1.0  # for what is under way when the last request was due
_WARM_UP_SECONDS = 0.3
_WINDOWS = 12
_KEEPS_UP = 0.95  # of what is offered


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Load that a check asks about."""

    rate: float  # requests a second
    limit_seconds: float


def measure_load(
    host: str,
    port: int,
    requests: Sequence[Mapping[str, Any]],
    wanted: Sequence[Wanted],
    *,
    connections: int = CONNECTIONS,
    judged_seconds: float = _SHORTEST_SECONDS,
    shown_seconds: float = _SHOWN_SECONDS,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[LoadStep, ...]:
    """The steps in ascending order of their rates: those asked about, and those only shown.

    Where ``stop`` says so nothing more is sent, and counts as unanswered.
    """
    prepared = [raw_request(host, port, request_bytes(request)) for request in requests]
    if not prepared or not wanted:
        return ()
    highest = max(wanted, key=lambda one: one.rate)

    async def steps() -> list[LoadStep]:
        crowd = _Crowd(host, port, cycle(prepared), connections, stop)
        await crowd.step(highest.rate, _WARM_UP_SECONDS, highest.limit_seconds, judged=False)
        half, limit = highest.rate / 2, highest.limit_seconds
        made = [await crowd.step(half, shown_seconds, limit, judged=False)]
        for one in sorted(wanted, key=lambda one: one.rate):
            seconds = max(judged_seconds, _MARGIN * FEWEST_REQUESTS / one.rate)
            made.append(await crowd.step(one.rate, seconds, one.limit_seconds, judged=True))
        rate = highest.rate * 2
        while rate <= HIGHEST_RATE and _keeps_up(made[-1]) and not stop():
            made.append(await crowd.step(rate, shown_seconds, limit, judged=False))
            rate *= 2
        crowd.close()
        return made

    return tuple(sorted(uvloop.run(steps()), key=lambda step: step.offered))


def _keeps_up(step: LoadStep) -> bool:
    late = sum(window.late for window in step.windows)
    n = sum(window.n for window in step.windows)
    return late <= n // 100 and step.answered >= _KEEPS_UP * step.offered


class _Crowd:
    """Users who ask at fixed moments, and share so many connections."""

    def __init__(
        self,
        host: str,
        port: int,
        prepared: Iterator[bytes],
        connections: int,
        stop: Callable[[], bool],
    ) -> None:
        self._host, self._port, self._stop = host, port, stop
        self._prepared = prepared
        self._wanted = connections
        self._opened: set[_Connection] = set()
        self._free: list[_Connection] = []
        self._waiting: deque[int] = deque()
        self._due: list[float] = []
        self._taken: list[float | None] = []
        self._left = 0
        self._done = asyncio.Event()
        self._problem = ""

    async def step(self, rate: float, seconds: float, limit: float, *, judged: bool) -> LoadStep:
        """One stretch of load, begun with connections that are there."""
        await self._connect()
        n = max(1, round(rate * seconds))
        begin = monotonic() + 0.01
        self._due = [begin + place / rate for place in range(n)]
        self._taken, self._left, self._problem = [None] * n, n, ""
        self._waiting.clear()
        self._done.clear()
        behind = 0.0
        for place in range(n):
            await asyncio.sleep(max(0.0, self._due[place] - monotonic()))
            if self._stop():
                break
            behind = max(behind, monotonic() - self._due[place])
            self._waiting.append(place)
            self._send()
        last = monotonic()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._done.wait()
        except TimeoutError:
            self._problem = self._problem or (
                f"{counted(self._left, 'request was', 'requests were')} not answered in time"
            )
        ended = max(monotonic() - begin, last - begin, n / rate)
        return self._told(rate, seconds, limit, ended, behind, judged=judged)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._opened:
            connection.close()

    async def _connect(self) -> None:
        """As many free connections as are wanted; one that is still busy is dropped."""
        for connection in [c for c in self._opened if c.place is not None]:
            self._opened.discard(connection)
            connection.drop()
        self._free = [c for c in self._opened if c.alive]
        loop = asyncio.get_running_loop()
        try:
            while len(self._free) < self._wanted:
                make = loop.create_connection(lambda: _Connection(self), self._host, self._port)
                _, connection = await asyncio.wait_for(make, _GRACE_SECONDS)
                self._opened.add(connection)
                self._free.append(connection)
        except (OSError, TimeoutError) as error:
            self._problem = f"no connection: {error}"

    def _send(self) -> None:
        while self._waiting and self._free:
            self._free.pop().ask(self._waiting.popleft(), next(self._prepared))

    def answered(self, connection: _Connection, place: int, *, rightly: bool, said: str) -> None:
        """A request of this step was answered, or its connection was lost."""
        if rightly:
            self._taken[place] = monotonic() - self._due[place]
        else:
            self._problem = self._problem or said
        self._left -= 1
        if self._left == 0:
            self._done.set()
        if connection.alive:
            self._free.append(connection)
        self._send()

    def _told(
        self,
        rate: float,
        seconds: float,
        limit: float,
        ended: float,
        behind: float,
        *,
        judged: bool,
    ) -> LoadStep:
        taken = [t for t in self._taken if t is not None]
        whole = LatencyWindow.of(taken) if taken else None
        size = -(-len(self._taken) // _WINDOWS)
        parts = [self._taken[start : start + size] for start in range(0, len(self._taken), size)]
        return LoadStep(
            offered=rate,
            seconds=seconds,
            connections=self._wanted,
            limit_seconds=limit,
            answered=len(taken) / ended,
            windows=tuple(LoadWindow.of(part, limit_seconds=limit) for part in parts),
            p50_seconds=statistics.median(taken) if taken else None,
            p99_seconds=whole.p99_seconds if whole else None,
            behind_seconds=behind,
            judged=judged,
            problem=self._problem,
        )


class _Connection(asyncio.Protocol):
    """One connection; it carries one request at a time, whose ``place`` in the step it knows."""

    def __init__(self, crowd: _Crowd) -> None:
        self._crowd = crowd
        self._transport: Any = None
        self._data = b""
        self.place: int | None = None
        self.alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        self._transport, self.alive = transport, True

    def ask(self, place: int, request: bytes) -> None:
        """Send one request."""
        self.place, self._data = place, b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._data += data
        try:
            end = end_of(self._data)
        except (ConnectionError, ValueError):
            self._transport.abort()
            return
        if end is not None and len(self._data) >= end:
            rightly = self._data.startswith(b"HTTP/1.1 200")
            self._end(rightly=rightly, said=self._data[:120].decode(errors="replace"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and what was asked on it is not answered."""
        self.alive = False
        self._end(rightly=False, said="a connection was closed without an answer")

    def drop(self) -> None:
        """Give up what it carries: it belongs to a step that is over."""
        self.place = None
        self._transport.abort()

    def close(self) -> None:
        """Close it."""
        self.place = None
        self._transport.close()

    def _end(self, *, rightly: bool, said: str) -> None:
        place, self.place = self.place, None
        if place is not None:
            self._crowd.answered(self, place, rightly=rightly, said=said)
