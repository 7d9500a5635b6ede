"""Rows of the prediction log as a file: Parquet, CSV or one JSON object a line.

The file appears whole or not at all. In CSV a list is its JSON.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from interlock.errors import OperatorError
from interlock.store.atomic import partial_path, storage, sync_directory

_Writer = Callable[[Iterable[pa.RecordBatch], pa.Schema, BinaryIO], None]


def export(rows: pa.RecordBatchReader, path: Path) -> int:
    """Write the rows to a file, replacing it; how many there were.

    Raises OperatorError S186 for another ending, StoreError L101, L102.
    """
    write = _WRITERS.get(path.suffix)
    if write is None:
        raise OperatorError(
            "S186",
            "the prediction log cannot be exported to that file",
            where=str(path),
            expected="a file that ends in " + ", ".join(_WRITERS),
            got=repr(path.suffix),
            fix="name the file accordingly",
        )
    count = 0

    def counted() -> Iterable[pa.RecordBatch]:
        nonlocal count
        for batch in rows:
            count += batch.num_rows
            yield batch

    partial = partial_path(path.parent)
    with storage(path):
        try:
            with partial.open("xb") as stream:
                write(counted(), rows.schema, stream)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
            sync_directory(path.parent)
        finally:
            partial.unlink(missing_ok=True)
    return count


def _parquet(rows: Iterable[pa.RecordBatch], schema: pa.Schema, stream: BinaryIO) -> None:
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)


def _csv(rows: Iterable[pa.RecordBatch], schema: pa.Schema, stream: BinaryIO) -> None:
    flat = pa.schema([_flat_field(field) for field in schema])
    with pa_csv.CSVWriter(stream, flat) as writer:
        for batch in rows:
            columns = [_flat(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=flat))


def _flat_field(field: pa.Field) -> pa.Field:
    return pa.field(field.name, pa.string()) if pa.types.is_nested(field.type) else field


def _flat(column: pa.Array) -> pa.Array:
    if not pa.types.is_nested(column.type):
        return column
    texts = [None if v is None else msgspec.json.encode(v).decode() for v in column.to_pylist()]
    return pa.array(texts, pa.string())


def _jsonl(rows: Iterable[pa.RecordBatch], schema: pa.Schema, stream: BinaryIO) -> None:
    encoder = msgspec.json.Encoder()
    for batch in rows:
        stream.writelines(encoder.encode(row) + b"\n" for row in batch.to_pylist())


_WRITERS: dict[str, _Writer] = {".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl}
