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
import pyarrow as pa

from interlock.clock import EARLIEST, LATEST
from interlock.data.engine import connect
from interlock.errors import OperatorError
from interlock.serve.log.archive import archives
from interlock.serve.log.logged import TABLES
from interlock.serve.log.segment import Damage
from interlock.serve.log.shipping import locked, unshipped
from interlock.serve.log.table import Table, in_tables

_MOST_INSTANTS = 1_000  # that a statement names one by one


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
    """The log, opened. ``damage`` lists the unreadable stretches that were passed over."""

    connection: duckdb.DuckDBPyConnection
    damage: tuple[Damage, ...]

    def rows(self, asked: Asked, *, limit: int | None = None) -> pa.RecordBatchReader:
        """The newest records first.

        Of so many it is asked first when they were: that reads no more than the columns asked
        about, and then only the parts of files are read that hold records of these instants.
        """
        condition, values = asked.where()
        order = "ORDER BY time DESC, id DESC"
        if limit is not None:
            within = self._within(condition, values, limit)
            condition = f"{condition} AND {within}" if condition else f"WHERE {within}"
            order += f" LIMIT {limit}"
        text = f"SELECT * FROM predictions {condition} {order}"  # noqa: S608 - see where()
        return self.connection.sql(text, params=values).to_arrow_reader()

    def _within(self, condition: str, values: Sequence[Any], limit: int) -> str:
        """A condition on the time that the newest records fulfil, and few others."""
        text = (
            f"SELECT epoch_us(time) FROM predictions {condition} "  # noqa: S608 - see where()
            f"ORDER BY time DESC LIMIT {limit}"
        )
        times = [int(time) for (time,) in self.connection.execute(text, values).fetchall()]
        if not times:
            return "false"
        if limit > _MOST_INSTANTS:
            return f"time >= make_timestamptz({times[-1]})"
        return f"time IN ({', '.join(f'make_timestamptz({time})' for time in times)})"

    def outcomes(self, ids: Sequence[str]) -> pa.Table:
        """Every outcome of these predictions, in the order observed."""
        text = (
            "SELECT * FROM outcomes WHERE prediction_id IN (SELECT unnest(?)) "
            "ORDER BY prediction_id, observed_at, name, source, revision"
        )
        return self.connection.sql(text, params=[list(ids)]).to_arrow_table()

    def unknown_outcomes(self) -> int:
        """How many outcomes there are of predictions that are not in the log."""
        text = "SELECT count(*) FROM outcomes WHERE NOT known"
        ((count,),) = self.connection.execute(text).fetchall()
        return int(count)

    def count(self, asked: Asked) -> int:
        """How many records there are."""
        condition, values = asked.where()
        text = f"SELECT count(*) FROM predictions {condition}"  # noqa: S608 - values are parameters
        ((count,),) = self.connection.execute(text, values).fetchall()
        return int(count)

    def select(self, statement: str) -> pa.RecordBatchReader:
        """What one SELECT gives. Raises OperatorError S185 for any other, or a wrong one."""
        try:
            parsed = self.connection.extract_statements(statement)
            if [s.type for s in parsed] != [duckdb.StatementType.SELECT]:
                raise _unusable(_kinds(parsed), statement)
            return self.connection.sql(statement).to_arrow_table().to_reader()
        except duckdb.Error as error:
            raise _unusable(str(error).splitlines()[0], statement) from None


@contextmanager
def viewed(log: Path) -> Iterator[LogView]:
    """The log with its archives; what is shipped meanwhile waits. Raises IntegrityError S181."""
    damage: list[Damage] = []
    connection = connect()
    try:
        if not log.is_dir():
            _define(connection, {table: [table.schema.empty_table()] for table in TABLES})
            yield LogView(connection=connection, damage=())
            return
        with locked(log, alone=False):
            known = archives(log)
            fresh = in_tables(unshipped(log, known, on_damage=damage.append), TABLES)
            parts = {t: [fresh[t], *(archive.rows(t) for archive in known)] for t in TABLES}
            _define(connection, parts)
            yield LogView(connection=connection, damage=tuple(damage))
    finally:
        connection.close()


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
