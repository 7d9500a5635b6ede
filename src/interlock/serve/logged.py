"""Records of the prediction log as Arrow rows: the one schema of what is shipped and queried.

``worker``, ``segment`` and ``offset`` identify a row for ever. ``record`` holds the record's own
bytes, so that shipping loses nothing; the other columns are made of it. Instants are UTC.

>>> SCHEMA.names[:3]
['worker', 'segment', 'offset']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import pyarrow as pa

from interlock.errors import IntegrityError
from interlock.serve.record import Phases, Record, read_record
from interlock.serve.segment import Record as Entry

BATCH_ROWS = 4_096
_INSTANT = pa.timestamp("us", tz="UTC")
_KEYS = [("worker", pa.string()), ("segment", pa.int64()), ("offset", pa.int64())]
_FACTS = [
    ("sequence", pa.int64()),
    ("id", pa.string()),
    ("time", _INSTANT),
    ("product", pa.string()),
    ("status", pa.int32()),
    ("release", pa.string()),
    ("digest", pa.string()),
    ("assigned", pa.string()),
    ("arm", pa.string()),
    ("as_of", _INSTANT),
    ("entity", pa.list_(pa.string())),
    ("request", pa.string()),
    ("features", pa.string()),
    ("grid", pa.string()),
    ("prediction", pa.float64()),
    ("class", pa.string()),
    ("probabilities", pa.list_(pa.float64())),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("covered", pa.bool_()),
    ("not_covered", pa.string()),
    ("explanation", pa.string()),
    ("degraded", pa.bool_()),
    ("replay", pa.bool_()),
    ("row", pa.int32()),
    ("error", pa.string()),
    ("message", pa.string()),
]
_PHASES = [(f"{name}_us", pa.float64()) for name in Phases.__struct_fields__]
SCHEMA = pa.schema([*_KEYS, *_FACTS, *_PHASES, ("record", pa.binary())])


@dataclass(frozen=True, kw_only=True, order=True)
class Place:
    """Where a record was logged; with an offset in it, the record's identity."""

    worker: str
    segment: int


def place_of(entry: Entry) -> Place:
    """The segment that holds it."""
    return Place(worker=entry.worker, segment=entry.segment)


def batches(entries: Iterable[Entry]) -> Iterator[pa.RecordBatch]:
    """The entries as rows of :data:`SCHEMA`, some thousand at a time.

    Raises IntegrityError S180 for a record that is none of the service's.
    """
    rest = iter(entries)
    while rows := [_row(entry) for entry in islice(rest, BATCH_ROWS)]:
        yield pa.RecordBatch.from_pylist(rows, schema=SCHEMA)


def table(entries: Iterable[Entry]) -> pa.Table:
    """All of them at once."""
    return pa.Table.from_batches(list(batches(entries)), schema=SCHEMA)


def record_of(entry: Entry) -> Record:
    """The record inside. Raises IntegrityError S180."""
    try:
        return read_record(entry.payload)
    except msgspec.DecodeError as error:
        raise IntegrityError(
            "S180",
            "a logged record cannot be read",
            where=f"{entry.worker}-{entry.segment:08d}.log, byte {entry.offset}",
            expected="a record as the service writes it",
            got=str(error),
            fix="read the log with the version of Interlock that wrote it",
            untouched="the log",
        ) from None


def entity_texts(record: Record) -> list[str]:
    """The parts of a unit's key as texts, as they are filtered and erased by."""
    return [str(part) for part in record.entity]


def _row(entry: Entry) -> dict[str, Any]:
    record = record_of(entry)
    answered = record.status == 200
    low, high = record.interval or (None, None)
    row = {
        "worker": entry.worker,
        "segment": entry.segment,
        "offset": entry.offset,
        "sequence": entry.sequence,
        "id": record.id,
        "time": record.time,
        "product": record.product,
        "status": record.status,
        "release": record.label,
        "digest": record.digest,
        "assigned": record.assigned,
        "arm": record.arm,
        "as_of": record.as_of,
        "entity": entity_texts(record),
        "request": record.request.decode("utf-8", "backslashreplace"),
        "features": _json(record.features),
        "grid": _json(record.grid),
        **_predicted(record.prediction),
        "probabilities": record.probabilities,
        "low": low,
        "high": high,
        "covered": not record.not_covered if answered else None,
        "not_covered": record.not_covered,
        "explanation": None if record.explanation is None else _json(record.explanation),
        "degraded": record.degraded,
        "replay": record.replay,
        "row": record.row,
        "error": record.error,
        "message": record.message,
        "record": entry.payload,
    }
    for name in Phases.__struct_fields__:
        row[f"{name}_us"] = getattr(record.phases, name)
    return row


def _predicted(prediction: float | int | str | bool | None) -> dict[str, Any]:
    """A number is ``prediction``; a class, whatever its type, is ``class``."""
    if prediction is None or isinstance(prediction, float):
        return {"prediction": prediction, "class": None}
    number = float(prediction) if isinstance(prediction, int) else None
    return {"prediction": number, "class": str(prediction)}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
