"""What the prediction log holds: one record for each answered row, one for each refused request.

Records are msgpack maps, so a reader needs nothing but this module. ``request`` holds the row as
JSON that the service itself would accept, so a record can be replayed as it is: the very bytes that
came, or, of a list or a long request, its fields in short.

>>> record = Record(id="a", time=1, product="valuation", status=200, request=b'{"area":120}')
>>> read_record(record_bytes(record)) == record
True
"""

from __future__ import annotations

from typing import Any

import msgspec

from interlock.serve.explanation import Explanation

MAX_KEPT = 4_096  # bytes of a refused body


class Phases(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Microseconds spent on a request; a list's rows share the figures of the list."""

    decode: float = 0.0
    features: float = 0.0
    history: float = 0.0
    encode: float = 0.0
    score: float = 0.0
    answer: float = 0.0
    explain: float = 0.0


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One answered row (status 200), or one refused request (any other status).

    A refused request that told outcomes is one of no arm: nobody was asked to predict.

    ``time`` and ``as_of`` are instants (µs UTC): when it was asked, and what moment it was about.
    ``entity`` is the unit's key, ``grid`` the grid point of each history, ``prediction`` the
    number or class answered, ``interval`` (low, high), ``row`` the place in a list.
    ``not_covered`` says why the release does not answer for the row, "" where it does; such a row
    has no prediction, unless the product asks for estimates. ``explanation`` is what was told of
    the answer, where that was asked for.
    ``assigned`` is the arm the traffic split chose, ``arm`` the one that answered; ``instead`` is
    the code of what kept the challenger from answering where the champion did so in its place.
    ``pinned``: the caller chose the arm, so the row says nothing about the split. ``shadows`` names
    the record (worker, segment, offset) of which this is the challenger's answer in shadow.
    """

    id: str
    time: int
    product: str
    status: int
    digest: str = ""
    label: str = ""
    assigned: str = "champion"
    arm: str = "champion"
    instead: str = ""
    pinned: bool = False
    shadows: tuple[str, int, int] | None = None
    as_of: int | None = None
    entity: tuple[Any, ...] = ()
    request: bytes = b""
    features: dict[str, Any] = {}
    grid: dict[str, int] = {}
    prediction: float | int | str | bool | None = None
    probabilities: tuple[float, ...] | None = None
    interval: tuple[float, float] | None = None
    not_covered: str = ""
    explanation: Explanation | None = None
    degraded: bool = False
    replay: bool = False
    row: int | None = None
    error: str = ""
    message: str = ""
    phases: Phases = Phases()

    @property
    def told_outcomes(self) -> bool:
        """Whether it is the refusal of outcomes."""
        return self.status != 200 and not self.arm


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Record)


def record_bytes(record: Record) -> bytes:
    """The record as the log holds it."""
    return _ENCODER.encode(record)


def read_record(payload: bytes) -> Record:
    """The inverse of :func:`record_bytes`. Raises msgspec.DecodeError for other bytes."""
    return _DECODER.decode(payload)
