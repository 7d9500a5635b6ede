"""Request bytes to values, and every mistake in them.

Two paths with one meaning. The fast path decodes into a struct generated from the schema and is
taken by every request that is right. When it refuses, the slow path
(:mod:`interlock.serve.loaded.audit`) reads the same bytes leniently and lists all mistakes. A
duplicate key, which a struct would swallow, is found by counting colons: as many as distinct fields
means that none came twice.

Invariant: the fast path accepts exactly the bodies in which the slow path finds no mistake.

>>> from interlock.data.request import Field, RequestSchema
>>> schema = RequestSchema(name="House", fields=(Field(name="area", kind="int", gt=0),))
>>> RequestDecoder(schema).decode(b'{"area": 120}').rows
((120,),)
"""

from __future__ import annotations

import math
from datetime import MAXYEAR, MINYEAR, date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from interlock.data.request import Field, RequestSchema
from interlock.data.rule import EXACT_INT
from interlock.serve.errors import InvalidRequest, ServiceError
from interlock.serve.loaded.audit import MAX_TEXT, audit, has_duplicate_keys

_PYTHON_TYPES: dict[str, Any] = {
    "float": float,
    "str": Annotated[str, msgspec.Meta(max_length=MAX_TEXT)],
    "bool": bool,
    "date": date,
    "datetime": Annotated[datetime, msgspec.Meta(tz=True)],
    "scalar": float | bool | Annotated[str, msgspec.Meta(max_length=MAX_TEXT)],
}
_FAST_REFUSALS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Decoded(msgspec.Struct, frozen=True, gc=False):
    """Rows of values in the schema's order; ``is_list`` when the body was a list."""

    rows: tuple[tuple[Any, ...], ...]
    is_list: bool


class RequestDecoder:
    """Decodes bodies that fit one schema."""

    def __init__(self, schema: RequestSchema, *, max_rows: int = 1_000) -> None:
        self._schema = schema
        self._max_rows = max_rows
        struct = request_struct(schema)
        self._one = msgspec.json.Decoder(struct)
        self._many = msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]
        self._width = len(schema.fields)
        self._optional = tuple(i for i, f in enumerate(schema.fields) if f.optional)
        self._datetimes = tuple(i for i, f in enumerate(schema.fields) if f.kind == "datetime")
        dates = tuple(i for i, f in enumerate(schema.fields) if f.kind == "date" and f.zone)
        self._moments = self._datetimes + dates

    def decode(self, body: bytes) -> Decoded:
        """One object, or a list of at least one.

        Raises ServiceError S111 (not JSON), S113 (too many rows), InvalidRequest (S110).
        """
        is_list = body[:1] != b"{" and body.lstrip(b" \t\r\n")[:1] == b"["
        try:
            if is_list:
                rows = tuple(map(astuple, self._many.decode(body)))
            else:
                rows = (astuple(self._one.decode(body)),)
        except _FAST_REFUSALS:
            self._explain(body)
            raise ServiceError("S111", "the body is not JSON") from None
        if not 0 < len(rows) <= self._max_rows:
            self._explain(body)
        absent = sum([row[i] is UNSET for row in rows for i in self._optional])
        if not self._surely_unique(body, rows, absent) and has_duplicate_keys(body):
            self._explain(body)
        if self._moments and self._may_leave_calendar(rows):
            self._explain(body)
        return Decoded(tuple(map(without_unset, rows)) if absent else rows, is_list)

    def _surely_unique(self, body: bytes, rows: tuple[tuple[Any, ...], ...], absent: int) -> bool:
        """Whether the body has so few colons that no key can have come twice.

        A key needs one colon, and a moment such as 2024-05-01T12:00:00Z at least two.
        """
        expected = len(rows) * self._width - absent
        if self._datetimes and b"\\" not in body:  # an escape could hide a colon
            expected += 2 * sum(
                isinstance(row[i], datetime) for i in self._datetimes for row in rows
            )
        return body.count(b":") <= expected

    def _may_leave_calendar(self, rows: tuple[tuple[Any, ...], ...]) -> bool:
        """Whether a moment's year may be another in UTC than those that a calendar has."""
        for row in rows:
            for i in self._moments:
                moment = row[i]
                if isinstance(moment, date) and not MINYEAR < moment.year < MAXYEAR:
                    return True
        return False

    def _explain(self, body: bytes) -> None:
        mistakes, more = audit(body, self._schema, max_rows=self._max_rows)
        if mistakes:
            raise InvalidRequest(mistakes, more)


def without_unset(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same values, None for what was left out."""
    if UNSET in row:
        return tuple(None if value is UNSET else value for value in row)
    return row


def request_struct(schema: RequestSchema, *, strict: bool = True) -> type[msgspec.Struct]:
    """The struct that accepts exactly this schema's objects.

    Unknown fields are refused, or passed over where it is not ``strict``.
    """
    fields: list[Any] = []
    for field in schema.fields:
        kind = _field_type(field)
        if field.optional:
            fields.append((field.name, kind | None | UnsetType, UNSET))
        else:
            fields.append((field.name, kind))
    return msgspec.defstruct(
        schema.name, fields, kw_only=True, frozen=True, gc=False, forbid_unknown_fields=strict
    )


def _field_type(field: Field) -> Any:
    if field.kind == "category":
        return Literal[field.categories]
    if field.kind == "int":
        low, high = integer_range(field)
        return Annotated[int, msgspec.Meta(ge=low, le=high)]
    if field.kind == "float":
        bounds: dict[str, Any] = {"ge": field.ge, "gt": field.gt, "le": field.le, "lt": field.lt}
        return Annotated[float, msgspec.Meta(**{k: v for k, v in bounds.items() if v is not None})]
    return _PYTHON_TYPES[field.kind]


def integer_range(field: Field) -> tuple[int, int]:
    """The least and greatest integer the field admits; a double holds them all exactly."""
    low, high = -EXACT_INT, EXACT_INT
    if field.ge is not None:
        low = max(low, math.ceil(field.ge))
    if field.gt is not None:
        low = max(low, math.floor(field.gt) + 1)
    if field.le is not None:
        high = min(high, math.floor(field.le))
    if field.lt is not None:
        high = min(high, math.ceil(field.lt) - 1)
    return low, high
