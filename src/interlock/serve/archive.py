"""Where finished segments of the prediction log are shipped to: Parquet files, or a Delta table.

Rules:

- a segment is put whole or not at all, and is in an archive at most once;
- an archive belongs to one log: its marker names that log, since segments of two logs have the
  same names;
- the log names its archives (``archives.json``), so that they are found again without being told.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from interlock.errors import IntegrityError, OperatorError
from interlock.serve.logged import SCHEMA, Place
from interlock.serve.segment import Record as Entry
from interlock.store.atomic import PARTIAL, partial_path, storage, sync_directory, write_file

Kind = Literal["parquet", "delta"]
_NAMED = "archives.json"
_MARKER = "_interlock_log.json"  # readers of Parquet folders pass over what begins with "_"
_SETTINGS = {"delta.dataSkippingStatsColumns": "worker,segment,time"}  # no unit's key in the log


class Archive(Protocol):
    """One place of shipped rows."""

    @property
    def kind(self) -> Kind:
        """Of what form."""

    @property
    def directory(self) -> Path:
        """Where it lies."""

    def has(self, place: Place) -> bool:
        """Whether that segment was put here."""

    def put(self, place: Place, rows: Iterable[pa.RecordBatch]) -> None:
        """Put a segment's rows, synced when this returns. Raises StoreError L101, L102."""

    def rows(self) -> ds.Dataset:
        """All rows."""

    def drop(self, places: Mapping[Place, set[int]]) -> None:
        """Remove the rows at those offsets, from the disk as well. Doing it twice is once."""

    def sweep(self) -> None:
        """Remove what a process that died had only begun to write."""


def entries(archive: Archive, place: Place | None = None) -> Iterator[Entry]:
    """The log's own records, of one segment or of all; within a segment in no particular order."""
    only = None
    if place is not None:
        only = (ds.field("worker") == place.worker) & (ds.field("segment") == place.segment)
    columns = ["worker", "segment", "offset", "sequence", "record"]
    for batch in archive.rows().to_batches(columns=columns, filter=only):
        for row in batch.to_pylist():
            payload = row.pop("record")
            yield Entry(payload=payload, **row)


@dataclass(frozen=True, kw_only=True)
class ParquetArchive:
    """One Parquet file a segment: ``<worker>-<number>.parquet``."""

    directory: Path
    kind: Kind = "parquet"

    def _path(self, place: Place) -> Path:
        return self.directory / f"{place.worker}-{place.segment:08d}.parquet"

    def has(self, place: Place) -> bool:  # noqa: D102
        return self._path(place).is_file()

    def put(self, place: Place, rows: Iterable[pa.RecordBatch]) -> None:  # noqa: D102
        partial = partial_path(self.directory)
        with storage(self.directory):
            try:
                with pq.ParquetWriter(partial, SCHEMA, compression="zstd") as writer:
                    for batch in rows:
                        writer.write_batch(batch)
                _sync(partial)
                partial.replace(self._path(place))
                sync_directory(self.directory)
            finally:
                partial.unlink(missing_ok=True)

    def rows(self) -> ds.Dataset:  # noqa: D102
        files = [str(path) for path in sorted(self.directory.glob("*-*.parquet"))]
        if not files:
            return ds.dataset(SCHEMA.empty_table())
        return ds.dataset(files, schema=SCHEMA, format="parquet")

    def drop(self, places: Mapping[Place, set[int]]) -> None:  # noqa: D102
        for place, offsets in places.items():
            if not self.has(place):
                continue
            table = pq.ParquetFile(self._path(place)).read()
            gone = [offset in offsets for offset in table["offset"].to_pylist()]
            if any(gone):
                left = table.filter(pa.array([not g for g in gone]))
                self.put(place, left.to_batches())

    def sweep(self) -> None:  # noqa: D102
        with storage(self.directory):
            for path in self.directory.glob(f"{PARTIAL}*"):
                path.unlink()


@dataclass(frozen=True, kw_only=True)
class DeltaArchive:
    """A Delta table; a segment is one commit."""

    directory: Path
    kind: Kind = "delta"

    def _table(self) -> Any:
        from deltalake import DeltaTable  # noqa: PLC0415 - an extra

        return DeltaTable(str(self.directory))

    def make(self) -> None:
        """Begin the table where there is none."""
        from deltalake import DeltaTable  # noqa: PLC0415 - an extra

        DeltaTable.create(str(self.directory), SCHEMA, mode="ignore", configuration=_SETTINGS)

    def has(self, place: Place) -> bool:  # noqa: D102
        only = (ds.field("worker") == place.worker) & (ds.field("segment") == place.segment)
        return bool(self.rows().head(1, columns=["offset"], filter=only).num_rows)

    def put(self, place: Place, rows: Iterable[pa.RecordBatch]) -> None:  # noqa: D102
        from deltalake import write_deltalake  # noqa: PLC0415 - an extra

        reader = pa.RecordBatchReader.from_batches(SCHEMA, rows)
        with storage(self.directory):
            write_deltalake(str(self.directory), reader, mode="append")
            self._sync_all()

    def rows(self) -> ds.Dataset:  # noqa: D102
        return self._table().to_pyarrow_dataset()

    def drop(self, places: Mapping[Place, set[int]]) -> None:  # noqa: D102
        table = self._table()
        for place, offsets in places.items():
            among = ", ".join(map(str, sorted(offsets)))
            table.delete(
                f"worker = '{place.worker}' AND segment = {place.segment} "
                f'AND "offset" IN ({among})'
            )
        self.sweep()

    def sweep(self) -> None:  # noqa: D102
        self._table().vacuum(
            retention_hours=0, dry_run=False, enforce_retention_duration=False, full=True
        )
        with storage(self.directory):
            self._sync_all()

    def _sync_all(self) -> None:
        """Delta's own writer leaves syncing to the system; a segment is deleted after this."""
        for folder in (self.directory / "_delta_log", self.directory):
            for path in folder.iterdir():
                if path.is_file():
                    _sync(path)
            sync_directory(folder)


def archives(log: Path) -> list[Archive]:
    """The archives that the log names. Raises IntegrityError S181 where one is not there."""
    found = [_opened(log, row) for row in _named(log)["archives"]]
    for archive in found:
        if not (archive.directory / _MARKER).is_file():
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
    """The archive to ship to; begun and named on its first use. Raises OperatorError S183."""
    named = _named(log)
    archive = _archive(kind, directory.absolute())
    with storage(directory):
        directory.mkdir(parents=True, exist_ok=True)
    marker, said = directory / _MARKER, {"log": named["log"], "kind": kind}
    if marker.is_file():
        if json.loads(marker.read_bytes()) != said:
            raise _taken(directory)
    else:
        write_file(marker, json.dumps(said).encode())
    if isinstance(archive, DeltaArchive):
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


def _archive(kind: Kind, directory: Path) -> Archive:
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


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
