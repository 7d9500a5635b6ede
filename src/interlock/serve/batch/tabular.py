"""Tables in files, in chunks: Parquet and CSV, read and written with flat memory.

Invariants: rows keep their order; a file appears under its name only when it is whole. The columns
of a CSV file are text, so that what is carried through comes out as it went in.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from interlock.errors import OperatorError, StoreError
from interlock.store.atomic import sync_directory

_PARQUET = (".parquet", ".pq")
_FAULTS = (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError)


def is_csv(path: Path) -> bool:
    """Whether the file's name says CSV. Raises OperatorError when it says neither."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", *_PARQUET):
        raise OperatorError(
            "S154",
            "the kind of a file cannot be told from its name",
            where=str(path),
            expected="a name that ends in .parquet or .csv",
            got=repr(path.name),
            fix="rename the file, or write it in one of these formats",
        )
    return suffix == ".csv"


class TableReader:
    """A file's rows as Arrow tables of at most ``chunk_rows`` rows."""

    def __init__(self, path: Path, *, chunk_rows: int) -> None:
        self.path = path
        self.csv = is_csv(path)
        self._chunk_rows = chunk_rows

    def schema(self) -> pa.Schema:
        """The columns. Raises OperatorError when the file is missing or unreadable."""
        with self._readable():
            if self.csv:
                with pc.open_csv(self.path, parse_options=_parsing(columns=2)) as stream:
                    names = stream.schema.names
                return pa.schema([(name, pa.string()) for name in names])
            return pq.read_schema(self.path)

    def n_rows(self) -> int | None:
        """How many rows there are, where the file says so without being read."""
        if self.csv:
            return None
        with self._readable():
            return int(pq.read_metadata(self.path).num_rows)

    def chunks(self, *, skip: int = 0) -> Iterator[pa.Table]:
        """The rows after the first ``skip``, in order.

        Raises OperatorError for a file that breaks off or does not parse.
        """
        with self._readable():
            for batch in self._batches(skip):
                table = pa.Table.from_batches([batch])
                for start in range(0, table.num_rows, self._chunk_rows):
                    yield table.slice(start, self._chunk_rows)

    def _batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        batches = self._all_batches() if self.csv else self._parquet_batches(skip)
        left = skip if self.csv else skip - self._rows_passed(skip)[1]
        for batch in batches:
            if left >= batch.num_rows:
                left -= batch.num_rows
                continue
            yield batch.slice(left)
            left = 0

    def _rows_passed(self, skip: int) -> tuple[int, int]:
        """Row groups that lie within the first ``skip`` rows, and how many rows they hold."""
        metadata = pq.read_metadata(self.path)
        groups = passed = 0
        while groups < metadata.num_row_groups:
            rows = metadata.row_group(groups).num_rows
            if passed + rows > skip:
                break
            groups, passed = groups + 1, passed + rows
        return groups, passed

    def _parquet_batches(self, skip: int) -> Iterator[pa.RecordBatch]:
        # read ahead, Arrow would keep all that it has read until the last row
        with pq.ParquetFile(self.path, pre_buffer=False) as file:
            groups = list(range(self._rows_passed(skip)[0], file.num_row_groups))
            if groups:
                yield from file.iter_batches(
                    batch_size=self._chunk_rows, row_groups=groups, use_threads=False
                )

    def _all_batches(self) -> Iterator[pa.RecordBatch]:
        names = self.schema().names
        parsing = _parsing(columns=len(names))
        texts = dict.fromkeys(names, pa.string())
        converting = pc.ConvertOptions(column_types=texts, strings_can_be_null=True)
        converting.null_values = [""]
        with pc.open_csv(self.path, parse_options=parsing, convert_options=converting) as stream:
            yield from stream

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (*_FAULTS, OSError) as error:
            missing = isinstance(error, FileNotFoundError)
            raise OperatorError(
                "S155",
                "the input file is missing" if missing else "the input file cannot be read",
                where=str(self.path),
                expected="a CSV file with a header" if self.csv else "a Parquet file",
                got="no such file" if missing else str(error).partition("\n")[0],
                fix="correct the path" if missing else "mend the file, or export it again",
            ) from None


class TableWriter:
    """Writes tables to a temporary name; the file is there after :meth:`commit`, or not at all."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        kind: Any = pc.CSVWriter if is_csv(path) else pq.ParquetWriter
        try:
            with writable(path):
                if path.is_dir():
                    raise IsADirectoryError("there is a directory of that name")
                self._writer = kind(self._part, schema)
        except StoreError:
            self._part.unlink(missing_ok=True)
            raise

    def write(self, table: pa.Table) -> None:
        """Append rows. Raises StoreError when the disk refuses them."""
        with writable(self.path):
            self._writer.write_table(table)

    def commit(self) -> None:
        """Give the whole file its name, on disk."""
        with writable(self.path):
            self._writer.close()
            with self._part.open("rb") as stream:
                os.fsync(stream.fileno())
            self._part.replace(self.path)
            sync_directory(self.path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError, *_FAULTS):
            self._writer.close()
        self._part.unlink(missing_ok=True)


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Raises StoreError S156 for what a disk or a writer refuses."""
    try:
        yield
    except (*_FAULTS, OSError) as error:
        raise StoreError(
            "S156",
            "the output file cannot be written",
            where=str(path),
            expected="a directory that takes files, with space",
            got=str(error).partition("\n")[0],
            fix="free space or choose another place; lists and structs need a Parquet output",
            untouched="any earlier file of that name",
        ) from None


def _parsing(*, columns: int) -> pc.ParseOptions:
    """An empty line is a row without a value where there is one column, else it is no row."""
    return pc.ParseOptions(newlines_in_values=True, ignore_empty_lines=columns > 1)
