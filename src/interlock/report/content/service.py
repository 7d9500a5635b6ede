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
class LoadStep:
    """Load at one rate: requests a second offered and answered, latencies in milliseconds.

    ``late`` of ``n`` requests were later than ``limit_ms``; ``judged`` where a check asked for it.
    """

    offered: float
    answered: float
    n: int
    late: int
    limit_ms: float
    p50: float | None = None
    p99: float | None = None
    judged: bool = False
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What the service did while something around it was broken on purpose.

    ``recovered`` is in seconds; ``why`` says why it was not planned, or what was wrong.
    """

    name: str
    asked: int = 0
    answered: int = 0
    refused: int = 0
    degraded: int = 0
    wrong: int = 0
    recovered: float | None = None
    planned: bool = True
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the service gate saw; ``parts`` are the seconds that each of its parts took.

    ``starts`` are in seconds, ``memory`` is the highest seen, in megabytes; ``generated`` is how
    many requests were generated, ``generated_wrong`` those that were answered otherwise than
    documented.
    """

    parity: tuple[Parity, ...] = ()
    latency: tuple[LatencyWindow, ...] = ()
    latency_limit_ms: float | None = None
    bad_inputs: tuple[BadInput, ...] = ()
    form: str = ""
    parts: tuple[tuple[str, float], ...] = ()
    load: tuple[LoadStep, ...] = ()
    faults: tuple[Fault, ...] = ()
    starts: tuple[float, ...] = ()
    memory: float | None = None
    generated: int | None = None
    generated_wrong: tuple[str, ...] = ()
