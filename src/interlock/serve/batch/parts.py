"""A batch's output in parts: a directory of Parquet files that a broken-off run takes up again.

Rules: a part appears under its name only when it is whole and on disk; parts hold the input's rows
in order, without a gap; ``_batch.json`` says whose output it is, so that no other batch goes on
with it, and is locked, so that no two runs write at once; ``_SUCCESS`` is there when all rows are.
Names that begin with an underscore are no data to the usual readers. A Delta table is the same
files with a log beside them.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from interlock.errors import OperatorError
from interlock.serve.batch.delta import make_delta, require_delta
from interlock.serve.batch.tabular import TableWriter, writable
from interlock.store.atomic import PARTIAL, sync_directory, write_file

ROWS_A_PART = 200_000
_ABOUT, _DONE = "_batch.json", "_SUCCESS"
_LONGEST = 1 << 20  # bytes of what is said about a batch


class PartsWriter:
    """Writes tables as the parts of one directory; rows that an earlier run wrote stay.

    ``about`` says what batch it is, as plain JSON values; ``kept`` what the first run wrote there
    (its ``as_of``, say), which later ones go by.
    """

    def __init__(self, path: Path, schema: pa.Schema, about: Mapping[str, Any], *, delta: bool):
        if delta:
            require_delta(path, schema)
        self.path = path
        self._schema = schema
        self._delta = delta
        self._lock = _locked(path)
        try:
            self.kept = _take_up(path, self._lock, about)
        except BaseException:
            os.close(self._lock)
            raise
        self._parts = list(_whole_parts(path))
        self._writer: TableWriter | None = None
        self._rows = 0

    def earlier(self, columns: list[str]) -> Iterator[pa.Table]:
        """These columns of the parts that earlier runs wrote."""
        for part in self._parts:
            yield pq.read_table(part, columns=columns)

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises StoreError when the disk refuses them."""
        if self._writer is None:
            name = f"part-{len(self._parts):05d}.parquet"
            self._writer = TableWriter(self.path / name, self._schema)
        self._writer.write(table)
        self._rows += table.num_rows
        if self._rows >= ROWS_A_PART:
            self._close_part()

    def commit(self) -> None:
        """Make the last part whole; without rows there is one all the same. Raises StoreError."""
        if not self._parts and self._writer is None:
            self.write(self._schema.empty_table())
        self._close_part()

    def seal(self) -> None:
        """Say that all is done: nothing more is written by this batch. Raises StoreError."""
        with writable(self.path):
            if self._delta:
                make_delta(self.path)
            write_file(self.path / _DONE, b"")

    def _close_part(self) -> None:
        if self._writer is None:
            return
        self._writer.commit()
        self._parts.append(self._writer.path)
        self._writer, self._rows = None, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.__exit__(kind, error, trace)
        finally:
            os.close(self._lock)


def _locked(path: Path) -> int:
    """The file that says whose output it is, made where the directory is new, and locked.

    The lock is held until this descriptor is closed. Raises OperatorError S158, StoreError.
    """
    place = path / _ABOUT
    if path.exists() and not place.exists() and (not path.is_dir() or any(path.iterdir())):
        raise _taken(path, "something else")
    with writable(path):
        path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if not isinstance(error, BlockingIOError):
                raise
            raise _taken(path, "the output of a batch that is running") from None
    return descriptor


def _take_up(path: Path, lock: int, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Begin a directory, or go on with that of the same batch. Raises OperatorError S158."""
    said = os.pread(lock, _LONGEST, 0)
    if not said:
        _begin(path, lock, json.dumps(about, indent=2).encode())
        return about
    found: Mapping[str, Any] = json.loads(said)
    if (path / _DONE).exists():
        raise _taken(path, "the whole output of an earlier batch")
    if found["batch"] != about["batch"]:
        raise _taken(path, "the output of another batch: other rows, another release or options")
    for pattern in (".*.part", f"{PARTIAL}*"):
        for part in path.glob(pattern):
            part.unlink(missing_ok=True)  # what a killed run had not finished
    return found


def _begin(path: Path, lock: int, said: bytes) -> None:
    """Write whose output it is; all of it or nothing, on disk. Raises StoreError."""
    with writable(path):
        if os.pwrite(lock, said, 0) < len(said):
            os.truncate(lock, 0)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(lock)
        sync_directory(path)


def _whole_parts(path: Path) -> Iterator[Path]:
    number = 0
    while (part := path / f"part-{number:05d}.parquet").exists():
        yield part
        number += 1


def _taken(path: Path, got: str) -> OperatorError:
    return OperatorError(
        "S158",
        "the output's directory is taken",
        where=str(path),
        expected="no directory, an empty one, or the unfinished output of this very batch",
        got=got,
        fix="give the output another name, or remove the directory",
    )
