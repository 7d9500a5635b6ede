"""What the online store keeps on a Redis server, under which names, in which bytes.

``{interlock:prod:valuation}:VIEW:GRID`` is the hash of a table: the field ``about`` holds what it
says of itself, every other field is an entity's key and holds its values, both as msgpack arrays.
Behind each stands a CRC-32 of it and its field: what was damaged, or belongs to another entity, is
never taken for a value. Parts of a key are never run together, and keep their types: the text '1'
and the number 1 differ. ``…:VIEW:current`` names the grid point to answer from, ``…:VIEW:grids`` is
the set of those there.

>>> Names("prod:valuation").table("market", 10)
'{interlock:prod:valuation}:market:10'
>>> entity_field(("1", 11)) == entity_field(("11", 1)), entity_field((1,)) == entity_field(("1",))
(False, False)
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import msgspec

from interlock.store.names import check_name
from interlock.store.online import (
    Key,
    KeyTypes,
    Table,
    as_float,
    decoded,
    decoders,
    is_int64,
    read_table,
    table_bytes,
    types_of,
    unwritable,
)

ABOUT = b"about"  # the field of the table itself; an entity's begins with the byte of an array

_CHECKSUM = struct.Struct("<I")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Any])


class Names:
    """The names of keys. Braces keep all of one store together on a cluster."""

    def __init__(self, namespace: str) -> None:
        parts = [check_name(part, "namespace") for part in namespace.split(":")]
        self._root = "{interlock:" + ":".join(parts) + "}"

    def current(self, view: str) -> str:
        """The pointer."""
        return f"{self._root}:{check_name(view, 'view')}:current"

    def grids(self, view: str) -> str:
        """The set of grid points."""
        return f"{self._root}:{check_name(view, 'view')}:grids"

    def table(self, view: str, grid: int) -> str:
        """The hash."""
        return f"{self._root}:{check_name(view, 'view')}:{grid}"

    @property
    def every(self) -> str:
        """The pattern of all names of this store; no other's are like it."""
        return f"{self._root}:*"

    def view_of(self, name: bytes) -> str | None:
        """The view that a name is about; None for a name that is none of these."""
        parts = name.decode(errors="replace").removeprefix(f"{self._root}:").split(":")
        return parts[0] if len(parts) > 1 else None

    def partial(self, view: str, grid: int) -> str:
        """A hash that nobody else writes and nobody reads."""
        return f"{self.table(view, grid)}:partial:{secrets.token_hex(8)}"


class KnownTable:
    """What a reader keeps of a table to ask it questions."""

    def __init__(self, about: bytes) -> None:
        """Raises ValueError for bytes that are not a table's."""
        self.about = about
        self.table = read_about(about)
        self._types = KeyTypes(self.table.view, self.table.key)
        self._decoders = decoders(self.table.values)

    def field(self, key: Key) -> bytes | None:
        """The field of a key; None for one that is in no table. Raises StoreError F121."""
        stored = self._types.conformed(key)
        return None if stored is None else entity_field(stored)

    def key(self, field: bytes) -> Key:
        """The key of an entity's field. Raises ValueError, TypeError for one never written."""
        return decoded(_DECODER.decode(field), decoders(self.table.key))

    def values(self, field: bytes, data: bytes | None) -> tuple[Any, ...] | None:
        """The values in a field's entry. Raises ValueError, TypeError for one never written."""
        if data is None:
            return None
        values = _DECODER.decode(_unsealed(data, field))
        if len(values) != len(self.table.values):
            raise ValueError("an entry has another number of values than its table")
        return decoded(values, self._decoders) if self._decoders else tuple(values)


def about_bytes(table: Table) -> bytes:
    """What a table says of itself, sealed."""
    return _sealed(table_bytes(table), ABOUT)


def read_about(data: bytes) -> Table:
    """The inverse of :func:`about_bytes`. Raises ValueError for other bytes."""
    return read_table(_unsealed(data, ABOUT))


def _sealed(data: bytes, field: bytes) -> bytes:
    return data + _CHECKSUM.pack(zlib.crc32(data, zlib.crc32(field)))


def _unsealed(data: bytes, field: bytes) -> bytes:
    """What was sealed. Raises ValueError for what was not, or not under this field."""
    if not isinstance(data, bytes) or len(data) < _CHECKSUM.size:
        raise ValueError("no bytes with a checksum")
    content = data[: -_CHECKSUM.size]
    if _sealed(content, field) != data:
        raise ValueError("bytes whose checksum is another")
    return content


def entity_field(key: Sequence[Any]) -> bytes | None:
    """The field of a conformed key; None for what cannot be stored."""
    try:
        return _ENCODER.encode(tuple(key))
    except (OverflowError, UnicodeEncodeError):
        return None


class EntryEncoder:
    """Rows of a table as (field, entry)."""

    def __init__(self, table: Table) -> None:
        """Raises StoreError F121 for kinds that cannot be stored."""
        self._view = table.view
        self._n_key = len(table.key)
        self._turns = tuple(
            _TURNS[kind] for _, kind in (*table.key, *table.values) if types_of(kind)
        )

    def encoded(self, row: Sequence[Any]) -> tuple[bytes, bytes]:
        """One row. Raises StoreError F121 when it does not fit the table."""
        try:
            values = [
                None if value is None else turn(value)
                for turn, value in zip(self._turns, row, strict=True)
            ]
            key = values[: self._n_key]
            if None in key:
                raise ValueError("a part of a key is missing")
            field = _ENCODER.encode(key)
            return field, _sealed(_ENCODER.encode(values[self._n_key :]), field)
        except (TypeError, ValueError, OverflowError) as error:
            raise unwritable(self._view, str(error)) from None


def _integer(value: Any) -> int:
    if type(value) is not int or not is_int64(value):
        raise TypeError(f"not an integer of 64 bits: {value!r:.100}")
    return value


def _number(value: Any) -> float | None:
    if type(value) not in (float, int):
        raise TypeError(f"not a number: {value!r:.100}")
    return as_float(value)


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(f"not true or false: {value!r:.100}")
    return value


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"not text: {value!r:.100}")
    return value


def _day(value: Any) -> str:
    if type(value) is not date:
        raise TypeError(f"not a date: {value!r:.100}")
    return value.isoformat()


_TURNS: dict[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": _number,
    "bool": _truth,
    "str": _text,
    "category": _text,
    "date": _day,
}
