"""What the service gate saw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Parity:
    """One comparison of the packaged release with what was trained.

    ``worst`` is the largest relative difference seen, ``tolerance`` the largest allowed.
    """

    name: str
    compared: int
    different: int
    worst: float | None = None
    tolerance: float | None = None
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class LatencyWindow:
    """Latencies in milliseconds within one window of the measurement."""

    label: str
    n: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """A request that must be refused, and what the service did."""

    name: str
    expected: str
    got: str
    refused: bool


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the service gate saw."""

    parity: tuple[Parity, ...] = ()
    latency: tuple[LatencyWindow, ...] = ()
    latency_limit_ms: float | None = None
    bad_inputs: tuple[BadInput, ...] = ()
