"""The records of rows that one release answers, as :mod:`interlock.serve.log.record` reads them.

What they all share is encoded once; of each row only what is its own. Invariant: the bytes read
back as the :class:`~interlock.serve.log.record.Record` of the same fields.

>>> from interlock.serve.log.record import Phases, read_record
>>> records = RowRecords(Record(id="", time=0, product="p", status=200), ["area"], ["rooms"])
>>> made = records.encoded(RowRecord("a", 1, 1, (7,), b"{}", {}, {}, 2.5, Phases()))
>>> read_record(made) == Record(
...     id="a", time=1, product="p", status=200, as_of=1, entity=(7,), request=b"{}",
...     prediction=2.5)
True
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from interlock.serve.explanation import Explanation
from interlock.serve.log.record import Phases, Record

_ENCODER = msgspec.msgpack.Encoder()
_JSON = msgspec.json.Encoder()
_FEW = 15  # entries of a map whose number stands in its first byte


class RowRecord(msgspec.Struct, omit_defaults=True, gc=False):
    """What is a row's own, as in :class:`~interlock.serve.log.record.Record`."""

    id: str
    time: int
    as_of: int
    entity: tuple[Any, ...]
    request: bytes
    features: Any
    grid: dict[str, int]
    prediction: float | int | str | bool | None
    phases: Phases
    probabilities: tuple[float, ...] | None = None
    interval: tuple[float, float] | None = None
    not_covered: str = ""
    explanation: Explanation | None = None
    degraded: bool = False
    row: int | None = None


class RowRecords:
    """Encodes the records of rows with these request ``fields`` and feature ``names``."""

    def __init__(self, shared: Record, fields: Sequence[str], names: Sequence[str]) -> None:
        """``shared`` has the fields that all records have in common; its id and time are not."""
        common = msgspec.to_builtins(shared)
        del common["id"], common["time"]
        encoded = _ENCODER.encode(common)[1:]
        self._starts = tuple(_map_of(len(common) + own) + encoded for own in range(_FEW + 1))
        self._request = _mapping("Request", fields)
        self._features = _mapping("Features", names)

    def request(self, values: tuple[Any, ...]) -> bytes:
        """A row's request fields as JSON that the service itself would accept."""
        return _JSON.encode(self._request(*values))

    def features(self, values: tuple[Any, ...]) -> Any:
        """A row's features and aggregates by name, for :class:`RowRecord`."""
        return self._features(*values)

    def encoded(self, row: RowRecord) -> bytes:
        """The record as the log holds it."""
        own = _ENCODER.encode(row)
        return self._starts[own[0] & _FEW] + own[1:]


def _map_of(entries: int) -> bytes:
    """How a map of so many entries begins (MessagePack, map 16)."""
    return b"\xde" + entries.to_bytes(2, "big")


def _mapping(name: str, keys: Sequence[str]) -> Callable[..., msgspec.Struct]:
    """A struct that is encoded as a map with these keys, whatever they are."""
    places = {f"v{place}": key for place, key in enumerate(keys)}
    fields = [(place, Any) for place in places]
    return msgspec.defstruct(name, fields, rename=places, gc=False)
