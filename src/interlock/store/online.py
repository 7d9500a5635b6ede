"""The online store: values looked up by a typed key, in one immutable SQLite file a grid point.

Invariants:
- A file holds one view at one grid point. It is built under a temporary name, synced and renamed;
  a reader sees a whole file or none.
- ``current`` names the grid point to answer from. It is switched at once and only to a file that
  is there. Readers never lock and never wait.
- Keys keep their types: the text '1', the number 1 and true never meet. A key with a missing part,
  or one that cannot be stored, is in no table.
- *No such key* is None; *no table to look in* is :class:`Unavailable`. One is never the other.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import date
from pathlib import Path
from typing import Any

from interlock.digest import canonical_json
from interlock.errors import StoreError
from interlock.store.atomic import partial_path, storage, sync_directory, write_file
from interlock.store.names import check_name

FORMAT = 1
OPEN_TABLES = 128  # files a reader keeps open
_MMAP = 1 << 28  # bytes of a file mapped into memory

_CURRENT = "current"
_SQL_TYPES = {
    "int": "INTEGER",
    "float": "REAL",
    "bool": "INTEGER",
    "str": "TEXT",
    "category": "TEXT",
    "date": "TEXT",
}
_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "category": (str,),
    "date": (date,),
}
_DECODERS: dict[str, Callable[[Any], Any]] = {"bool": bool, "date": date.fromisoformat}

Columns = Sequence[tuple[str, str]]  # (name, kind)
Key = Sequence[Any]


class Unavailable(StoreError):  # noqa: N818 - a state of the store, as the glossary names it
    """There is no table to look in: none refreshed, the file gone or damaged."""


class OnlineTable:
    """One open file. ``digest`` is of the definition its values were made by."""

    def __init__(self, path: Path) -> None:
        """Open the file read-only. Raises Unavailable F120."""
        self._path = path
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro&immutable=1",
                uri=True,
                check_same_thread=False,
                isolation_level=None,
            )
            self._connection.execute(f"PRAGMA mmap_size = {_MMAP}")
            about = json.loads(self._connection.execute("SELECT about FROM meta").fetchone()[0])
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise _unavailable(path, str(error)) from None
        self.view: str = about["view"]
        self.grid: int = about["grid"]
        self.digest: str = about["digest"]
        self.rows: int = about["rows"]
        self.key: tuple[tuple[str, str], ...] = tuple((n, k) for n, k in about["key"])
        self.columns: tuple[tuple[str, str], ...] = tuple((n, k) for n, k in about["values"])
        self._kinds = tuple(kind for _, kind in self.key)
        self._types = tuple(_PYTHON_TYPES[kind] for kind in self._kinds)
        self._dates = "date" in self._kinds
        self._decoders = tuple(
            (i, _DECODERS[kind]) for i, (_, kind) in enumerate(self.columns) if kind in _DECODERS
        )
        chosen = ", ".join(f"v{i}" for i in range(len(self.columns))) or "1"
        wanted = " AND ".join(f"k{i} = ?" for i in range(len(self.key)))
        self._query = f"SELECT {chosen} FROM entries WHERE {wanted}"  # noqa: S608

    def get(self, key: Key) -> tuple[Any, ...] | None:
        """The key's values, or None when it is not in the table.

        Raises Unavailable F120 when the file cannot be read, StoreError F121 for a key of other
        types than the table's.
        """
        for part, types in zip(key, self._types, strict=True):
            if type(part) not in types:
                if part is None:
                    return None
                raise self._misfit(key)
        if self._dates:
            key = [part.isoformat() if isinstance(part, date) else part for part in key]
        try:
            row = self._connection.execute(self._query, key).fetchone()
        except (OverflowError, UnicodeEncodeError):
            return None  # beyond what can be stored
        except sqlite3.Error as error:
            raise _unavailable(self._path, str(error)) from None
        if row is None or not self._decoders:
            found: tuple[Any, ...] | None = row
            return found
        return self._decoded(row)

    def close(self) -> None:
        """Close the file; the table cannot be used any more."""
        self._connection.close()

    def _decoded(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for i, decode in self._decoders:
            if values[i] is not None:
                values[i] = decode(values[i])
        return tuple(values)

    def _misfit(self, key: Key) -> StoreError:
        return StoreError(
            "F121",
            "a key does not fit the online table",
            where=f"view '{self.view}'",
            expected=", ".join(f"{name}: {kind}" for name, kind in self.key),
            got=repr(tuple(key))[:200],
            fix="look up with the types that the entity declares",
        )


class OnlineReader:
    """Reads the tables under one folder, keeping the last used ones open."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tables: OrderedDict[tuple[str, int], OnlineTable] = OrderedDict()
        self._pointers: dict[str, str] = {}
        self._current: dict[str, tuple[tuple[int, int], OnlineTable]] = {}

    def table(self, view: str, grid: int | None = None) -> OnlineTable:
        """The view's table at the grid point, or the current one.

        Raises Unavailable F120, and StoreError L104 for a name that no view can have.
        """
        pointer = self._pointers.get(view)
        if pointer is None:
            pointer = str(self._root / check_name(view, "view") / _CURRENT)
            self._pointers[view] = pointer
        if grid is not None:
            return self._at(view, grid)
        try:
            status = os.stat(pointer)  # noqa: PTH116 - on every look-up, and half the time
            stamp = (status.st_ino, status.st_mtime_ns)
            known = self._current.get(view)
            if known is not None and known[0] == stamp:
                return known[1]
            found = OnlineTable(_file(self._root, view, int(Path(pointer).read_text())))
        except (OSError, ValueError) as error:
            raise _unavailable(Path(pointer), str(error)) from None
        self._current[view] = (stamp, found)
        return found

    def get(self, view: str, key: Key, grid: int | None = None) -> tuple[Any, ...] | None:
        """The key's values, None for a key that is not there; raises as the two steps do."""
        return self.table(view, grid).get(key)

    def _at(self, view: str, grid: int) -> OnlineTable:
        table = self._tables.get((view, grid))
        if table is None:
            path = _file(self._root, view, grid)
            if not path.is_file():
                raise _unavailable(path, "no such file")
            table = OnlineTable(path)
            self._tables[view, grid] = table
            if len(self._tables) > OPEN_TABLES:
                self._tables.popitem(last=False)[1].close()
        else:
            self._tables.move_to_end((view, grid))
        return table


class OnlineWriter:
    """Writes tables under one folder; one writer at a time for a view."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(
        self,
        view: str,
        grid: int,
        *,
        key: Columns,
        values: Columns,
        rows: Iterable[Sequence[Any]],
        digest: str,
    ) -> Path:
        """Write the table of a grid point (microseconds) and return its file.

        A row is the key's parts, none missing, then the values. A table already there is replaced
        at once; who reads it goes on reading the old one. Raises StoreError F121 for kinds, keys
        or values that cannot be stored, L101, L102 or L104.
        """
        path = _file(self._root, check_name(view, "view"), grid)
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = partial_path(path.parent)
            try:
                _build(partial, view, grid, key=key, values=values, rows=rows, digest=digest)
                with partial.open("rb") as stream:
                    os.fsync(stream.fileno())
                partial.replace(path)
                sync_directory(path.parent)
            finally:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
        return path

    def publish(self, view: str, grid: int) -> None:
        """Answer from this grid point from now on. Raises Unavailable F120 if it has no table."""
        path = _file(self._root, check_name(view, "view"), grid)
        OnlineTable(path).close()
        write_file(path.parent / _CURRENT, str(grid).encode())

    def grids(self, view: str) -> tuple[int, ...]:
        """The grid points that have a table, ascending."""
        folder = self._root / check_name(view, "view")
        return tuple(sorted(int(path.stem) for path in folder.glob("*.sqlite")))

    def prune(self, view: str, *, keep: int) -> tuple[int, ...]:
        """Delete all but the newest ``keep`` tables, never the current one; what was deleted."""
        folder = self._root / check_name(view, "view")
        with storage(folder):
            pointer = folder / _CURRENT
            current = int(pointer.read_text()) if pointer.is_file() else None
            old = [g for g in self.grids(view)[: -keep or None] if g != current]
            for grid in old:
                _file(self._root, view, grid).unlink(missing_ok=True)
        return tuple(old)


def _file(root: Path, view: str, grid: int) -> Path:
    return root / view / f"{grid}.sqlite"


def _build(
    path: Path,
    view: str,
    grid: int,
    *,
    key: Columns,
    values: Columns,
    rows: Iterable[Sequence[Any]],
    digest: str,
) -> None:
    keys = ", ".join(f"k{i} {_sql_type(kind)} NOT NULL" for i, (_, kind) in enumerate(key))
    others = "".join(f", v{i} {_sql_type(kind)}" for i, (_, kind) in enumerate(values))
    primary = ", ".join(f"k{i}" for i in range(len(key)))
    width = len(key) + len(values)
    dates = [i for i, (_, kind) in enumerate((*key, *values)) if kind == "date"]
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            connection.execute(
                f"CREATE TABLE entries ({keys}{others}, PRIMARY KEY ({primary})) "
                "STRICT, WITHOUT ROWID"
            )
            marks = ", ".join("?" * width)
            connection.executemany(
                f"INSERT INTO entries VALUES ({marks})",  # noqa: S608
                (_stored(row, dates) for row in rows),
            )
            n_rows = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
            about = {
                "format": FORMAT,
                "view": view,
                "grid": grid,
                "digest": digest,
                "rows": n_rows,
                "key": [list(pair) for pair in key],
                "values": [list(pair) for pair in values],
            }
            connection.execute("CREATE TABLE meta (about TEXT NOT NULL) STRICT")
            connection.execute("INSERT INTO meta VALUES (?)", [canonical_json(about).decode()])
            connection.execute("COMMIT")
    except (sqlite3.Error, OverflowError, UnicodeEncodeError) as error:
        raise StoreError(
            "F121",
            "an online table cannot be written",
            where=f"view '{view}'",
            expected="rows of the declared kinds, each key once and without a missing part",
            got=str(error),
            fix="correct the rows; if the disk is full, free some space",
            untouched="the tables that are there",
        ) from None


def _stored(row: Sequence[Any], dates: Sequence[int]) -> Sequence[Any]:
    if not dates:
        return row
    values = list(row)
    for i in dates:
        values[i] = None if values[i] is None else values[i].isoformat()
    return values


def _sql_type(kind: str) -> str:
    if kind not in _SQL_TYPES:
        raise StoreError(
            "F121",
            "an online table cannot hold values of this kind",
            expected=", ".join(_SQL_TYPES),
            got=kind,
            fix="use one of these kinds",
        )
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
