"""Where finished segments of the prediction log are shipped to: Parquet files, or a Delta table.

Rules:

- an archive is a folder of tables (:data:`interlock.serve.log.logged.TABLES`), one folder each;
- what a table holds of a segment is put whole or not at all, and is in an archive at most once;
- an archive belongs to one log: its marker names that log, since segments of two logs have the
  same names;
- the log names its archives (``archives.json``), so that they are found again without being told.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.dataset as ds

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.log.delta_archive import DeltaArchive
from interlock.serve.log.logged import TABLES
from interlock.serve.log.merging import PROVEN, Merged
from interlock.serve.log.parquet_archive import ParquetArchive
from interlock.serve.log.segment import Record as Entry
from interlock.serve.log.table import BATCH_ROWS, Place, Table
from interlock.store.atomic import storage, write_file
from interlock.store.delta_place import require_delta_place

Kind = Literal["parquet", "delta"]
_NAMED = "archives.json"
_MARKER = "_interlock_log.json"  # readers of Parquet folders pass over what begins with "_"
_FEW_AT_ONCE: dict[str, Any] = {
    "batch_size": BATCH_ROWS,
    "batch_readahead": 2,
    "fragment_readahead": 1,
    "use_threads": False,
    "fragment_scan_options": ds.ParquetFragmentScanOptions(pre_buffer=False),
}  # else some hundred thousand records, and what is to be read of whole files, lie in memory


class Archive(Protocol):
    """One place of shipped rows."""

    @property
    def kind(self) -> Kind:
        """Of what form."""

    @property
    def directory(self) -> Path:
        """Where it lies."""

    def has(self, table: Table[Any], place: Place) -> bool:
        """Whether that segment's rows of the table were put here."""

    def put(self, table: Table[Any], place: Place, rows: Iterable[pa.RecordBatch]) -> None:
        """Put a segment's rows, synced when this returns. Raises StoreError L101, L102."""

    def rows(self, table: Table[Any], place: Place | None = None) -> ds.Dataset:
        """All rows of the table, or where those of one segment are, others perhaps among them."""

    def compact(self, table: Table[Any], *, before: int) -> Merged | None:
        """Make few files of many, of days that were over at an instant (µs UTC); None: none to.

        A step at a time, each done whole or not at all. Raises StoreError L101, L102;
        IntegrityError S189 where what was made is not what it was made of.
        """

    def drop(self, places: Mapping[Place, set[int]]) -> None:
        """Remove the rows at those offsets, from the disk as well. Doing it twice is once."""

    def sweep(self, *, keep_hours: int = 0) -> None:
        """Remove what is no part of the tables: left by a process that died, or replaced.

        What was replaced less than ``keep_hours`` ago may stay, for whoever else reads it now.
        """


def entries(
    archive: Archive, place: Place | None = None, *, tables: Iterable[Table[Any]] = TABLES
) -> Iterator[Entry]:
    """The log's own records, of one segment or of all; within a segment in no particular order."""
    for table in tables:
        yield from _entries(archive.rows(table, place), place)


def _entries(rows: ds.Dataset, place: Place | None) -> Iterator[Entry]:
    for batch in batches(rows, place):
        for row in batch.to_pylist():
            payload = row.pop("record")
            yield Entry(payload=payload, **row)


def batches(rows: ds.Dataset, place: Place | None) -> Iterator[pa.RecordBatch]:
    """What identifies the rows of one segment, or of all, and their records; few at a time."""
    only = None
    if place is not None:
        only = (ds.field("worker") == place.worker) & (ds.field("segment") == place.segment)
    yield from rows.to_batches(columns=PROVEN, filter=only, **_FEW_AT_ONCE)


def archives(log: Path) -> list[Archive]:
    """The archives that the log names. Raises IntegrityError S181 where one is not there."""
    named = _named(log)
    found = [_opened(log, row) for row in named["archives"]]
    for archive in found:
        marker = archive.directory / _MARKER
        said = _marking(named["log"], archive.kind)
        if not marker.is_file() or json.loads(marker.read_bytes()) != said:
            raise IntegrityError(
                "S181",
                "shipped predictions are not where they were shipped to",
                where=str(archive.directory),
                expected="the folder that this log's segments were shipped to",
                got="no such folder, or one that is not of this log",
                fix="bring it back, or mount it, then run the same command again",
                untouched="the log",
            )
    return found


def archive_for(log: Path, kind: Kind, directory: Path) -> Archive:
    """The archive to ship to; begun and named on its first use.

    Raises OperatorError S182, S183, S190.
    """
    named = _named(log)
    archive = _archive(kind, directory.absolute())
    with storage(directory):
        directory.mkdir(parents=True, exist_ok=True)
    marker, said = directory / _MARKER, _marking(named["log"], kind)
    if marker.is_file():
        if json.loads(marker.read_bytes()) != said:
            raise _taken(directory)
    else:
        write_file(marker, json.dumps(said).encode())
    archive.make()
    row = {"kind": kind, "directory": _written(log, archive.directory)}
    if row not in named["archives"]:
        named["archives"].append(row)
        write_file(log / _NAMED, json.dumps(named, indent=2).encode())
    return archive


def _named(log: Path) -> dict[str, Any]:
    """The log's identity and its archives; made on first use of an archive."""
    path = log / _NAMED
    if path.is_file():
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found
    named = {"log": secrets.token_hex(16), "archives": []}
    if log.is_dir():
        write_file(path, json.dumps(named, indent=2).encode())
    return named


def _marking(log: str, kind: Kind) -> dict[str, Any]:
    """What an archive says of itself; an archive of other tables is another one."""
    return {"log": log, "kind": kind, "tables": [table.name for table in TABLES]}


def _written(log: Path, directory: Path) -> str:
    """From the folder the log lies in where it is there, so that the state folder can be moved."""
    beside = log.absolute().parent
    if directory.is_relative_to(beside):
        return str(directory.relative_to(beside))
    return str(directory)


def _opened(log: Path, row: Mapping[str, str]) -> Archive:
    directory = Path(row["directory"])
    kind: Kind = "delta" if row["kind"] == "delta" else "parquet"
    if not directory.is_absolute():
        directory = log.absolute().parent / directory
    return _archive(kind, directory)


def _archive(kind: Kind, directory: Path) -> ParquetArchive | DeltaArchive:
    if kind == "parquet":
        return ParquetArchive(directory=directory)
    try:
        import deltalake  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise OperatorError(
            "S182",
            "Delta tables need an extra library",
            where=str(directory),
            expected="the library 'deltalake'",
            got="it is not installed",
            fix="install 'interlock[delta]', or ship to Parquet with --to parquet",
            untouched="the log",
        ) from None
    require_delta_place(
        directory,
        changes=True,
        fix="name another folder with --dir, or ship to Parquet with --to parquet",
        untouched="the log",
    )
    return DeltaArchive(directory=directory)


def _taken(directory: Path) -> OperatorError:
    return OperatorError(
        "S183",
        "the folder holds something else",
        where=str(directory),
        expected="an empty folder, or one that this log was shipped to in this form",
        got="an archive of another log, or of another form",
        fix="name another folder with --dir",
        untouched="the folder and the log",
    )
