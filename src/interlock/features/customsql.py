"""Histories by a query written by hand, under the same laws of time, on DuckDB.

Rules:
- At a grid point the query sees the rows that were known by then, in the revision in force, of
  events before it, in a fixed order; ``:as_of`` is the grid point. It sees nothing else: no other
  table, file or network, no clock, no chance.
- It gives one row an entity. An entity without a row has the declared defaults; a row whose key is
  missing in part belongs to no entity.
- It is run twice at the last grid point, and must give the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from interlock.clock import format_instant, to_datetime
from interlock.data import engine
from interlock.data.kinds import SQL_TYPES
from interlock.data.logical import canonical
from interlock.errors import AuthorError, first_line
from interlock.features.definition import HistoryDefinition
from interlock.wording import counted

_AS_OF = re.compile(
    r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|::)|:as_of\b""", re.DOTALL
)
_LAWS = "__event_time < {grid} AND __available_at <= {grid} AND __superseded_at > {grid}"
_TIMES = ("__event_time", "__available_at", "__superseded_at", "__key")


def with_parameter(sql: str) -> str:
    """The query with ``:as_of`` as DuckDB writes a parameter; texts and comments stay.

    >>> with_parameter("select ':as_of', t::date from s where t < :as_of")
    "select ':as_of', t::date from s where t < $as_of"
    """
    return _AS_OF.sub(lambda found: found[1] or "$as_of", sql)


def compute(definition: HistoryDefinition, rows: pa.Table, at: pa.Table) -> pa.Table:
    """As :func:`interlock.features.history.compute`. Raises AuthorError F126."""
    at, _ = canonical(at)
    grids = np.unique(at["__grid"].to_numpy()).tolist()
    found = refresh_table(definition, rows, grids)
    keys = ["__grid", *(name for name, _ in definition.entity)]
    same = " AND ".join(f"a.{_quoted(key)} = f.{_quoted(key)}" for key in keys)
    values = ", ".join(
        f"COALESCE(f.{_quoted(a.name)}, {_default(a.missing, a.kind)}) AS {_quoted(a.name)}"
        for a in definition.aggregates
    )
    connection = engine.connect()
    try:
        statement = (
            f"SELECT a.__ordinal, {values} FROM asked a LEFT JOIN found f "  # noqa: S608
            f"ON {same} ORDER BY a.__ordinal"
        )
        return engine.run(connection, statement, asked=at, found=found)
    finally:
        connection.close()


def refresh_table(definition: HistoryDefinition, rows: pa.Table, grids: Sequence[int]) -> pa.Table:
    """As :func:`interlock.features.history.refresh_table`. Raises AuthorError F126."""
    rows, _ = canonical(rows)
    connection = engine.connect(threads=1)
    try:
        connection.register("__given", rows)
        order = ", ".join(name for name in _TIMES if name in rows.column_names)
        ends = "" if "__superseded_at" in rows.column_names else _ends(rows)
        connection.execute(
            f"CREATE TABLE __all AS SELECT *{ends} FROM __given ORDER BY {order}"  # noqa: S608
        )
        connection.unregister("__given")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET python_enable_replacements = false")
        connection.execute("SET lock_configuration = true")
        tables = [_at(connection, definition, grid) for grid in grids]
        if grids and not _at(connection, definition, grids[-1]).equals(tables[-1]):
            raise _wrong(definition, "the same rows each time it is run", "other rows", grids[-1])
        return pa.concat_tables(tables) if tables else _empty(definition)
    except duckdb.Error as error:
        raise _wrong(
            definition, "a query that runs on the source's rows", first_line(error)
        ) from None
    finally:
        connection.close()


def _at(
    connection: duckdb.DuckDBPyConnection, definition: HistoryDefinition, grid: int
) -> pa.Table:
    """What the query gives at a grid point, in the declared kinds, by entity."""
    laws = _LAWS.format(grid=int(grid))
    source = _quoted(definition.source)
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {source} AS SELECT * FROM __all WHERE {laws}"  # noqa: S608
    )
    sql = with_parameter(definition.sql or "")
    bound = {"as_of": to_datetime(grid)} if "$as_of" in sql else {}
    found = connection.sql(sql, params=bound).to_arrow_table()
    _check_columns(definition, found, grid)
    keys = ", ".join(f"{_cast(n, k)} AS {_quoted(n)}" for n, k in definition.entity)
    values = ", ".join(
        f"{_cast(a.name, a.kind)} AS {_quoted(a.name)}" for a in definition.aggregates
    )
    whole = " AND ".join(f"{_quoted(name)} IS NOT NULL" for name, _ in definition.entity)
    order = ", ".join(_quoted(name) for name, _ in definition.entity)
    connection.register("__result", found)
    typed = connection.sql(
        f"SELECT {keys}, CAST({int(grid)} AS BIGINT) AS __grid, {values} "  # noqa: S608
        f"FROM __result WHERE {whole} ORDER BY {order}"
    ).to_arrow_table()
    connection.unregister("__result")
    typed, _ = canonical(typed)
    distinct = typed.group_by([name for name, _ in definition.entity]).aggregate([])
    if distinct.num_rows < typed.num_rows:
        got = (
            f"{counted(typed.num_rows, 'row')} for "
            f"{counted(distinct.num_rows, 'entity', 'entities')}"
        )
        raise _wrong(definition, "one row an entity", got, grid)
    return typed


def _check_columns(definition: HistoryDefinition, found: pa.Table, grid: int) -> None:
    wanted = [*(n for n, _ in definition.entity), *(a.name for a in definition.aggregates)]
    lacking = [name for name in wanted if name not in found.column_names]
    if lacking:
        expected = f"the columns {', '.join(wanted)}"
        raise _wrong(definition, expected, ", ".join(found.column_names), grid)


def _ends(rows: pa.Table) -> str:
    if "__key" not in rows.column_names:
        return ", CAST(9223372036854775807 AS BIGINT) AS __superseded_at"
    return (
        ", CAST(LEAD(__available_at, 1, 9223372036854775807) OVER "
        "(PARTITION BY __key ORDER BY __available_at) AS BIGINT) AS __superseded_at"
    )


def _empty(definition: HistoryDefinition) -> pa.Table:
    kinds = [*definition.entity, ("__grid", "int")]
    kinds += [(a.name, a.kind) for a in definition.aggregates]
    columns = ", ".join(f"CAST(NULL AS {SQL_TYPES[kind]}) AS {_quoted(n)}" for n, kind in kinds)
    connection = engine.connect()
    try:
        return engine.run(connection, f"SELECT {columns} WHERE false")
    finally:
        connection.close()


def _cast(name: str, kind: str) -> str:
    return f"CAST({_quoted(name)} AS {SQL_TYPES[kind]})"


def _default(value: object, kind: str) -> str:
    if value is None:
        return "NULL"
    written = str(value).replace("'", "''")
    return f"CAST('{written}' AS {SQL_TYPES[kind]})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _wrong(
    definition: HistoryDefinition, expected: str, got: str, grid: int | None = None
) -> AuthorError:
    moment = "" if grid is None else f", at {format_instant(grid)}"
    return AuthorError(
        "F126",
        f"the query of history '{definition.name}' gives what cannot be used",
        where=f"history '{definition.name}'{moment}",
        expected=expected,
        got=got,
        fix="correct the query; 'interlock explain F126' tells what it sees",
    )
