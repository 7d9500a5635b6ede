"""One table of the online store as an immutable SQLite file: a view at one grid point.

Invariant: a file that is damaged, or that is gone, is unavailable. SQLite itself keeps no
checksums: a flipped bit would be another value, or an entity that is not there. So the checksum of
the whole file stands in its header, in the four bytes of ``user_version``, and is compared when
the file is opened.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from interlock.store.online import (
    Found,
    Key,
    KeyTypes,
    Table,
    Unavailable,
    decoded,
    decoders,
    read_table,
    table_bytes,
    types_of,
    unwritable,
)

_MMAP = 1 << 28  # bytes of a file mapped into memory
_REMEMBERED = 1 << 14  # look-ups that an open table remembers, for it never changes

_CHECKSUM = struct.Struct(">I")
_CHECKSUM_PLACE = 60  # bytes from the start: SQLite's own file format, section 1.3
_SQL_TYPES = {
    "int": "INTEGER",
    "float": "REAL",
    "bool": "INTEGER",
    "str": "TEXT",
    "category": "TEXT",
    "date": "TEXT",
}


class SqliteTable:
    """One open file."""

    def __init__(self, path: Path) -> None:
        """Open the file read-only. Raises Unavailable F120."""
        self._path = path
        _require_whole(path)
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
            )
            self._connection.execute(f"PRAGMA mmap_size = {_MMAP}")
            about = self._connection.execute("SELECT about FROM meta").fetchone()[0]
            self.about = read_table(about)
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise unavailable(path, str(error)) from None
        self._types = KeyTypes(self.about.view, self.about.key)
        self._exact = self._types.exact
        self._decoders = decoders(self.about.values)
        chosen = ", ".join(f"v{i}" for i in range(len(self.about.values))) or "1"
        wanted = " AND ".join(f"k{i} = ?" for i in range(len(self.about.key)))
        self._query = f"SELECT {chosen} FROM entries WHERE {wanted}"  # noqa: S608
        self._cursor = self._connection.cursor()
        self._remembered: dict[Key, Found] = {}

    def get(self, key: Key) -> Found:
        """What the table has for the key; its values are None where that is not in it.

        Raises Unavailable F120 when the file cannot be read, StoreError F121 for a key of other
        types than the table's.
        """
        if tuple(map(type, key)) != self._exact:  # as nearly every key's are
            conformed = self._types.conformed(key)
            if conformed is None:
                return self._found(None)
            key = conformed
        remembered = self._remembered.get(key)
        if remembered is not None:
            return remembered
        found = self._found(self._read(key))
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = found
        return found

    def _found(self, values: tuple[Any, ...] | None) -> Found:
        return Found(self.about.grid, self.about.digest, values)

    def _read(self, stored: Key) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._cursor.execute(self._query, stored).fetchone()
        except (OverflowError, UnicodeEncodeError):
            return None  # beyond what can be stored
        except sqlite3.Error as error:
            raise unavailable(self._path, str(error)) from None
        if row is None or not self._decoders:
            return row
        try:
            return decoded(row, self._decoders)
        except (TypeError, ValueError) as error:
            raise unavailable(self._path, str(error)) from None

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Every row as it was written: the key's parts, then the values. Raises Unavailable."""
        columns = (*self.about.key, *self.about.values)
        names = [f"k{i}" for i in range(len(self.about.key))]
        names += [f"v{i}" for i in range(len(self.about.values))]
        changing = decoders(columns)
        try:
            chosen = f"SELECT {', '.join(names)} FROM entries"  # noqa: S608
            for row in self._connection.execute(chosen):
                yield decoded(row, changing)
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise unavailable(self._path, str(error)) from None

    def close(self) -> None:
        """Close the file; the table cannot be used any more."""
        self._remembered.clear()
        self._connection.close()


def build_table(path: Path, about: Table, rows: Iterable[Sequence[Any]]) -> Table:
    """Write a table's rows into a new file and seal it: the table as it now is, with its rows.

    Raises StoreError F121 for rows that it cannot hold; the file is then not to be used.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            about = msgspec.structs.replace(about, rows=_fill(connection, about, rows))
            connection.execute("CREATE TABLE meta (about TEXT NOT NULL) STRICT")
            connection.execute("INSERT INTO meta VALUES (?)", [table_bytes(about).decode()])
            connection.execute("COMMIT")
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        raise unwritable(about.view, str(error)) from None
    seal(path)
    return about


def _fill(connection: sqlite3.Connection, about: Table, rows: Iterable[Sequence[Any]]) -> int:
    """Store the rows; how many there are."""
    columns = (*about.key, *about.values)
    keys = ", ".join(f"k{i} {_sql_type(kind)} NOT NULL" for i, (_, kind) in enumerate(about.key))
    others = "".join(f", v{i} {_sql_type(kind)}" for i, (_, kind) in enumerate(about.values))
    primary = ", ".join(f"k{i}" for i in range(len(about.key)))
    connection.execute(
        f"CREATE TABLE entries ({keys}{others}, PRIMARY KEY ({primary})) STRICT, WITHOUT ROWID"
    )
    dates = [i for i, (_, kind) in enumerate(columns) if kind == "date"]
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO entries VALUES ({marks})",  # noqa: S608
        (_stored(row, dates) for row in rows),
    )
    found: int = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
    return found


def seal(path: Path) -> None:
    """Write into a table's file the checksum of what it holds now."""
    with path.open("r+b") as stream:
        found = _checksum(stream.fileno())
        os.pwrite(stream.fileno(), _CHECKSUM.pack(found), _CHECKSUM_PLACE)


def _require_whole(path: Path) -> None:
    """Raise Unavailable F120 unless the file is as it was written."""
    try:
        with path.open("rb") as stream:
            stored = os.pread(stream.fileno(), _CHECKSUM.size, _CHECKSUM_PLACE)
            whole = _CHECKSUM.pack(_checksum(stream.fileno())) == stored
    except (OSError, ValueError) as error:
        raise unavailable(path, str(error)) from None
    if not whole:
        raise unavailable(path, "a file whose checksum is another")


def _checksum(fd: int) -> int:
    """CRC-32 of a file, its own checksum taken for zero. Raises OSError, ValueError if empty."""
    behind = _CHECKSUM_PLACE + _CHECKSUM.size
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
        found = zlib.crc32(view[:_CHECKSUM_PLACE])
        return zlib.crc32(view[behind:], zlib.crc32(bytes(_CHECKSUM.size), found))


def _stored(row: Sequence[Any], dates: Sequence[int]) -> Sequence[Any]:
    if not dates:
        return row
    values = list(row)
    for i in dates:
        values[i] = None if values[i] is None else values[i].isoformat()
    return values


def _sql_type(kind: str) -> str:
    types_of(kind)
    return _SQL_TYPES[kind]


def unavailable(path: Path, problem: str) -> Unavailable:
    """The error F120 of a file that cannot be answered from."""
    return Unavailable(
        "F120",
        "the online store is unavailable",
        where=str(path),
        expected="a table that 'interlock refresh' wrote",
        got=problem,
        fix="run 'interlock refresh', and check the store's folder",
    )
