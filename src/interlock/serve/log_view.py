"""Questions to the prediction log: SQL over shipped and unshipped rows together, each row once.

Invariants: the view ``predictions`` holds every record once, with the columns of
:data:`interlock.serve.logged.SCHEMA` but ``record``; a statement can read nothing else and write
nothing: the database is in memory and may not touch files or the network.

>>> Asked(ids=("a", "b"), covered=False).where()
('WHERE id IN (?, ?) AND covered = ?', ['a', 'b', False])
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from interlock.data.engine import connect
from interlock.errors import OperatorError
from interlock.serve.archive import archives
from interlock.serve.logged import SCHEMA, table
from interlock.serve.segment import Damage
from interlock.serve.shipping import locked, unshipped


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which records; what is not named is not asked. Instants in microseconds, UTC.

    ``release`` is a label or the beginning of a digest. ``rejected`` asks for refused requests and
    rows not answered because they are not covered.
    """

    since: int | None = None
    until: int | None = None
    ids: tuple[str, ...] = ()
    release: str | None = None
    status: int | None = None
    entity: tuple[str, ...] = ()
    arm: str | None = None
    covered: bool | None = None
    rejected: bool = False

    def where(self) -> tuple[str, list[Any]]:
        """The condition and its parameters."""
        some: list[tuple[str, list[Any]]] = [
            ("epoch_us(time) >= ?", [self.since]),
            ("epoch_us(time) < ?", [self.until]),
            (f"id IN ({', '.join('?' * len(self.ids))})", [*self.ids] or [None]),
            ("(release = ? OR starts_with(digest, ?))", [self.release] * 2),
            ("status = ?", [self.status]),
            ("entity = ?", [list(self.entity) or None]),
            ("arm = ?", [self.arm]),
            ("covered = ?", [self.covered]),
            ("(status <> 200 OR covered = ?)", [False if self.rejected else None]),
        ]
        used = [(text, values) for text, values in some if values[0] is not None]
        text = " AND ".join(text for text, _ in used)
        return f"WHERE {text}" if text else "", [v for _, values in used for v in values]


@dataclass(frozen=True, kw_only=True)
class LogView:
    """The log, opened. ``damage`` lists the unreadable stretches that were passed over."""

    connection: duckdb.DuckDBPyConnection
    damage: tuple[Damage, ...]

    def rows(self, asked: Asked, *, limit: int | None = None) -> pa.RecordBatchReader:
        """The newest records first."""
        condition, values = asked.where()
        end = "" if limit is None else f" LIMIT {limit}"
        text = f"SELECT * FROM predictions {condition} ORDER BY time DESC, id DESC{end}"  # noqa: S608
        return self.connection.sql(text, params=values).to_arrow_reader()

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
                raise _unusable("one SELECT", statement)
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
            _define(connection, [SCHEMA.empty_table()])
            yield LogView(connection=connection, damage=())
            return
        with locked(log, alone=False):
            known = archives(log)
            open_rows = table(unshipped(log, known, on_damage=damage.append))
            _define(connection, [open_rows, *(archive.rows() for archive in known)])
            yield LogView(connection=connection, damage=tuple(damage))
    finally:
        connection.close()


def _define(connection: duckdb.DuckDBPyConnection, parts: list[Any]) -> None:
    columns = ", ".join(f'"{name}"' for name in SCHEMA.names if name != "record")
    for number, part in enumerate(parts):
        connection.register(f"part_{number}", part)
    union = " UNION ALL ".join(
        f"SELECT {columns} FROM part_{number}"  # noqa: S608 - names of the schema
        for number in range(len(parts))
    )
    connection.execute(f"CREATE VIEW predictions AS {union}")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")


def _unusable(problem: str, statement: str) -> OperatorError:
    return OperatorError(
        "S185",
        "the statement cannot be put to the prediction log",
        where=" ".join(statement.split())[:200],
        expected="one SELECT over the view 'predictions', such as "
        '"SELECT status, count(*) FROM predictions GROUP BY status"',
        got=problem,
        fix="correct the statement; docs/serving.md lists the columns",
    )
