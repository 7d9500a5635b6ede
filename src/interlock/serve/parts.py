"""A batch's output in parts: a directory of Parquet files that a broken-off run takes up again.

Rules: a part appears under its name only when it is whole and on disk; parts hold the input's rows
in order, without a gap; ``_batch.json`` says whose output it is, so that no other batch goes on
with it; ``_SUCCESS`` is there when all rows are. Names that begin with an underscore are no data to
the usual readers. A Delta table is the same files with a log beside them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from interlock.errors import OperatorError, StoreError
from interlock.serve.tabular import TableWriter, writable
from interlock.store.atomic import write_file

ROWS_A_PART = 200_000
_ABOUT, _DONE = "_batch.json", "_SUCCESS"


class PartsWriter:
    """Writes tables as the parts of one directory; rows that an earlier run wrote stay.

    ``about`` says what batch it is, as plain JSON values; ``kept`` what the first run wrote there
    (its ``as_of``, say), which later ones go by.
    """

    def __init__(self, path: Path, schema: pa.Schema, about: Mapping[str, Any], *, delta: bool):
        self.path = path
        self._schema = schema
        self._delta = delta
        self.kept = _take_up(path, about)
        self._parts = list(_whole_parts(path))
        self.done_rows = sum(pq.read_metadata(part).num_rows for part in self._parts)
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
        """Make the last part whole. Raises StoreError."""
        self._close_part()

    def seal(self) -> None:
        """Say that all is done: nothing more is written by this batch. Raises StoreError."""
        with writable(self.path):
            if self._delta:
                _make_delta(self.path, self._schema)
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
        if self._writer is not None:
            self._writer.__exit__(kind, error, trace)


def _take_up(path: Path, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Begin a directory, or go on with that of the same batch. Raises OperatorError S158."""
    place = path / _ABOUT
    if not place.exists():
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise _taken(path, "something else")
        with writable(path):
            path.mkdir(parents=True, exist_ok=True)
            write_file(place, json.dumps(about, indent=2).encode())
        return about
    found: Mapping[str, Any] = json.loads(place.read_bytes())
    if (path / _DONE).exists():
        raise _taken(path, "the whole output of an earlier batch")
    if found["batch"] != about["batch"]:
        raise _taken(path, "the output of another batch: other rows, another release or options")
    for part in path.glob(".*.part"):
        part.unlink(missing_ok=True)  # what a killed run had not finished
    return found


def _whole_parts(path: Path) -> Iterator[Path]:
    number = 0
    while (part := path / f"part-{number:05d}.parquet").exists():
        yield part
        number += 1


def _make_delta(path: Path, schema: pa.Schema) -> None:
    try:
        import deltalake  # noqa: PLC0415 - an extra
    except ImportError:
        raise OperatorError(
            "S159",
            "Delta tables need another library",
            expected="the extra 'delta'",
            got="no module deltalake",
            fix="pip install 'interlock[delta]'",
            untouched="the Parquet parts, which are whole",
        ) from None
    try:
        if deltalake.DeltaTable.is_deltatable(os.fspath(path)):
            return
        deltalake.convert_to_deltalake(os.fspath(path))
    except deltalake.exceptions.DeltaError as error:
        raise StoreError(
            "S156",
            "the parts cannot be made a Delta table",
            where=str(path),
            expected="a directory of Parquet files",
            got=str(error).partition("\n")[0],
            fix="read the parts as Parquet, or choose another place",
            untouched="the Parquet parts, which are whole",
        ) from error


def _taken(path: Path, got: str) -> OperatorError:
    return OperatorError(
        "S158",
        "the output's directory is taken",
        where=str(path),
        expected="no directory, an empty one, or the unfinished output of this very batch",
        got=got,
        fix="give the output another name, or remove the directory",
    )
