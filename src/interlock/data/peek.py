"""The columns of a source, without its rows where the format allows."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from interlock.data.inspection import source_mistakes
from interlock.data.read import Raw, files_of, is_csv, query_schema, read
from interlock.data.source import Source
from interlock.errors import Mistake


def columns_of(source: Source, *, project_dir: Path) -> pa.Schema:
    """Names and types as stored. Raises AuthorError as :func:`interlock.data.read.read` does."""
    if source.sql is not None:
        return query_schema(source, project_dir=project_dir)
    path = files_of(source, project_dir=project_dir)[0]
    if path.suffix in (".parquet", ".pq"):
        try:
            return pq.read_schema(path)
        except (pa.ArrowException, OSError):
            pass  # reading says what is wrong with it
    return read(source, project_dir=project_dir).table.schema


def schema_mistakes(
    source: Source, schema: pa.Schema, *, project_dir: Path, zone: str | None
) -> list[Mistake]:
    """What is wrong with the source as far as names and types tell; ``zone`` is that of dates."""
    parse = source.sql is None and is_csv(files_of(source, project_dir=project_dir)[0])
    return source_mistakes(source, Raw(table=schema.empty_table(), parse=parse), zone=zone)
