"""The online store as files: one immutable SQLite file a view and grid point.

Invariants, beside those of :mod:`interlock.store.online`:
- A file is built under a temporary name, synced and renamed; a reader sees a whole file or none.
- ``current`` names the grid point to answer from: a file that is replaced at once. A reader looks
  at it in every read, unless it is told how long to believe what it saw.
- A file that is damaged, or that is gone, is unavailable: see :mod:`interlock.store.sqlite_file`.
- A file that was deleted or replaced is let go of by whoever looks for it again.
"""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from interlock.clock import HOUR, monotonic, now
from interlock.store.atomic import PARTIAL, partial_path, storage, sync_directory, write_file
from interlock.store.names import check_name, is_name
from interlock.store.online import Ask, Columns, Found, Key, Table, Unavailable
from interlock.store.sqlite_file import SqliteTable, build_table, unavailable

OPEN_TABLES = 128  # files a reader keeps open
_STALE = HOUR  # after which a partial file's writer is taken for dead

_CURRENT = "current"


class _Current(NamedTuple):
    """A view's current table, by what its pointer was found to be, and when to look again."""

    stamp: tuple[int, int]
    table: SqliteTable
    until: float


class _Opened(NamedTuple):
    """The open table of an earlier grid point, by what its file was found to be."""

    stamp: tuple[int, int]
    table: SqliteTable


class SqliteReader:
    """Reads the tables under one folder, keeping the last used ones open.

    A view's current table is taken for current for ``look_seconds`` before that is looked at again.
    """

    def __init__(self, root: Path, *, look_seconds: float = 0.0) -> None:
        self._root = root
        self._look_seconds = look_seconds
        self._tables: OrderedDict[tuple[str, int], _Opened] = OrderedDict()
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
        for opened in self._tables.values():
            opened.table.close()
        for current in self._current.values():
            current.table.close()
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
        stamp, found = self._looked(view, pointer, known)
        self._current[view] = _Current(stamp, found, at + self._look_seconds)
        if known is not None and known.table is not found:
            known.table.close()
        return found

    def _looked(
        self, view: str, pointer: str, known: _Current | None
    ) -> tuple[tuple[int, int], SqliteTable]:
        """What the pointer is found to be, and the table it names: the known one if it is that."""
        try:
            status = os.stat(pointer)  # noqa: PTH116 - in every read, and half the time
            stamp = (status.st_ino, status.st_mtime_ns)
            if known is not None and known.stamp == stamp:
                return stamp, known.table
            return stamp, SqliteTable(_file(self._root, view, int(Path(pointer).read_text())))
        except (OSError, ValueError) as error:
            raise unavailable(Path(pointer), str(error)) from None

    def _at(self, view: str, grid: int) -> SqliteTable:
        """An earlier grid point's table, looked for each time: its rows may have been erased."""
        path, known = _file(self._root, view, grid), self._tables.pop((view, grid), None)
        try:
            status = path.stat()
        except OSError:
            if known is not None:
                known.table.close()
            raise unavailable(path, "no such file") from None
        stamp = (status.st_ino, status.st_mtime_ns)
        if known is None or known.stamp != stamp:
            if known is not None:
                known.table.close()
            known = _Opened(stamp, SqliteTable(path))
        self._tables[view, grid] = known
        if len(self._tables) > OPEN_TABLES:
            self._tables.popitem(last=False)[1].table.close()
        return known.table


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
        about = Table.begun(view, grid, key=key, values=values, digest=digest, source=source)
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = partial_path(path.parent)
            try:
                about = build_table(partial, about, rows)
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

    def views(self) -> tuple[str, ...]:
        """The views that anything is kept of, ascending."""
        if not self._root.is_dir():
            return ()
        with storage(self._root):
            folders = (path.name for path in self._root.iterdir() if path.is_dir())
            return tuple(sorted(filter(is_name, folders)))

    def erase(self, view: str, grid: int, gone: Callable[[Key], bool], *, source: str) -> int:
        """Take rows out. See :class:`interlock.store.online.OnlineWriter`.

        A new file without them takes the old one's place; the old one is then deleted.
        """
        with closing(SqliteTable(_file(self._root, check_name(view, "view"), grid))) as table:
            about, n_key = table.about, len(table.about.key)
            n_gone = sum(gone(row[:n_key]) for row in table.rows())
            if n_gone:
                self.write(
                    view,
                    grid,
                    key=about.key,
                    values=about.values,
                    rows=(row for row in table.rows() if not gone(row[:n_key])),
                    digest=about.digest,
                    source=source,
                )
        return n_gone

    def sweep(self) -> None:
        """Delete what was never finished. Nobody may be writing."""
        with storage(self._root):
            for partial in self._root.glob(f"*/{PARTIAL}*"):
                partial.unlink(missing_ok=True)

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
        raise unavailable(pointer, str(error)) from None


def _is_left_behind(partial: Path) -> bool:
    try:
        return now() - partial.stat().st_mtime_ns // 1_000 > _STALE
    except FileNotFoundError:
        return False
