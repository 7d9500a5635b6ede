"""The online store as files: one immutable SQLite file a view and grid point.

Invariants, beside those of :mod:`interlock.store.online`:
- A file is built under a temporary name, synced and renamed; a reader sees a whole file or none.
- ``current`` names the grid point to answer from: a file that is replaced at once. A reader looks
  at it in every read, unless it is told how long to believe what it saw.
- A file that is damaged, or that is gone, is unavailable. SQLite itself keeps no checksums: a
  flipped bit would be another value, or an entity that is not there. So the checksum of the whole
  file stands in its header, in the four bytes of ``user_version``, and is compared when a reader
  opens it.
"""

from __future__ import annotations

import mmap
import os
import shutil
import sqlite3
import struct
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from interlock.clock import HOUR, monotonic, now
from interlock.store.atomic import PARTIAL, partial_path, storage, sync_directory, write_file
from interlock.store.names import check_name
from interlock.store.online import (
    Ask,
    Columns,
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

OPEN_TABLES = 128  # files a reader keeps open
_MMAP = 1 << 28  # bytes of a file mapped into memory
_REMEMBERED = 1 << 14  # look-ups that an open table remembers, for it never changes
_STALE = HOUR  # after which a partial file's writer is taken for dead

_CURRENT = "current"
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
            raise _unavailable(path, str(error)) from None
        self._types = KeyTypes(self.about.view, self.about.key)
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
        stored = self._types.conformed(key)
        if stored is None:
            return self._found(None)
        remembered = self._remembered.get(stored)
        if remembered is not None:
            return remembered
        found = self._found(self._read(stored))
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        self._remembered[stored] = found
        return found

    def _found(self, values: tuple[Any, ...] | None) -> Found:
        return Found(self.about.grid, self.about.digest, values)

    def _read(self, stored: Key) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._cursor.execute(self._query, stored).fetchone()
        except (OverflowError, UnicodeEncodeError):
            return None  # beyond what can be stored
        except sqlite3.Error as error:
            raise _unavailable(self._path, str(error)) from None
        if row is None or not self._decoders:
            return row
        try:
            return decoded(row, self._decoders)
        except (TypeError, ValueError) as error:
            raise _unavailable(self._path, str(error)) from None

    def close(self) -> None:
        """Close the file; the table cannot be used any more."""
        self._remembered.clear()
        self._connection.close()


class _Current(NamedTuple):
    """A view's current table, by what its pointer was found to be, and when to look again."""

    stamp: tuple[int, int]
    table: SqliteTable
    until: float


class SqliteReader:
    """Reads the tables under one folder, keeping the last used ones open.

    A view's current table is taken for current for ``look_seconds`` before that is looked at again.
    """

    def __init__(self, root: Path, *, look_seconds: float = 0.0) -> None:
        self._root = root
        self._look_seconds = look_seconds
        self._tables: OrderedDict[tuple[str, int], SqliteTable] = OrderedDict()
        self._pointers: dict[str, str] = {}
        self._current: dict[str, _Current] = {}

    def read(self, asked: Sequence[Ask]) -> list[Found]:
        """One answer for each look-up. See :class:`interlock.store.online.OnlineReader`."""
        current: dict[str, SqliteTable] = {}  # looked for once: rows read together agree
        found = []
        for view, grid, key in asked:
            table = current.get(view) if grid is None else None
            if table is None:
                table = self.table(view, grid)
                if grid is None:
                    current[view] = table
            found.append(table.get(key))
        return found

    def current(self, view: str) -> int | None:
        """The grid point that is answered from; None when none is. Raises Unavailable F120."""
        return _pointed(self._root / check_name(view, "view") / _CURRENT)

    def close(self) -> None:
        """Close every file."""
        for table in (*self._tables.values(), *(known.table for known in self._current.values())):
            table.close()
        self._tables.clear()
        self._current.clear()

    def table(self, view: str, grid: int | None = None) -> SqliteTable:
        """The view's table at the grid point, or the current one.

        Raises Unavailable F120, and StoreError L104 for a name that no view can have.
        """
        pointer = self._pointers.get(view)
        if pointer is None:
            pointer = str(self._root / check_name(view, "view") / _CURRENT)
            self._pointers[view] = pointer
        if grid is not None:
            return self._at(view, grid)
        known, at = self._current.get(view), monotonic()
        if known is not None and at < known.until:
            return known.table
        try:
            status = os.stat(pointer)  # noqa: PTH116 - in every read, and half the time
            stamp = (status.st_ino, status.st_mtime_ns)
            if known is not None and known.stamp == stamp:
                found = known.table
            else:
                found = SqliteTable(_file(self._root, view, int(Path(pointer).read_text())))
        except (OSError, ValueError) as error:
            raise _unavailable(Path(pointer), str(error)) from None
        self._current[view] = _Current(stamp, found, at + self._look_seconds)
        if known is not None and known.table is not found:
            known.table.close()
        return found

    def _at(self, view: str, grid: int) -> SqliteTable:
        table = self._tables.get((view, grid))
        if table is None:
            path = _file(self._root, view, grid)
            if not path.is_file():
                raise _unavailable(path, "no such file")
            table = SqliteTable(path)
            self._tables[view, grid] = table
            if len(self._tables) > OPEN_TABLES:
                self._tables.popitem(last=False)[1].close()
        else:
            self._tables.move_to_end((view, grid))
        return table


class SqliteWriter:
    """Writes tables under one folder; not ``durable`` ones, which need not outlive a power cut."""

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._root = root
        self._durable = durable

    def write(
        self,
        view: str,
        grid: int,
        *,
        key: Columns,
        values: Columns,
        rows: Iterable[Sequence[Any]],
        digest: str,
        source: str = "",
    ) -> Table:
        """Write the table of a grid point. See :class:`interlock.store.online.OnlineWriter`.

        Who reads a table that is replaced goes on reading the old one. Raises L101 or L102 besides.
        """
        path = _file(self._root, check_name(view, "view"), grid)
        about = Table(
            view=view,
            grid=grid,
            digest=digest,
            source=source,
            rows=0,
            key=tuple((name, kind) for name, kind in key),
            values=tuple((name, kind) for name, kind in values),
        )
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = partial_path(path.parent)
            try:
                about = _build(partial, about, rows)
                if self._durable:
                    with partial.open("rb") as stream:
                        os.fsync(stream.fileno())
                partial.replace(path)
                if self._durable:
                    sync_directory(path.parent)
            finally:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
        return about

    def publish(self, view: str, grid: int) -> None:
        """Answer from this grid point from now on. Raises Unavailable F120 if it has no table."""
        path = _file(self._root, check_name(view, "view"), grid)
        SqliteTable(path).close()
        write_file(path.parent / _CURRENT, str(grid).encode())

    def current(self, view: str) -> int | None:
        """The grid point that is answered from; None when none is. Raises Unavailable F120."""
        return _pointed(self._root / check_name(view, "view") / _CURRENT)

    def table(self, view: str, grid: int) -> Table | None:
        """What is stored for the grid point; None when there is no file, or a damaged one."""
        path = _file(self._root, check_name(view, "view"), grid)
        if not path.is_file():
            return None
        try:
            table = SqliteTable(path)
        except Unavailable:
            return None
        table.close()
        return table.about

    def grids(self, view: str) -> tuple[int, ...]:
        """The grid points that have a table, ascending."""
        folder = self._root / check_name(view, "view")
        return tuple(sorted(int(path.stem) for path in folder.glob("*.sqlite")))

    def prune(self, view: str, *, keep: int) -> tuple[int, ...]:
        """Delete all but the newest ``keep`` tables, never the current one; what was deleted.

        What a killed writer left behind goes too.
        """
        folder = self._root / check_name(view, "view")
        with storage(folder):
            current = _pointed(folder / _CURRENT)
            old = [g for g in self.grids(view)[: -keep or None] if g != current]
            for grid in old:
                _file(self._root, view, grid).unlink(missing_ok=True)
            for partial in folder.glob(f"{PARTIAL}*"):
                if _is_left_behind(partial):
                    partial.unlink(missing_ok=True)
        return tuple(old)

    def forget(self, view: str) -> None:
        """Delete every table of a view and what it answers from."""
        folder = self._root / check_name(view, "view")
        with storage(folder), suppress(FileNotFoundError):
            shutil.rmtree(folder)

    def close(self) -> None:
        """Nothing is kept open."""


def _file(root: Path, view: str, grid: int) -> Path:
    return root / view / f"{grid}.sqlite"


def _pointed(pointer: Path) -> int | None:
    try:
        return int(pointer.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _unavailable(pointer, str(error)) from None


def _is_left_behind(partial: Path) -> bool:
    try:
        return now() - partial.stat().st_mtime_ns // 1_000 > _STALE
    except FileNotFoundError:
        return False


def _build(path: Path, about: Table, rows: Iterable[Sequence[Any]]) -> Table:
    columns = (*about.key, *about.values)
    keys = ", ".join(f"k{i} {_sql_type(kind)} NOT NULL" for i, (_, kind) in enumerate(about.key))
    others = "".join(f", v{i} {_sql_type(kind)}" for i, (_, kind) in enumerate(about.values))
    primary = ", ".join(f"k{i}" for i in range(len(about.key)))
    dates = [i for i, (_, kind) in enumerate(columns) if kind == "date"]
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            connection.execute(
                f"CREATE TABLE entries ({keys}{others}, PRIMARY KEY ({primary})) "
                "STRICT, WITHOUT ROWID"
            )
            marks = ", ".join("?" * len(columns))
            connection.executemany(
                f"INSERT INTO entries VALUES ({marks})",  # noqa: S608
                (_stored(row, dates) for row in rows),
            )
            n_rows = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
            about = msgspec.structs.replace(about, rows=n_rows)
            connection.execute("CREATE TABLE meta (about TEXT NOT NULL) STRICT")
            connection.execute("INSERT INTO meta VALUES (?)", [table_bytes(about).decode()])
            connection.execute("COMMIT")
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        raise unwritable(about.view, str(error)) from None
    seal(path)
    return about


def seal(path: Path) -> None:
    """Write into a table's file the checksum of what it holds now."""
    with path.open("r+b") as stream:
        found = _checksum(stream.fileno())
        os.pwrite(stream.fileno(), _CHECKSUM.pack(found), _CHECKSUM_PLACE)


def _checksum(fd: int) -> int:
    """CRC-32 of a file, its own checksum taken for zero. Raises OSError, ValueError if empty."""
    behind = _CHECKSUM_PLACE + _CHECKSUM.size
    with mmap.mmap(fd, 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
        found = zlib.crc32(view[:_CHECKSUM_PLACE])
        return zlib.crc32(view[behind:], zlib.crc32(bytes(_CHECKSUM.size), found))


def _require_whole(path: Path) -> None:
    """Raise Unavailable F120 unless the file is as it was written."""
    try:
        with path.open("rb") as stream:
            stored = os.pread(stream.fileno(), _CHECKSUM.size, _CHECKSUM_PLACE)
            whole = _CHECKSUM.pack(_checksum(stream.fileno())) == stored
    except (OSError, ValueError) as error:
        raise _unavailable(path, str(error)) from None
    if not whole:
        raise _unavailable(path, "a file whose checksum is another")


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


def _unavailable(path: Path, problem: str) -> Unavailable:
    return Unavailable(
        "F120",
        "the online store is unavailable",
        where=str(path),
        expected="a table that 'interlock refresh' wrote",
        got=problem,
        fix="run 'interlock refresh', and check the store's folder",
    )
