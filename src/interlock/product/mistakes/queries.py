"""What can be wrong with the query of a custom history, before it is run."""

from __future__ import annotations

from collections.abc import Iterator

from interlock.errors import Mistake, first_line
from interlock.features.aggregates import CustomHistory
from interlock.features.customsql import with_parameter

KINDS = ("int", "float", "bool", "str")
_CLOCKS_AND_CHANCE = frozenset(
    """now today getdate get_current_time get_current_timestamp transaction_timestamp current_date
    current_time current_timestamp current_datetime localtime localtimestamp
    current_localtime current_localtimestamp random rand randn uuid gen_random_uuid uuidv4 uuidv7
    setseed nextval currval txid_current""".split()
)


def query_mistakes(history: CustomHistory, where: str) -> Iterator[Mistake]:
    """A query that is none, reads something else than its source, or asks clock or chance."""
    for name, kind in ((n, a.kind) for n, a in history.aggregates.items()):
        if kind not in KINDS:
            yield _mistake(where, f"values={{'{name}': …}} of {', '.join(KINDS)}", repr(kind))
    if not history.aggregates:
        yield _mistake(where, "values={name: kind} for what the query gives", "no values")
    expected = f"one SELECT on {history.source.name}, a function of its rows and :as_of"
    for problem in _problems(history):
        yield _mistake(where, expected, problem)


def _problems(history: CustomHistory) -> Iterator[str]:
    import sqlglot  # noqa: PLC0415 - slow, and only such histories need it
    from sqlglot import errors, exp  # noqa: PLC0415

    if not isinstance(history.sql, str):
        yield repr(history.sql)[:80]
        return
    try:
        statements = sqlglot.parse(with_parameter(history.sql), dialect="duckdb")
    except errors.SqlglotError as error:
        yield first_line(error)
        return
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        yield f"{len(statements)} statements" if len(statements) != 1 else "no SELECT"
        return
    query = statements[0]
    own = {cte.alias for cte in query.find_all(exp.CTE)} | {history.source.name}
    for table in query.find_all(exp.Table):
        if table.name not in own or table.db or not isinstance(table.this, exp.Identifier):
            yield f"it reads {table.sql(dialect='duckdb')}"
    for parameter in query.find_all(exp.Parameter, exp.Placeholder):
        if parameter.name != "as_of":
            yield f"the parameter {parameter.sql(dialect='duckdb')}"
    if query.find(exp.TableSample):
        yield "a sample of rows, which is chance"
    for function in query.find_all(exp.Func):
        name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
        if name.lower() in _CLOCKS_AND_CHANCE:
            yield f"{name.lower()}(), which is clock or chance"


def _mistake(where: str, expected: str, got: str) -> Mistake:
    return Mistake(
        code="F127",
        what="the query of a custom history cannot be used",
        where=where,
        expected=expected,
        got=got,
        fix="correct the il.CustomHistory declaration; use :as_of for the moment",
    )
