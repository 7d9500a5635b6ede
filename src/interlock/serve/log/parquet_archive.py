"""Shipped records as Parquet files: one a segment and table, and few for days that are over.

Rules:

- ``<table>/<worker>-<number>.parquet`` holds what the table has of one segment;
- ``<table>/<day>.<random>.parquet`` holds many of them. Which segments these are stands in
  ``<table>/_compacted.json``, and that alone says what counts: of a segment that is in it the file
  of its own is over, and a day's file that is not in it never was. So a compaction is done when
  that file is replaced, whole or not at all, and what is over is removed by whoever comes next;
- a compacted file holds, to the byte, the records of the files it was made of: it was read back.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from interlock.clock import DAY, instant_of, to_datetime
from interlock.serve.log.logged import TABLES
from interlock.serve.log.merging import PROVEN, Fingerprint, Merged, require_same
from interlock.serve.log.table import BATCH_ROWS, Place, Table
from interlock.store.atomic import PARTIAL, partial_path, storage, sync_directory, write_file

_INDEX = "_compacted.json"  # readers of Parquet folders pass over what begins with "_"
_OF_SEGMENT = re.compile(r"([A-Za-z0-9_]{1,64})-(\d{8,})\.parquet")
_OF_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})\.[0-9a-f]{16}\.parquet")
_MOST_BYTES = 64_000_000  # of a day's file; a day with more has several
_GROUP_ROWS = BATCH_ROWS  # what is read for one row
_Run = tuple[str, int, int]
"""A worker, and the first and last number of segments that follow each other."""


@dataclass(frozen=True, kw_only=True)
class ParquetArchive:
    """The files of all tables, one folder each."""

    directory: Path
    kind: Literal["parquet"] = "parquet"

    def make(self) -> None:
        """Begin the tables where there are none."""
        with storage(self.directory):
            for table in TABLES:
                (self.directory / table.name).mkdir(exist_ok=True)

    def has(self, table: Table[Any], place: Place) -> bool:  # noqa: D102
        return self._path(table, place).is_file() or bool(self._compacted(table, place))

    def put(  # noqa: D102
        self, table: Table[Any], place: Place, rows: Iterable[pa.RecordBatch]
    ) -> None:
        _write(self._path(table, place), table, rows)

    def rows(self, table: Table[Any], place: Place | None = None) -> ds.Dataset:  # noqa: D102
        found = self._compacted(table, place)
        if place is None:
            found += [path for path, known in self._segments(table) if not known]
        elif not found and self._path(table, place).is_file():
            found = [self._path(table, place)]
        if not found:
            return ds.dataset(table.schema.empty_table())
        return ds.dataset(list(map(str, sorted(found))), schema=table.schema, format="parquet")

    def compact(self, table: Table[Any], *, before: int) -> Merged | None:  # noqa: D102
        some = next(self._to_merge(table, before), None)
        if some is None:
            return None
        day, paths = some
        folder, index = self.directory / table.name, self._index(table)
        made = folder / f"{day}.{secrets.token_hex(8)}.parquet"
        known = Fingerprint()
        _write(made, table, _seen(_batches(paths), known), group_rows=_GROUP_ROWS)
        again = pq.ParquetFile(made).iter_batches(batch_size=BATCH_ROWS, columns=PROVEN)
        require_same(known, Fingerprint.of(again), where=made)
        places = [place for path in paths for place in _places_of(path, index)]
        merged = {path.name for path in paths}
        kept = {name: runs for name, runs in index.items() if name not in merged}
        self._write_index(table, {**kept, made.name: _runs(places)})
        _remove(paths, folder)
        return Merged(files=len(paths), made=1, rows=known.rows)

    def drop(self, places: Mapping[Place, set[int]]) -> None:  # noqa: D102
        self.sweep()
        for table in TABLES:
            days: dict[Path, dict[Place, set[int]]] = {}
            for place, offsets in places.items():
                if self._path(table, place).is_file():
                    self._drop(table, self._path(table, place), {place: offsets})
                for path in self._compacted(table, place):
                    days.setdefault(path, {})[place] = offsets
            for path, gone in days.items():
                self._drop(table, path, gone)

    def sweep(self, *, keep_hours: int = 0) -> None:  # noqa: D102 - nothing is kept
        with storage(self.directory):
            for path in self.directory.glob(f"*/{PARTIAL}*"):
                path.unlink()
        for table in TABLES:
            index, folder = self._index(table), self.directory / table.name
            over = [path for path, compacted in self._segments(table) if compacted]
            over += [
                path
                for path in folder.glob("*.parquet")
                if _OF_DAY.fullmatch(path.name) and path.name not in index
            ]
            if over:
                _remove(over, folder)

    def _path(self, table: Table[Any], place: Place) -> Path:
        return self.directory / table.name / f"{place.worker}-{place.segment:08d}.parquet"

    def _index(self, table: Table[Any]) -> dict[str, list[_Run]]:
        """The days' files and the segments in each."""
        path = self.directory / table.name / _INDEX
        if not path.is_file():
            return {}
        with storage(path):
            found = json.loads(path.read_bytes())
        return {name: [(w, first, last) for w, first, last in runs] for name, runs in found.items()}

    def _write_index(self, table: Table[Any], index: Mapping[str, Sequence[_Run]]) -> None:
        write_file(self.directory / table.name / _INDEX, json.dumps(index).encode())

    def _compacted(self, table: Table[Any], place: Place | None) -> list[Path]:
        """The days' files, or those that hold a segment: one at most."""
        return [
            self.directory / table.name / name
            for name, runs in self._index(table).items()
            if place is None or any(_in_run(place, run) for run in runs)
        ]

    def _segments(self, table: Table[Any]) -> Iterator[tuple[Path, bool]]:
        """The files of one segment each, and whether a day's file stands for it."""
        runs = [run for runs in self._index(table).values() for run in runs]
        by_worker: dict[str, set[int]] = {}
        for worker, first, last in runs:
            by_worker.setdefault(worker, set()).update(range(first, last + 1))
        for path in sorted((self.directory / table.name).glob("*-*.parquet")):
            place = _place_of(path)
            if place is not None:
                yield path, place.segment in by_worker.get(place.worker, ())

    def _to_merge(self, table: Table[Any], before: int) -> Iterator[tuple[str, list[Path]]]:
        """Files that are to become one, and their day; the larger files of a day come last."""
        days: dict[str, list[Path]] = {}
        for path, compacted in self._segments(table):
            day = None if compacted else _day(path)
            if day is not None and day < to_datetime(before - before % DAY).date().isoformat():
                days.setdefault(day, []).append(path)
        for day, paths in sorted(days.items()):
            whole = [p for p in self._compacted(table, None) if p.name.startswith(f"{day}.")]
            chosen: list[Path] = []
            size = 0
            for path in [*paths, *sorted(whole, key=lambda p: p.stat().st_size)]:
                size += path.stat().st_size
                if size > _MOST_BYTES and chosen:
                    break
                chosen.append(path)
            if len(chosen) > 1:
                yield day, chosen

    def _drop(self, table: Table[Any], path: Path, gone: Mapping[Place, set[int]]) -> None:
        """Write a file anew without those rows; one without any is removed."""
        stay = rows = 0
        for batch in pq.ParquetFile(path).iter_batches(columns=PROVEN[:3]):
            stay, rows = stay + sum(_left(batch, gone)), rows + batch.num_rows
        if stay == rows:
            return
        if stay:
            size = _GROUP_ROWS if _OF_DAY.fullmatch(path.name) else None
            kept = (b.filter(pa.array(_left(b, gone))) for b in _batches([path]))
            _write(path, table, kept, group_rows=size)
            return
        index = self._index(table)
        if index.pop(path.name, None) is not None:
            self._write_index(table, index)
        _remove([path], path.parent)  # files of days gone by would otherwise pile up, empty


def _write(
    path: Path, table: Table[Any], rows: Iterable[pa.RecordBatch], *, group_rows: int | None = None
) -> None:
    """Write a file, which appears whole; row groups are batches, or of so many rows."""
    partial = partial_path(path.parent)
    with storage(path.parent):
        try:
            with pq.ParquetWriter(partial, table.schema, compression="zstd") as writer:
                for group in rows if group_rows is None else _grouped(rows, group_rows):
                    writer.write_table(pa.Table.from_batches([group], table.schema))
            _sync(partial)
            partial.replace(path)
            sync_directory(path.parent)
        finally:
            partial.unlink(missing_ok=True)


def _grouped(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """The same rows in larger batches."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(one.num_rows for one in waiting) >= rows:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)


def _batches(paths: Iterable[Path]) -> Iterator[pa.RecordBatch]:
    for path in paths:
        yield from pq.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS)


def _seen(batches: Iterable[pa.RecordBatch], by: Fingerprint) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        by.see(batch)
        yield batch


def _left(batch: pa.RecordBatch, gone: Mapping[Place, set[int]]) -> list[bool]:
    """Which rows stay."""
    columns = (batch.column(name).to_pylist() for name in PROVEN[:3])
    return [
        offset not in gone.get(Place(worker=worker, segment=segment), ())
        for worker, segment, offset in zip(*columns, strict=True)
    ]


def _day(path: Path) -> str | None:
    """The day (UTC) of a file's first record; None of one without records."""
    described = pq.read_metadata(path)
    column = described.schema.names.index("time")
    groups = [described.row_group(k).column(column) for k in range(described.num_row_groups)]
    first = [
        g.statistics.min for g in groups if g.statistics is not None and g.statistics.has_min_max
    ]
    return to_datetime(min(map(instant_of, first))).date().isoformat() if first else None


def _place_of(path: Path) -> Place | None:
    found = _OF_SEGMENT.fullmatch(path.name)
    return None if found is None else Place(worker=found[1], segment=int(found[2]))


def _places_of(path: Path, index: Mapping[str, Sequence[_Run]]) -> list[Place]:
    """The segments that a file holds."""
    place = _place_of(path)
    if place is not None:
        return [place]
    return [
        Place(worker=worker, segment=number)
        for worker, first, last in index[path.name]
        for number in range(first, last + 1)
    ]


def _runs(places: Iterable[Place]) -> list[_Run]:
    """Segments by worker, those that follow each other together.

    >>> _runs([Place(worker="w0", segment=n) for n in (3, 1, 2, 7)])
    [('w0', 1, 3), ('w0', 7, 7)]
    """
    found = []
    ordered = enumerate(sorted(set(places)))
    for (worker, _), run in groupby(ordered, key=lambda at: (at[1].worker, at[1].segment - at[0])):
        numbers = [place.segment for _, place in run]
        found.append((worker, numbers[0], numbers[-1]))
    return found


def _in_run(place: Place, run: _Run) -> bool:
    worker, first, last = run
    return place.worker == worker and first <= place.segment <= last


def _remove(paths: Iterable[Path], folder: Path) -> None:
    with storage(folder):
        for path in paths:
            path.unlink(missing_ok=True)
        sync_directory(folder)


def _sync(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
