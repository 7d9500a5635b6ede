"""History features computed: windowed aggregates of past rows, at grid points, on DuckDB.

Invariants: one row in, one row out, matched by ordinal; the answer depends on the rows and the
question alone, not on their order, their number of copies asked, or the number of threads; an
entity without rows in the window, or a missing entity, has the declared default.

>>> from interlock.clock import DAY
>>> sales = HistoryDefinition(
...     name="market", source="sales", entity=(("area", "str"),), refresh=DAY, landing=0, digest="",
...     aggregates=(Aggregate(name="sales", function="count", column=None, window=2 * DAY,
...                           ttl=None, default=0, kind="int"),))
>>> rows = pa.table({"area": ["a", "a"], EVENT_TIME: [0, DAY], AVAILABLE_AT: [0, 3 * DAY]})
>>> at = pa.table({ORDINAL: [0, 1], "area": ["a", None], GRID: [2 * DAY, 2 * DAY]})
>>> compute(sales, rows, at).to_pydict()
{'__ordinal': [0, 1], 'sales': [1, 0]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np
import pyarrow as pa

from interlock.data import engine
from interlock.data.conform import type_problem
from interlock.data.logical import canonical
from interlock.errors import AuthorError, Mistake, first_line
from interlock.features import customsql
from interlock.features.definition import COUNTS, Aggregate, HistoryDefinition
from interlock.features.grid import grid_point as grid_point
from interlock.features.grid import grid_points as grid_points
from interlock.features.predicate import columns_of, problems
from interlock.features.questions import once
from interlock.features.where import parse_where

ORDINAL = "__ordinal"
GRID = "__grid"
KEY = "__key"
EVENT_TIME = "__event_time"
AVAILABLE_AT = "__available_at"
SUPERSEDED_AT = "__superseded_at"

_NUMBERS = ("int", "float")
_ENDS = (
    f"CAST(LEAD({AVAILABLE_AT}, 1, 9223372036854775807) "
    f"OVER (PARTITION BY {KEY} ORDER BY {AVAILABLE_AT}) AS BIGINT) AS {SUPERSEDED_AT}"
)


def columns_looked_at(definition: HistoryDefinition) -> frozenset[str] | None:
    """The source's columns that the aggregates need; None: all, for a query written by hand."""
    if definition.sql is not None:
        return None
    found = {a.column for a in definition.aggregates if a.column is not None}
    conditions = [parse_where(a.where) for a in definition.aggregates if a.where]
    return frozenset(found.union(*map(columns_of, conditions)))


def compute(
    definition: HistoryDefinition, rows: pa.Table, at: pa.Table, *, threads: int | None = None
) -> pa.Table:
    """Every aggregate for every row of ``at``, ordered by ``__ordinal``, with that column.

    ``rows``: entity and value columns, int64 ``__event_time`` and ``__available_at``
    (microseconds); ``__key`` orders ties and names revisions (default: each row its own, in row
    order); ``__superseded_at`` ends a revision (default: when the next one of its key came).
    ``at``: int64 ``__ordinal`` (each once), entity columns, int64 ``__grid``.
    Raises AuthorError F122 (a sum too great) or F123 (a column missing or of the wrong type).
    """
    if definition.sql is not None:
        return customsql.compute(definition, rows, at)
    with _opened(definition, rows, at, threads) as (connection, at, kinds):
        asked, answer_of = once(at, [name for name, _ in definition.entity])
        found = _answers(connection, definition, asked, kinds)
        answers = found.take(pa.array(answer_of)).set_column(0, ORDINAL, at[ORDINAL])
        return answers.sort_by(ORDINAL) if _out_of_order(at) else answers.combine_chunks()


def _out_of_order(at: pa.Table) -> bool:
    return bool((np.diff(at[ORDINAL].to_numpy()) < 0).any())


def refresh_table(
    definition: HistoryDefinition,
    rows: pa.Table,
    grids: Sequence[int],
    *,
    threads: int | None = None,
) -> pa.Table:
    """The values at each grid point of every entity that may have rows then.

    Columns: the entity, int64 ``__grid``, the aggregates; ordered by grid and entity. What is not
    in the table has the declared defaults. The training table joins it and the store is filled
    from it. Raises as :func:`compute` does.
    """
    if definition.sql is not None:
        return customsql.refresh_table(definition, rows, sorted(set(grids)))
    from interlock.features import cells, historysql  # noqa: PLC0415 - sqlglot is slow

    points = np.array(sorted(set(grids)), dtype=np.int64)
    order = [(GRID, "ascending"), *((name, "ascending") for name, _ in definition.entity)]
    with _opened(definition, rows, rows, threads) as (connection, _, kinds):
        alive = historysql.alive_statement(definition, cells.cells_of(points))
        asked_grids = pa.table({GRID: points})
        pairs = engine.run(connection, alive.sql(dialect="duckdb", copy=False), grids=asked_grids)
        pairs = pairs.sort_by(order)
        asked = pairs.append_column(ORDINAL, pa.array(np.arange(pairs.num_rows)))
        values = _answers(connection, definition, asked, kinds)
    for name in values.column_names[1:]:
        pairs = pairs.append_column(name, values[name])
    return pairs


def _answers(
    connection: duckdb.DuckDBPyConnection,
    definition: HistoryDefinition,
    asked: pa.Table,
    kinds: Mapping[str, str],
) -> pa.Table:
    from interlock.features import cells, historysql  # noqa: PLC0415 - sqlglot is slow

    found = cells.cells_of(asked[GRID].to_numpy())
    statement = historysql.history_statement(definition, kinds, found).sql(
        dialect="duckdb", copy=False
    )
    return engine.run(connection, statement, asked=asked)


@contextmanager
def _opened(
    definition: HistoryDefinition, rows: pa.Table, at: pa.Table, threads: int | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, pa.Table, Mapping[str, str]]]:
    """A connection with the rows in its table ``past``; ``at`` made canonical; columns' kinds."""
    rows, _ = canonical(rows)
    at, _ = canonical(at)
    kinds = _checked(definition, rows, at)
    connection = engine.connect(threads=threads)
    try:
        _past(connection, definition, rows)
        yield connection, at, kinds
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise AuthorError(
            "F122",
            f"history '{definition.name}' has a sum that is too great",
            where=f"history '{definition.name}'",
            expected="whole sums within ±2^63, other values within ±10^29",
            got=first_line(error),
            fix="bound the column on the source, for example il.Float(ge=…, le=…)",
        ) from None
    finally:
        connection.close()


def _past(
    connection: duckdb.DuckDBPyConnection, definition: HistoryDefinition, rows: pa.Table
) -> None:
    """The rows as the statement reads them: with their ends, and ranked if need be."""
    if KEY not in rows.column_names:
        rows = rows.append_column(KEY, pa.array(np.arange(rows.num_rows)))
    made = [] if SUPERSEDED_AT in rows.column_names else [_ENDS]
    if any(a.function in ("first", "latest") for a in definition.aggregates):
        made.append(f"row_number() OVER (ORDER BY {EVENT_TIME}, {KEY}, {AVAILABLE_AT}) AS __rank")
    if not made:
        connection.register("past", rows)
        return
    connection.register("source_rows", rows)
    added = "".join(f", {column}" for column in made)
    connection.execute(f"CREATE TEMP TABLE past AS SELECT *{added} FROM source_rows")  # noqa: S608


def _checked(definition: HistoryDefinition, rows: pa.Table, at: pa.Table) -> dict[str, str]:
    """The kind of each value column. Raises AuthorError F123 with every mistake."""
    mistakes = []
    for table, label in ((rows, "the source"), (at, "the entities asked for")):
        for name, kind in definition.entity:
            found = _type_of(table, name)
            if found is None or type_problem(found, kind) is not None:
                mistakes.append(_mistake(definition, name, label, kind, found))
    kinds: dict[str, str] = {}
    for aggregate in definition.aggregates:
        looked_at = columns_of(parse_where(aggregate.where)) if aggregate.where else frozenset()
        for name in sorted({*looked_at, *filter(None, [aggregate.column])}):
            found = _type_of(rows, name)
            kinds[name] = kind_of(found) if found is not None else ""
            if name == aggregate.column and not _fits(aggregate, kinds[name]):
                expected = f"a column for {aggregate.function} giving {aggregate.kind}"
                mistakes.append(_mistake(definition, name, "the source", expected, found))
        if aggregate.where:
            mistakes += _where_mistakes(definition, aggregate, rows)
    if mistakes:
        raise AuthorError.of(mistakes)
    return kinds


def _where_mistakes(
    definition: HistoryDefinition, aggregate: Aggregate, rows: pa.Table
) -> list[Mistake]:
    kinds = {field.name: kind_of(field.type) for field in rows.schema}
    return [
        Mistake(
            code="F123",
            what=f"history '{definition.name}' cannot apply the where of '{aggregate.name}'",
            where=f"history '{definition.name}'",
            expected="columns of the source, compared with values of their kind",
            got=problem,
            fix="correct the condition or the column's type",
        )
        for problem in problems(parse_where(aggregate.where or ""), kinds)
    ]


def _type_of(table: pa.Table, name: str) -> pa.DataType | None:
    return table.schema.field(name).type if name in table.column_names else None


def kind_of(found: pa.DataType) -> str:
    """The kind of values in a canonical Arrow column; empty when a history cannot use them."""
    for kind in ("bool", "int", "str", "date"):
        if type_problem(found, kind) is None and not (
            kind == "int" and not pa.types.is_integer(found)
        ):
            return kind if not pa.types.is_null(found) else "float"
    return "float" if pa.types.is_floating(found) else ""


def result_kind(function: str, kind: str) -> str | None:
    """What the aggregate of a column of that kind is; None where there is no such aggregate."""
    if function in COUNTS:
        return "int" if kind or function == "count" else None
    if function in ("min", "max", "latest", "first"):
        return kind or None
    if kind not in _NUMBERS:
        return None
    return kind if function == "sum" else "float"


def _fits(aggregate: Aggregate, kind: str) -> bool:
    given = result_kind(aggregate.function, kind)
    wanted = "str" if aggregate.kind == "category" else aggregate.kind
    return given == wanted or (given == "int" and wanted == "float")


def _mistake(
    definition: HistoryDefinition, column: str, table: str, expected: str, found: object
) -> Mistake:
    return Mistake(
        code="F123",
        what=f"history '{definition.name}' cannot use column '{column}' of {table}",
        where=f"history '{definition.name}'",
        expected=expected,
        got="no such column" if found is None else str(found),
        fix="correct the column's name, its type or the aggregate",
    )
