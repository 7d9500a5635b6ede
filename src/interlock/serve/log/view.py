"""Questions to the prediction log: SQL over shipped and unshipped rows together, each row once.

Invariants: the view ``predictions`` holds every record of a request once, with the columns that
are shipped but ``record``; ``outcomes`` holds every outcome once, however often it was sent. A
statement can read nothing else and write nothing: the database is in memory and may not touch files
or the network.

>>> Asked(ids=("a", "b"), covered=False).where()
('WHERE id IN (?, ?) AND covered = ?', ['a', 'b', False])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from interlock.clock import EARLIEST, LATEST
from interlock.data.engine import connect
from interlock.errors import OperatorError
from interlock.serve.log.archive import archives
from interlock.serve.log.logged import OUTCOMES, PREDICTIONS, TABLES
from interlock.serve.log.scan import Scan
from interlock.serve.log.segment import Damage
from interlock.serve.log.shipping import locked, scans
from interlock.serve.log.table import Table

_MOST_INSTANTS = 1_000  # that a statement names one by one
_WINDOW_ROWS = 50_000  # that are sorted at once


@dataclass(frozen=True, kw_only=True)
class Written:
    """A unit's key as some releases write it: the texts that each part may have.

    ``digests`` are the releases, or with ``others`` those that it is not.
    """

    parts: tuple[tuple[str, ...], ...]
    digests: tuple[str, ...]
    others: bool = False

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        texts = [f"len(entity) = {len(self.parts)}"]
        values: list[Any] = []
        for place, part in enumerate(self.parts, 1):
            texts.append(f"list_contains(?::VARCHAR[], entity[{place}])")
            values.append(list(part))
        texts.append(f"list_contains(?::VARCHAR[], digest) = {not self.others}")
        return " AND ".join(texts), [*values, list(self.digests)]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which records; what is not named is not asked. Instants in microseconds, UTC.

    ``release`` is a label or the beginning of a digest. ``rejected`` asks for refused requests and
    rows not answered because they are not covered. ``entity`` is a unit's key as the log writes
    it, ``units`` the same as releases may have written it: one of them is enough.
    """

    since: int | None = None
    until: int | None = None
    ids: tuple[str, ...] = ()
    release: str | None = None
    status: int | None = None
    entity: tuple[str, ...] = ()
    units: tuple[Written, ...] = ()
    arm: str | None = None
    covered: bool | None = None
    rejected: bool = False

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        some: list[tuple[str, list[Any]]] = [
            ("time >= make_timestamptz(?)", [self.since]),
            ("time < make_timestamptz(?)", [self.until]),
            (f"id IN ({', '.join('?' * len(self.ids))})", [*self.ids] or [None]),
            ("(release = ? OR starts_with(digest, ?))", [self.release] * 2),
            ("status = ?", [self.status]),
            ("entity = ?", [list(self.entity) or None]),
            ("arm = ?", [self.arm]),
            ("covered = ?", [self.covered]),
            ("(status <> 200 OR covered = ?)", [False if self.rejected else None]),
        ]
        used = [(text, values) for text, values in some if values[0] is not None]
        if self.units:
            written = [unit.where() for unit in self.units]
            either = " OR ".join(f"({text})" for text, _ in written)
            used.append((f"({either})", [v for _, values in written for v in values]))
        text = " AND ".join(text for text, _ in used)
        return f"WHERE {text}" if text else "", [v for _, values in used for v in values]


@dataclass(frozen=True, kw_only=True)
class LogView:
    """The log, opened. ``damage`` lists the unreadable stretches that were passed over.

    ``fresh`` is what is in no archive, ``told`` says whether there is any outcome: asking whose
    they are would read the id of every prediction.
    """

    connection: duckdb.DuckDBPyConnection
    damage: tuple[Damage, ...] = ()
    fresh: Mapping[Table[Any], Scan]
    told: bool = False

    def rows(self, asked: Asked, *, limit: int | None = None) -> pa.RecordBatchReader:
        """The newest records first.

        Of them it is asked first when they were: that reads no more than the columns asked about.
        Then only the parts of files are read that hold records of these instants, some ten
        thousand records at a time: so many, and no more, are in memory and sorted.
        """
        times = self._times(asked, limit)
        schema = self._found("SELECT * FROM predictions LIMIT 0").schema
        return pa.RecordBatchReader.from_batches(schema, self._windows(asked, times, limit))

    def _times(self, asked: Asked, limit: int | None) -> NDArray[np.int64]:
        """When the newest records were asked, the newest first."""
        condition, values = asked.where()
        most = "" if limit is None else f"LIMIT {limit}"
        text = (
            f"SELECT epoch_us(time) AS time FROM predictions {condition} "  # noqa: S608 - see where()
            f"ORDER BY time DESC {most}"
        )
        found: NDArray[np.int64] = self._found(text, values)["time"].to_numpy()
        return found

    def _windows(
        self, asked: Asked, times: NDArray[np.int64], limit: int | None
    ) -> Iterator[pa.RecordBatch]:
        condition, values = asked.where()
        left = len(times)
        newest = None
        for first in range(0, len(times), _WINDOW_ROWS):
            some = times[first : first + _WINDOW_ROWS]
            if newest is not None:
                some = some[some < newest]  # the others came with those before
            if not len(some):
                continue
            newest = int(some[-1])
            text = (
                f"SELECT * FROM predictions {condition} {'AND' if condition else 'WHERE'} "  # noqa: S608
                f"{_when(some)} ORDER BY time DESC, id DESC LIMIT {left}"
            )
            with self.fresh[PREDICTIONS].within((newest, int(some[0]))):
                found = self._found(text, values)
            left -= found.num_rows
            yield from found.to_batches()

    def outcomes(self, ids: Sequence[str]) -> pa.Table:
        """Every outcome of these predictions, in the order observed."""
        if not self.told:
            return self._found("SELECT * FROM outcomes LIMIT 0")
        text = (
            "SELECT * FROM outcomes WHERE prediction_id IN (SELECT unnest(?)) "
            "ORDER BY prediction_id, observed_at, name, source, revision"
        )
        return self._found(text, [list(ids)])

    def unknown_outcomes(self) -> int:
        """How many outcomes there are of predictions that are not in the log."""
        return self._number("SELECT count(*) FROM outcomes WHERE NOT known") if self.told else 0

    def count(self, asked: Asked) -> int:
        """How many records there are."""
        condition, values = asked.where()
        return self._number(f"SELECT count(*) FROM predictions {condition}", values)  # noqa: S608

    def select(self, statement: str) -> pa.RecordBatchReader:
        """What one SELECT gives. Raises OperatorError S185 for any other, or a wrong one."""
        try:
            parsed = self.connection.extract_statements(statement)
            if [s.type for s in parsed] != [duckdb.StatementType.SELECT]:
                raise _unusable(_kinds(parsed), statement)
            return self._found(statement).to_reader()
        except duckdb.Error as error:
            raise _unusable(str(error).splitlines()[0], statement) from None

    def _number(self, statement: str, values: Sequence[Any] = ()) -> int:
        (number,) = self._found(statement, values).column(0).to_pylist()
        return int(number)

    def _found(self, statement: str, values: Sequence[Any] = ()) -> pa.Table:
        """What a SELECT gives. Raises what kept the log from being read, or duckdb.Error."""
        for scan in self.fresh.values():
            scan.failure = None
        try:
            return self.connection.sql(statement, params=list(values)).to_arrow_table()
        except duckdb.Error:
            for scan in self.fresh.values():
                if scan.failure is not None:
                    raise scan.failure from None
            raise


def _when(times: NDArray[np.int64]) -> str:
    """A condition on the time that records of these instants fulfil, and few others."""
    if len(times) > _MOST_INSTANTS:
        return f"time BETWEEN make_timestamptz({times[-1]}) AND make_timestamptz({times[0]})"
    return f"time IN ({', '.join(f'make_timestamptz({time})' for time in times)})"


@contextmanager
def viewed(log: Path) -> Iterator[LogView]:
    """The log with its archives; what is shipped meanwhile waits. Raises IntegrityError S181."""
    damage: list[Damage] = []
    connection = connect()
    try:
        if not log.is_dir():
            empty = {table: Scan(table) for table in TABLES}
            _define(connection, {table: [scan] for table, scan in empty.items()})
            yield LogView(connection=connection, fresh=empty)
            return
        with locked(log, alone=False):
            known = archives(log)
            fresh = scans(log, known, on_damage=damage.append)
            parts = {t: [fresh[t], *(archive.rows(t) for archive in known)] for t in TABLES}
            _define(connection, parts)
            told = fresh[OUTCOMES].rows or any(_any(archive.rows(OUTCOMES)) for archive in known)
            yield LogView(connection=connection, damage=tuple(damage), fresh=fresh, told=bool(told))
    finally:
        connection.close()


def _any(rows: ds.Dataset) -> bool:
    return bool(rows.head(1, columns=["offset"]).num_rows)


def _define(
    connection: duckdb.DuckDBPyConnection, parts: Mapping[Table[Any], Sequence[Any]]
) -> None:
    every = {table.name: _union(connection, table, found) for table, found in parts.items()}
    connection.execute(f"CREATE VIEW predictions AS {every['predictions']}")
    connection.execute(f"CREATE VIEW outcomes AS {_OUTCOMES.format(every=every['outcomes'])}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")


def _union(connection: duckdb.DuckDBPyConnection, table: Table[Any], parts: Sequence[Any]) -> str:
    """A SELECT of all rows of the table, wherever they lie."""
    columns = ", ".join(_column(name) for name in table.schema.names if name != "record")
    for number, part in enumerate(parts):
        connection.register(f"{table.name}_{number}", part)
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {table.name}_{number}"  # noqa: S608 - names of the schema
        for number in range(len(parts))
    )


def _column(name: str) -> str:
    """A column; of instants that callers named, older logs hold some that no calendar can show."""
    if name not in ("as_of", "event_time", "observed_at"):
        return f'"{name}"'
    first, last = (f"make_timestamptz({instant})" for instant in (EARLIEST, LATEST))
    return f'CASE WHEN "{name}" < {first} THEN {first} WHEN "{name}" > {last} THEN {last} ' + (
        f'ELSE "{name}" END AS "{name}"'
    )


_OUTCOMES = """
    WITH sent AS ({every}),
    compared AS (
        SELECT *,
            row_number() OVER (same ORDER BY time, worker, segment, "offset") AS copy,
            min(hash(value, class, event_time)) OVER same
                <> max(hash(value, class, event_time)) OVER same AS disputed
        FROM sent
        WINDOW same AS (PARTITION BY prediction_id, name, source, revision)
    )
    SELECT * EXCLUDE (copy),
        min(observed_at) OVER (
            PARTITION BY prediction_id, name, source ORDER BY revision
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS superseded_at,
        prediction_id IN (SELECT id FROM predictions) AS known
    FROM compared WHERE copy = 1
"""
"""The first record of each outcome; ``disputed`` where another of that key says something else."""


def _kinds(parsed: Sequence[duckdb.Statement]) -> str:
    """What the statements are: 'DROP', 'SELECT, SELECT'."""
    return ", ".join(statement.type.name for statement in parsed) or "no statement"


def _unusable(problem: str, statement: str) -> OperatorError:
    return OperatorError(
        "S185",
        "the statement cannot be put to the prediction log",
        where=" ".join(statement.split())[:200],
        expected="one SELECT over the views 'predictions' and 'outcomes', such as "
        '"SELECT status, count(*) FROM predictions GROUP BY status"',
        got=problem,
        fix="correct the statement; docs/serving.md lists the columns",
    )
