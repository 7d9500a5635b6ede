"""Reads a source's rows as they stand: Parquet, CSV, or one read-only query on DuckDB.

Invariants: nothing is written and nothing is fetched from a network; relative paths start at the
project's folder; what cannot be read is an error that says what stands there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from interlock.data import engine
from interlock.data.logical import canonical, table_digest
from interlock.data.mistakes import reserved_column, unknown_column
from interlock.data.source import Source
from interlock.digest import digest_file, digest_json
from interlock.errors import AuthorError, first_line

_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


@dataclass(frozen=True, kw_only=True)
class Raw:
    """The rows as read; ``parse`` when declared columns came as text (CSV)."""

    table: pa.Table
    parse: bool


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A source's digest, and the rows that it is of where they had to be read for it."""

    digest: str
    raw: Raw | None = None


def read(source: Source, *, project_dir: Path, columns: Sequence[str] | None = None) -> Raw:
    """The source's rows, all columns or those named.

    Raises AuthorError D101, D102, D103, D107, D108, D109 or D110.
    """
    if mistakes := source.mistakes():
        raise AuthorError.of(mistakes)
    if source.sql is not None:
        found = Raw(table=_query(source, project_dir, columns), parse=False)
    else:
        paths = files_of(source, project_dir=project_dir)
        parse = is_csv(paths[0])
        reader = _read_csv if parse else _read_parquet
        tables = [reader(source, path, columns) for path in paths]
        found = Raw(table=_together(source, paths, tables), parse=parse)
    _check_names(source, found.table.column_names)
    return found


def query_schema(source: Source, *, project_dir: Path) -> pa.Schema:
    """Names and types of what a source's query gives; no row is kept.

    Raises AuthorError D107, D108 or D109.
    """
    if mistakes := source.mistakes():
        raise AuthorError.of(mistakes)
    table = _query(source, project_dir, None, limit=0)
    _check_names(source, table.column_names)
    return table.schema


def see(source: Source, *, project_dir: Path) -> Seen:
    """The digest of the declaration and of every file's bytes; rows are not read.

    A query has no files of its own: its digest is that of the rows it gives, read anew. A snapshot
    may be kept for as long as this digest, ``as_of`` and the zone are the same.
    """
    if source.sql is not None:
        raw = read(source, project_dir=project_dir)
        return Seen(digest=digest_of(source, raw, project_dir=project_dir), raw=raw)
    if mistakes := source.mistakes():
        raise AuthorError.of(mistakes)
    paths = files_of(source, project_dir=project_dir)
    return Seen(digest=digest_json([source.to_row(), sorted(map(digest_file, paths))]))


def digest_of(source: Source, raw: Raw, *, project_dir: Path) -> str:
    """What :func:`see` finds, of a source that was just read: a query is not run again."""
    if source.sql is None:
        return see(source, project_dir=project_dir).digest
    rows, left_out = canonical(raw.table)
    order = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in rows.column_names])
    return digest_json([source.to_row(), table_digest(rows.take(order)), left_out])


def files_of(source: Source, *, project_dir: Path) -> tuple[Path, ...]:
    """The files behind the source's path or pattern, sorted. Raises AuthorError D101."""
    path = source.path or ""
    whole = project_dir / path
    if whole.is_file():
        return (_known(source, whole),)
    found = _matching(whole)
    if not found:
        raise AuthorError(
            "D101",
            "a source's file is not there",
            where=source.where,
            expected=f"a Parquet or CSV file at {whole}",
            got=f"a folder; its files are {path}/*.parquet or {path}/*.csv"
            if whole.is_dir()
            else "nothing",
            fix="correct the path; relative paths start at the project's folder",
        )
    if len({is_csv(p) for p in found}) > 1:
        raise _unreadable(source, "Parquet and CSV files under one pattern")
    return tuple(_known(source, p) for p in found)


def is_csv(path: Path) -> bool:
    """Whether the file is text, whose columns have no types of their own."""
    return path.name.lower().endswith(_CSV)


def _matching(pattern: Path) -> list[Path]:
    """The files a pattern of an absolute or relative path matches, sorted."""
    parts = pattern.absolute().parts
    plain = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    folder, rest = Path(*parts[:plain]), parts[plain:]
    if not rest:
        return []
    return sorted(path for path in folder.glob(str(Path(*rest))) if path.is_file())


def _known(source: Source, path: Path) -> Path:
    if path.name.lower().endswith((*_PARQUET, *_CSV)):
        return path
    raise _unreadable(source, f"a file named {path.name}")


def _unreadable(source: Source, got: str) -> AuthorError:
    return AuthorError(
        "D102",
        "a source cannot be read",
        where=source.label,
        expected=f"files ending in {', '.join((*_PARQUET, *_CSV))}, intact and of one format",
        got=got,
        fix="mend or convert the file",
    )


def _read_parquet(source: Source, path: Path, columns: Sequence[str] | None) -> pa.Table:
    try:
        with pq.ParquetFile(path) as opened:
            _check_columns(source, opened.schema_arrow.names, columns)
            return opened.read(columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(source, f"{path.name}: {first_line(error)}") from None


def _read_csv(source: Source, path: Path, columns: Sequence[str] | None) -> pa.Table:
    connection = engine.connect()
    try:
        # Types are found from all rows, so that they do not depend on a sample; declared columns
        # and times are read as text and held to their rules row by row.
        sniffed = connection.read_csv(str(path), sample_size=-1, header=True)
        times = {source.event_time, source.available_at} - {None}
        typed = {c: "VARCHAR" for c in sniffed.columns if c in source.columns or c in times}
        rows = connection.read_csv(str(path), sample_size=-1, header=True, dtype=typed or None)
        _check_columns(source, rows.columns, columns)
        if columns is not None:
            rows = rows.project(", ".join(_identifier(c) for c in columns))
        return rows.to_arrow_table()
    except duckdb.Error as error:
        raise _unreadable(source, f"{path.name}: {first_line(error)}") from None
    finally:
        connection.close()


def _query(
    source: Source,
    project_dir: Path,
    columns: Sequence[str] | None,
    *,
    limit: int | None = None,
) -> pa.Table:
    connection = engine.connect(folder=project_dir)
    try:
        statements = connection.extract_statements(source.sql or "")
        if [s.type for s in statements] != [duckdb.StatementType.SELECT]:
            raise AuthorError(
                "D108",
                "a source's query is not one SELECT",
                where=source.where,
                expected="exactly one SELECT statement: a source only reads",
                got=", ".join(s.type.name for s in statements) or "nothing",
                fix="write one SELECT",
            )
        connection.execute("SET lock_configuration = true")
        rows = connection.sql(statements[0].query.rstrip().rstrip(";"))
        _check_columns(source, rows.columns, columns)
        if columns is not None:
            rows = rows.project(", ".join(_identifier(c) for c in columns))
        if limit is not None:
            rows = rows.limit(limit)
        return rows.to_arrow_table()
    except duckdb.Error as error:
        raise AuthorError(
            "D109",
            "a source's query failed",
            where=source.where,
            expected="a query on files of the project; nothing is fetched from a network",
            got=first_line(error),
            fix="try the query in DuckDB, in the project's folder",
        ) from None
    finally:
        connection.close()


def _identifier(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _check_columns(source: Source, there: Sequence[str], columns: Sequence[str] | None) -> None:
    if mistakes := [
        unknown_column(c, there, where=source.label, use=f"used by source '{source.name}'")
        for c in columns or ()
        if c not in there
    ]:
        raise AuthorError.of(mistakes)


def _check_names(source: Source, names: Sequence[str]) -> None:
    wrong = dict.fromkeys(n for n in names if n.startswith("__") or names.count(n) > 1)
    if wrong:
        raise AuthorError.of([reserved_column(n, where=source.label) for n in wrong])


def _together(source: Source, paths: Sequence[Path], tables: Sequence[pa.Table]) -> pa.Table:
    """One table of all files; they must have the same columns."""
    expected = set(tables[0].column_names)
    for path, table in zip(paths, tables, strict=True):
        _check_names(source, table.column_names)
        if odd := expected ^ set(table.column_names):
            raise AuthorError(
                "D110",
                "the files of a source have different columns",
                where=source.label,
                expected=f"the columns of {paths[0].name} in every file",
                got=f"{path.name} differs in {', '.join(sorted(odd))}",
                fix="give every file the same columns, or use sql='…' to choose them",
            )
    try:
        whole = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise _unreadable(source, f"types that differ between files: {first_line(error)}") from None
    if whole.num_rows == 0:
        raise _unreadable(source, "no rows")
    return whole
