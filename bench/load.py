"""A loader for HTTP/1.1 on this machine: so many connections, each asks as soon as it is answered.

Raw protocols on uvloop: a request is one prepared ``bytes``, an answer is looked at no further than
its status and its length, so that one core of load is enough for one core of server. A closed loop
says how fast a server can be, and hides what waits when it stalls; it is made for comparing servers
that take turns, not for promising a latency. Pin the process that calls to a core of its own.
"""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one round gave: answers a second, milliseconds of each, and the server's processor time
    an answer in microseconds, 0 where it was not asked for."""

    rate: float
    p50: float
    p99: float
    processor: float


class Refused(Exception):  # noqa: N818 - what the server did
    """The server answered something else than 200, or nothing."""


def request(path: str, body: bytes, *, host: str = "127.0.0.1") -> bytes:
    """The bytes of a POST with a JSON body."""
    head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


class _Client(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self, requests: Sequence[bytes], first: int, spent: list[float]) -> None:
        self._requests = requests
        self._next = first
        self._spent = spent
        self._got = b""
        self._wanted = -1  # bytes of the answer, once its head is there
        self._begun = 0.0
        self._transport: asyncio.Transport
        self.until = float("inf")
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def ask(self) -> None:
        self._next = (self._next + 1) % len(self._requests)
        self._got, self._wanted = b"", -1
        self._begun = perf_counter()
        self._transport.write(self._requests[self._next])

    def data_received(self, data: bytes) -> None:
        got = self._got = self._got + data if self._got else data
        if self._wanted < 0:
            end = got.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _LENGTH.search(got)
            if got[9:12] != b"200" or length is None:
                self._fail(got)
                return
            self._wanted = end + 4 + int(length[1])
        if len(got) < self._wanted:
            return
        now = perf_counter()
        self._spent.append(now - self._begun)
        if now < self.until:
            self.ask()
        elif not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(b"the connection was closed")

    def _fail(self, what: bytes) -> None:
        if not self.done.done():
            self.done.set_exception(Refused(what[:500].decode(errors="replace")))

    def close(self) -> None:
        self._transport.close()


async def _loaded(
    port: int,
    requests: Sequence[bytes],
    connections: int,
    seconds: float,
    warm_up: float,
    processor: Callable[[], float],
) -> Load:
    loop = asyncio.get_running_loop()
    spent: list[float] = []
    clients = []
    for i in range(connections):
        first = i * len(requests) // connections
        _, client = await loop.create_connection(
            lambda first=first: _Client(requests, first, spent), "127.0.0.1", port
        )
        clients.append(client)
    for length in (warm_up, seconds):
        spent.clear()
        worked, begun = processor(), perf_counter()
        for client in clients:
            client.done = loop.create_future()
            client.until = begun + length
            client.ask()
        await asyncio.gather(*(client.done for client in clients))
        took, worked = perf_counter() - begun, processor() - worked
    for client in clients:
        client.close()
    spent.sort()
    return Load(
        rate=len(spent) / took,
        p50=spent[len(spent) // 2] * 1e3,
        p99=spent[len(spent) * 99 // 100] * 1e3,
        processor=worked / len(spent) * 1e6,
    )


def load(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    warm_up: float = 0.2,
    pid: int | None = None,
) -> Load:
    """Ask for so many seconds. Raises Refused for an answer that is not 200.

    ``pid`` is the server's process, for its processor time.
    """
    processor = (lambda: 0.0) if pid is None else lambda: processor_seconds(pid)
    gc.collect()
    gc.disable()
    try:
        return uvloop.run(_loaded(port, requests, connections, seconds, warm_up, processor))
    finally:
        gc.enable()


def processor_seconds(pid: int) -> float:
    """What all threads of a process have worked so far, to the nanosecond (Linux)."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has just ended
            spent += int((thread / "schedstat").read_text().split()[0])
    return spent / 1e9
