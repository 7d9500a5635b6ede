"""What the ledger gives back: frozen rows of plain values.

``None`` stands for what is not known yet. Instants are UTC microseconds; ``summary``, ``facts``,
``output`` and ``body`` are JSON values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

_R = TypeVar("_R")
_JSON = {"summary", "output", "facts", "body"}


def from_row(record: type[_R], row: Mapping[Any, Any]) -> _R:
    """The record of a table's row; JSON text becomes its value, other columns are left out."""
    names = record.__dataclass_fields__  # type: ignore[attr-defined]
    return record(**{k: json.loads(row[k]) if k in _JSON else row[k] for k in names})


@dataclass(frozen=True, kw_only=True)
class Head:
    """The end of the chain: the last event's sequence (0: none yet) and hash."""

    sequence: int
    hash: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What happened, before it has a place in the chain."""

    at: int
    kind: str
    subject: str
    product: str
    body: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened."""

    sequence: int
    at: int
    kind: str
    subject: str
    product: str
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class DeliveryRow:
    """One run of the whole path; ``number`` counts a product's deliveries from 1.

    ``goal`` is the environment it is for; with ``hold`` it is proven for it and what is live there
    stays; ``full`` asks for the full form of the service gate.
    """

    id: str
    product: str
    number: int
    as_of: int
    status: str
    git_commit: str
    dirty: bool
    goal: str
    started: int
    hold: bool = False
    full: bool = False
    finished: int | None = None
    bundle: str | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StageRow:
    """What a stage put out for inputs of that key."""

    key: str
    stage: str
    output: Any
    seconds: float
    at: int


@dataclass(frozen=True, kw_only=True)
class DeploymentRow:
    """What answers in an environment from ``since`` on; ``generation`` counts from 1.

    ``delivery`` is the delivery whose proofs admitted the bundle.
    """

    product: str
    environment: str
    generation: int
    bundle: str
    label: str
    previous_bundle: str | None = None
    previous_label: str | None = None
    previous_delivery: str | None = None
    act: str
    pinned: bool
    reason: str
    delivery: str
    since: int

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class RolloutRow:
    """An act on a rollout: what runs beside the champion of that ``generation`` from ``at`` on.

    ``revision`` counts the acts within the generation from 1. ``buckets`` are how many of 10,000
    are the challenger's, from 0 on; ``salt`` says which entity falls in which; ``began`` is when
    the rollout started.
    """

    product: str
    environment: str
    generation: int
    revision: int
    bundle: str
    label: str
    delivery: str
    act: str
    mode: str
    buckets: int
    salt: str
    reason: str
    began: int
    at: int

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class AttestationRow:
    """Where the signed statement about a bundle is kept: ``blob`` is the envelope's digest."""

    subject: str
    predicate_type: str
    blob: str
    at: int


@dataclass(frozen=True, kw_only=True)
class ReleaseRow:
    """A bundle's label, and the facts that the next label is derived from."""

    bundle: str
    product: str
    label: str
    delivery: str
    facts: Mapping[str, Any]
    created: int
