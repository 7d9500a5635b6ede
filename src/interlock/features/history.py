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

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa

from interlock.data import engine
from interlock.data.conform import type_problem
from interlock.data.logical import canonical
from interlock.errors import AuthorError, Mistake
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.grid import grid_point as grid_point
from interlock.features.grid import grid_points as grid_points

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
    from interlock.features.historysql import history_statement  # noqa: PLC0415 - sqlglot is slow

    rows, _ = canonical(rows)
    at, _ = canonical(at)
    kinds = _checked(definition, rows, at)
    statement = history_statement(definition, kinds).sql(dialect="duckdb")
    return _run(definition, statement, rows, {"asked": at}, threads)


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
    from interlock.features.historysql import alive_statement  # noqa: PLC0415 - sqlglot is slow

    names = [name for name, _ in definition.entity]
    rows, _ = canonical(rows)
    _checked(definition, rows, rows)
    asked_grids = pa.table({GRID: pa.array(sorted(set(grids)), pa.int64())})
    statement = alive_statement(definition).sql(dialect="duckdb")
    pairs = _run(definition, statement, rows, {"grids": asked_grids}, threads)
    pairs = pairs.sort_by([(GRID, "ascending"), *((name, "ascending") for name in names)])
    asked = pairs.append_column(ORDINAL, pa.array(np.arange(pairs.num_rows)))
    values = compute(definition, rows, asked, threads=threads)
    for name in values.column_names[1:]:
        pairs = pairs.append_column(name, values[name])
    return pairs


def _run(
    definition: HistoryDefinition,
    statement: str,
    rows: pa.Table,
    tables: dict[str, pa.Table],
    threads: int | None,
) -> pa.Table:
    connection = engine.connect(threads=threads)
    try:
        if KEY not in rows.column_names:
            rows = rows.append_column(KEY, pa.array(np.arange(rows.num_rows)))
        ends = "" if SUPERSEDED_AT in rows.column_names else f", {_ENDS}"
        connection.register("source_rows", rows)
        connection.execute(
            f"CREATE TEMP TABLE past AS SELECT *{ends}, row_number() OVER "  # noqa: S608
            f"(ORDER BY {EVENT_TIME}, {KEY}, {AVAILABLE_AT}) AS __rank FROM source_rows"
        )
        return engine.run(connection, statement, **tables)
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise AuthorError(
            "F122",
            f"history '{definition.name}' has a sum that is too great",
            where=f"history '{definition.name}'",
            expected="whole sums within ±2^63, other values within ±10^29",
            got=str(error).splitlines()[0],
            fix="bound the column on the source, for example il.Float(ge=…, le=…)",
        ) from None
    finally:
        connection.close()


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
        if aggregate.column is None:
            continue
        found = _type_of(rows, aggregate.column)
        kinds[aggregate.column] = kind_of(found) if found is not None else ""
        if not _fits(aggregate, kinds[aggregate.column]):
            expected = f"a column for {aggregate.function} giving {aggregate.kind}"
            mistakes.append(_mistake(definition, aggregate.column, "the source", expected, found))
    if mistakes:
        raise AuthorError.of(mistakes)
    return kinds


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
    if function == "count":
        return "int"
    if function in ("min", "max", "latest"):
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
