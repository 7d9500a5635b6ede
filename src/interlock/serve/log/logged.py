"""Records of predictions and of outcomes as rows: the tables of what is shipped and queried.

>>> [table.name for table in TABLES]
['predictions', 'outcomes']
>>> PREDICTIONS.schema.names[:3]
['worker', 'segment', 'offset']
"""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from interlock.serve.log.columns import (
    Column,
    bodies,
    classes,
    counts,
    empty,
    float_at,
    float_lists,
    instants,
    ints,
    json,
    numbers,
    said,
    texts,
)
from interlock.serve.log.outcome import MARK, Outcome, read_outcome
from interlock.serve.log.record import Phases, Record, read_record
from interlock.serve.log.table import INSTANT, Table

_FACTS = (
    ("id", pa.string()),
    ("time", INSTANT),
    ("product", pa.string()),
    ("status", pa.int32()),
    ("release", pa.string()),
    ("digest", pa.string()),
    ("assigned", pa.string()),
    ("arm", pa.string()),
    ("instead", pa.string()),
    ("pinned", pa.bool_()),
    ("as_of", INSTANT),
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
)
_PHASED = tuple((f"{name}_us", pa.float64()) for name in Phases.__struct_fields__)
_OUTCOME = (
    ("prediction_id", pa.string()),
    ("name", pa.string()),
    ("value", pa.float64()),
    ("class", pa.string()),
    ("event_time", INSTANT),
    ("observed_at", INSTANT),
    ("source", pa.string()),
    ("revision", pa.int64()),
    ("time", INSTANT),
    ("product", pa.string()),
)


def entity_texts(record: Record) -> list[str]:
    """The parts of a unit's key as texts, as they are filtered and erased by."""
    return [str(part) for part in record.entity]


def _predicted(record: Record) -> dict[str, Any]:
    answered = record.status == 200
    low, high = record.interval or (None, None)
    row = {
        "id": record.id,
        "time": record.time,
        "product": record.product,
        "status": record.status,
        "release": record.label,
        "digest": record.digest,
        "assigned": record.assigned,
        "arm": record.arm,
        "instead": record.instead,
        "pinned": record.pinned,
        "as_of": record.as_of,
        "entity": entity_texts(record),
        "request": record.request.decode("utf-8", "backslashreplace"),
        "features": _json(record.features),
        "grid": _json(record.grid),
        **_number_or_class("prediction", record.prediction),
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
    }
    for name in Phases.__struct_fields__:
        row[f"{name}_us"] = getattr(record.phases, name)
    return row


def _came_about(outcome: Outcome) -> dict[str, Any]:
    return {
        "prediction_id": outcome.prediction,
        "name": outcome.name,
        **_number_or_class("value", outcome.value),
        "event_time": outcome.event_time,
        "observed_at": outcome.observed_at,
        "source": outcome.source,
        "revision": outcome.revision,
        "time": outcome.time,
        "product": outcome.product,
    }


def _number_or_class(name: str, value: float | int | str | bool | None) -> dict[str, Any]:
    """A number under that name; a class, whatever its type, is ``class``."""
    if value is None or isinstance(value, float):
        return {name: value, "class": None}
    number = float(value) if isinstance(value, int) else None
    return {name: number, "class": str(value)}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_PREDICTED: dict[str, Column] = {
    "id": texts("id"),
    "time": instants("time", INSTANT),
    "as_of": instants("as_of", INSTANT),
    "entity": said("entity"),
    "request": bodies("request"),
    "features": json("features"),
    "grid": counts("grid"),
    "prediction": numbers("prediction"),
    "class": classes("prediction"),
    "probabilities": float_lists("probabilities"),
    "low": float_at("interval", 0),
    "high": float_at("interval", 1),
    "covered": empty("not_covered", of=("status", 200)),
    "not_covered": texts("not_covered"),
    "row": ints("row", pa.int32()),
    "message": texts("message"),
    **{name: float_at("phases", place) for place, (name, _) in enumerate(_PHASED)},
}
_HAPPENED: dict[str, Column] = {
    "prediction_id": texts("prediction"),
    "name": texts("name"),
    "value": numbers("value"),
    "class": classes("value"),
    "event_time": instants("event_time", INSTANT),
    "observed_at": instants("observed_at", INSTANT),
    "source": texts("source"),
    "revision": ints("revision", pa.int64()),
    "time": instants("time", INSTANT),
}

PREDICTIONS = Table(
    name="predictions",
    facts=_FACTS + _PHASED,
    mark=MARK,
    marked=False,
    read=read_record,
    row=_predicted,
    columns=_PREDICTED,
)
OUTCOMES = Table(
    name="outcomes",
    facts=_OUTCOME,
    mark=MARK,
    marked=True,
    read=read_outcome,
    row=_came_about,
    columns=_HAPPENED,
)
TABLES: tuple[Table[Any], ...] = (PREDICTIONS, OUTCOMES)
