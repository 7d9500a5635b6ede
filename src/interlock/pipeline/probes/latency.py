"""How long the service takes: one connection, one request at a time, in windows.

Windows show the machine's noise: where their figures differ much, a limit near them cannot be
judged. The client is a bare socket, so that little of what is measured is its own.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.clock import monotonic
from interlock.errors import BlockedError
from interlock.pipeline.probes.client import PREDICT, request_bytes

WINDOWS = 10
WINDOW_REQUESTS = 150
BUDGET_SECONDS = 3.0
_WARM_UP = 100  # requests


@dataclass(frozen=True, kw_only=True)
class Window:
    """One window's requests, in seconds."""

    n: int
    p50: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class Latency:
    """All windows; ``samples`` has each window's durations in seconds, in order."""

    windows: tuple[Window, ...]
    samples: tuple[tuple[float, ...], ...]
    connection: str = "one connection, one request at a time"

    @property
    def p50(self) -> float:
        """The median of the windows' medians, in seconds; NaN without windows."""
        return _quantile(sorted(w.p50 for w in self.windows), 0.5)

    @property
    def p99(self) -> float:
        """The median of the windows' 99th percentiles, in seconds; NaN without windows."""
        return _quantile(sorted(w.p99 for w in self.windows), 0.5)

    @property
    def noise(self) -> float:
        """Highest over lowest 99th percentile of the windows; 1 is a quiet machine."""
        found = [w.p99 for w in self.windows]
        return max(found) / min(found) if found else math.nan


def measure_latency(
    host: str,
    port: int,
    requests: Sequence[Mapping[str, Any]],
    *,
    windows: int = WINDOWS,
    window_requests: int = WINDOW_REQUESTS,
    budget_seconds: float = BUDGET_SECONDS,
) -> Latency:
    """Time requests one after the other, in rotation; whole windows only.

    Raises BlockedError V151 when an answer is not 200, or none comes.
    """
    prepared = [_request(host, port, request_bytes(request)) for request in requests]
    samples: list[tuple[float, ...]] = []
    try:
        with socket.create_connection((host, port), timeout=budget_seconds) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end = monotonic() + budget_seconds
            for turn in range(_WARM_UP):
                _exchange(connection, prepared[turn % len(prepared)])
            for window in range(windows):
                offset = window * window_requests
                samples.append(
                    tuple(
                        _exchange(connection, prepared[(offset + turn) % len(prepared)])
                        for turn in range(window_requests)
                    )
                )
                if monotonic() > end:
                    break
    except OSError as error:
        raise _unmeasurable(f"{type(error).__name__}: {error}") from None
    return Latency(windows=tuple(map(_window, samples)), samples=tuple(samples))


def _window(durations: Sequence[float]) -> Window:
    ordered = sorted(durations)
    return Window(n=len(ordered), p50=_quantile(ordered, 0.5), p99=_quantile(ordered, 0.99))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of an ordered sample."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _request(host: str, port: int, body: bytes) -> bytes:
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _exchange(connection: socket.socket, request: bytes) -> float:
    """Send one request and read its whole answer; the seconds between."""
    begun = monotonic()
    connection.sendall(request)
    data = b""
    while (stop := _end(data)) is None or len(data) < stop:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionResetError("the service closed the connection")
        data += received
    taken = monotonic() - begun
    if not data.startswith(b"HTTP/1.1 200"):
        raise _unmeasurable(data[:200].decode(errors="replace"))
    return taken


def _end(data: bytes) -> int | None:
    """Where the answer ends; None until its head is there."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    for line in data[:head].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return head + 4 + int(value)
    raise ConnectionError("the answer has no length")


def _unmeasurable(got: str) -> BlockedError:
    return BlockedError(
        "V151",
        "the latency of the service cannot be measured",
        expected="an answer with status 200 to every request",
        got=got,
        fix="see the service's own output; a release that does not answer is not released",
    )
