"""Shipped records as Delta tables: a segment is one commit, and so is a compaction.

A compaction is made in a table beside the real one, of links to its files, and proven there. Its
commit then enters the real table as Delta's protocol has it: the data first, then the commit's file
under a name that was free. So no reader ever sees, and no crash ever leaves, rows that are not
proven to be those that were there.

Files that a commit replaced stay for a day, for whoever reads the table with other tools at that
moment; only an erasure removes them at once, with all that they hold.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Literal

import pyarrow as pa
import pyarrow.dataset as ds

from interlock.clock import HOUR, now
from interlock.serve.log.logged import TABLES
from interlock.serve.log.merging import PROVEN, Fingerprint, Merged, require_same
from interlock.serve.log.table import BATCH_ROWS, Place, Table
from interlock.store.atomic import PARTIAL, partial_path, storage, sync_directory

KEEP_HOURS = 24
_PLACES = 50  # segments in one statement that deletes
_SETTINGS = {"delta.dataSkippingStatsColumns": "worker,segment,time"}  # no unit's key in the log
_LOG = "_delta_log"  # Delta's name for a table's commits
_STAGED = re.compile(r".+#\d+")  # what Delta's own writer writes to, until it is whole
_TARGET_BYTES = 256_000_000  # of a file that compaction makes


@dataclass(frozen=True, kw_only=True)
class DeltaArchive:
    """A Delta table for each table."""

    directory: Path
    kind: Literal["delta"] = "delta"

    def make(self) -> None:
        """Begin the tables where there are none."""
        from deltalake import DeltaTable  # noqa: PLC0415 - an extra

        for table in TABLES:
            DeltaTable.create(
                str(self.directory / table.name),
                table.schema,
                mode="ignore",
                configuration=_SETTINGS,
            )

    def has(self, table: Table[Any], place: Place) -> bool:  # noqa: D102
        only = (ds.field("worker") == place.worker) & (ds.field("segment") == place.segment)
        return bool(self.rows(table).head(1, columns=["offset"], filter=only).num_rows)

    def put(  # noqa: D102
        self, table: Table[Any], place: Place, rows: Iterable[pa.RecordBatch]
    ) -> None:
        from deltalake import write_deltalake  # noqa: PLC0415 - an extra

        reader = pa.RecordBatchReader.from_batches(table.schema, rows)
        with storage(self.directory):
            write_deltalake(str(self.directory / table.name), reader, mode="append")
            self._sync_all(table)

    def rows(self, table: Table[Any], place: Place | None = None) -> ds.Dataset:  # noqa: D102 - its log tells
        return self._delta(table).to_pyarrow_dataset()

    def compact(self, table: Table[Any], *, before: int) -> Merged | None:  # noqa: D102
        if len(self._delta(table).file_uris()) < 2:
            return None
        place, trial = self.directory / table.name, partial_path(self.directory)
        try:
            with storage(self.directory):
                _link_all(place, trial)
            merged = _merged(place, trial)
            if merged is None:
                return None
            with storage(self.directory):
                _commit(trial, place)
        finally:
            rmtree(trial, ignore_errors=True)
        self._delta(table).create_checkpoint()  # else opening it reads every commit there was
        with storage(self.directory):
            self._sync_all(table)
        self.sweep(keep_hours=KEEP_HOURS)
        return merged

    def drop(self, places: Mapping[Place, set[int]]) -> None:  # noqa: D102
        for table in TABLES:
            delta = self._delta(table)
            conditions = [_condition(place, offsets) for place, offsets in places.items()]
            for start in range(0, len(conditions), _PLACES):
                delta.delete(" OR ".join(conditions[start : start + _PLACES]))
        self.sweep()

    def sweep(self, *, keep_hours: int = 0) -> None:  # noqa: D102
        with storage(self.directory):
            for died in self.directory.glob(f"{PARTIAL}*"):
                rmtree(died)
        for table in TABLES:
            self._delta(table).vacuum(
                retention_hours=keep_hours,
                dry_run=False,
                enforce_retention_duration=False,
                full=True,
            )
            with storage(self.directory):
                self._remove_staged(table, keep_hours)
                self._sync_all(table)

    def _remove_staged(self, table: Table[Any], keep_hours: int) -> None:
        """Remove files that their writer died in: no table has them, and vacuuming passes over."""
        before = now() - keep_hours * HOUR
        for path in (self.directory / table.name).rglob("*#*"):
            if _STAGED.fullmatch(path.name) and path.stat().st_mtime_ns // 1_000 <= before:
                path.unlink()

    def _delta(self, table: Table[Any]) -> Any:
        return _opened(self.directory / table.name)

    def _sync_all(self, table: Table[Any]) -> None:
        """Delta's own writer leaves syncing to the system; a segment is deleted after this."""
        place = self.directory / table.name
        for folder in (place / _LOG, place):
            for path in folder.iterdir():
                if path.is_file():
                    _sync(path)
            sync_directory(folder)


def _opened(place: Path) -> Any:
    from deltalake import DeltaTable  # noqa: PLC0415 - an extra

    return DeltaTable(str(place))


def _merged(place: Path, trial: Path) -> Merged | None:
    """Compact the table in ``trial``, and prove that its rows are still those in ``place``."""
    done = _opened(trial).optimize.compact(target_size=_TARGET_BYTES, max_concurrent_tasks=1)
    files, made = int(done["numFilesRemoved"]), int(done["numFilesAdded"])
    if not files:
        return None
    known = _fingerprint(place)
    require_same(known, _fingerprint(trial), where=place)
    return Merged(files=files, made=made, rows=known.rows)


def _fingerprint(place: Path) -> Fingerprint:
    return Fingerprint.of(
        _opened(place)
        .to_pyarrow_dataset()
        .to_batches(
            columns=PROVEN,
            batch_size=BATCH_ROWS,
            batch_readahead=2,
            fragment_readahead=1,
            use_threads=False,
        )
    )


def _link_all(place: Path, trial: Path) -> None:
    """The same table once more: a Delta table's files are replaced or removed, never written to."""
    for path in _files(place):
        target = trial / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(place / path)


def _commit(trial: Path, place: Path) -> None:
    """Let the table have what was committed in ``trial``. Raises OSError where it went on."""
    new = sorted(_files(trial) - _files(place))
    data = [path for path in new if path.parts[0] != _LOG]
    (commit,) = (path for path in new if path.parts[0] == _LOG and path.suffix == ".json")
    for path in (*data, commit):
        _sync(trial / path)
        (place / path).hardlink_to(trial / path)
        sync_directory((place / path).parent)


def _files(place: Path) -> set[Path]:
    return {path.relative_to(place) for path in place.rglob("*") if path.is_file()}


def _condition(place: Place, offsets: set[int]) -> str:
    among = ", ".join(map(str, sorted(offsets)))
    return f"(worker = '{place.worker}' AND segment = {place.segment} AND \"offset\" IN ({among}))"


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
