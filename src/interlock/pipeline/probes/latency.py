"""How long the service takes: one connection, one request at a time, in windows.

Windows show the machine's noise: where their figures differ much, a limit near them cannot be
judged. The client is a bare socket, so that little of what is measured is its own.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from interlock.clock import monotonic
from interlock.gates.service.latency import FEWEST_WINDOWS
from interlock.gates.service.measurement import LatencyWindow
from interlock.pipeline.probes.client import raw_request, request_bytes

WINDOWS = 10
WINDOW_REQUESTS = 150
BUDGET_SECONDS = 3.0
_PATIENCE = 3  # times the budget: on a busy machine, until there are enough windows to judge by
_WARM_UP = 100  # requests


@dataclass(frozen=True, kw_only=True)
class Latency:
    """The windows measured; when ``unanswered`` is 1 the service failed to answer and they ended.

    ``problem`` says how.
    """

    windows: tuple[LatencyWindow, ...]
    unanswered: int = 0
    problem: str = ""


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

    The budget ends it once there are windows enough for a verdict, and three times the budget in
    any case.
    """
    prepared = cycle([raw_request(host, port, request_bytes(request)) for request in requests])
    measured: list[LatencyWindow] = []
    try:
        with socket.create_connection((host, port), timeout=budget_seconds) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in islice(prepared, _WARM_UP):
                _exchange(connection, request)
            begun = monotonic()
            for _ in range(windows):
                turn = islice(prepared, window_requests)
                measured.append(LatencyWindow.of([_exchange(connection, r) for r in turn]))
                enough = len(measured) >= FEWEST_WINDOWS
                if monotonic() - begun > budget_seconds * (1 if enough else _PATIENCE):
                    break
    except OSError as error:
        return Latency(windows=(), unanswered=1, problem=f"{type(error).__name__}: {error}")
    return Latency(windows=tuple(measured))


def _exchange(connection: socket.socket, request: bytes) -> float:
    """Send one request and read its whole answer; the seconds between."""
    begun = monotonic()
    connection.sendall(request)
    data = b""
    while (stop := end_of(data)) is None or len(data) < stop:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionResetError("the service closed the connection")
        data += received
    taken = monotonic() - begun
    if not data.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(data[:200].decode(errors="replace"))
    return taken


def end_of(data: bytes) -> int | None:
    """Where the answer ends; None until its head is there. Raises ConnectionError."""
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return None
    for line in data[:head].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return head + 4 + int(value)
    raise ConnectionError("the answer has no length")
