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
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, cast

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


class Asked(NamedTuple):
    """A server: its port, what it is asked, and its process, for its processor time."""

    port: int
    requests: Sequence[bytes]
    pid: int | None = None


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


@dataclass(kw_only=True)
class _Course:
    """A server that is asked, slice by slice, over connections that stay."""

    asked: Asked
    clients: list[_Client]
    spent: list[float]
    worked: float = 0.0  # seconds of the server's processor
    took: float = 0.0  # seconds

    @classmethod
    async def begin(cls, asked: Asked, connections: int) -> _Course:
        loop, spent, clients = asyncio.get_running_loop(), list[float](), []
        for i in range(connections):
            first = i * len(asked.requests) // connections
            _, client = await loop.create_connection(
                lambda first=first: _Client(asked.requests, first, spent), "127.0.0.1", asked.port
            )
            clients.append(client)
        return cls(asked=asked, clients=clients, spent=spent)

    async def run(self, seconds: float) -> None:
        """Ask for so long, until all that was asked is answered."""
        loop = asyncio.get_running_loop()
        worked, begun = self._processor(), perf_counter()
        for client in self.clients:
            client.done = loop.create_future()
            client.until = begun + seconds
            client.ask()
        await asyncio.gather(*(client.done for client in self.clients))
        self.took += perf_counter() - begun
        self.worked += self._processor() - worked

    def forget(self) -> None:
        """What came so far was the warm-up."""
        self.spent.clear()
        self.worked = self.took = 0.0

    def end(self) -> Load:
        for client in self.clients:
            client.close()
        self.spent.sort()
        n = len(self.spent)
        return Load(
            rate=n / self.took,
            p50=self.spent[n // 2] * 1e3,
            p99=self.spent[n * 99 // 100] * 1e3,
            processor=self.worked / n * 1e6,
        )

    def _processor(self) -> float:
        return 0.0 if self.asked.pid is None else processor_seconds(self.asked.pid)


async def _contested(
    servers: Sequence[Asked], connections: int, seconds: float, slices: int, warm_up: float
) -> list[Load]:
    courses = [await _Course.begin(one, connections) for one in servers]
    for course in courses:
        await course.run(warm_up)
        course.forget()
    for turn in range(slices):
        for course in courses if turn % 2 == 0 else reversed(courses):
            await course.run(seconds / slices)
    return [course.end() for course in courses]


def contest(
    servers: Sequence[Asked],
    *,
    connections: int,
    seconds: float,
    slices: int = 1,
    warm_up: float = 0.2,
) -> list[Load]:
    """Ask each server for so many seconds, in slices that take turns, one server at a time.

    The more slices, the more alike is what the servers see of a machine on which others work, too.
    Raises Refused for an answer that is not 200.
    """
    gc.collect()
    gc.disable()
    try:
        return uvloop.run(_contested(servers, connections, seconds, slices, warm_up))
    finally:
        gc.enable()


def load(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Ask one server for so many seconds. Raises Refused for an answer that is not 200."""
    return contest([Asked(port, requests)], connections=connections, seconds=seconds)[0]


def processor_seconds(pid: int) -> float:
    """What all threads of a process have worked so far, to the nanosecond (Linux)."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it has just ended
            spent += int((thread / "schedstat").read_text().split()[0])
    return spent / 1e9
