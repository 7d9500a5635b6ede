"""The one SQL statement of a history, built from its definition.

The statement reads two tables. ``past`` has the source's rows: entity columns, value columns,
``__event_time``, ``__available_at``, ``__superseded_at``, ``__rank`` (the order of event time and
key). ``asked`` has one row a question: ``__ordinal``, entity columns, ``__grid``.

Invariants: a value at g is made of rows with event time in [g − window, g), known by g and not
superseded by g; a missing value is skipped by every aggregate; sums of floats are sums of decimals
with nine digits after the point, so that no order of adding can change them; −0.0 is 0.0.

How: every distinct window is one join. Rows and questions are cut into buckets of the window's
length, and a window touches at most two of them, so that a question meets only rows near to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from interlock.features.definition import Aggregate, HistoryDefinition

SCALE = 9  # digits after the point in sums and means of floats
_SHIFT = 2**60  # microseconds; makes every instant positive, for // cuts towards zero in SQL

_SQL_TYPES = {
    "int": "BIGINT",
    "float": "DOUBLE",
    "bool": "BOOLEAN",
    "str": "VARCHAR",
    "category": "VARCHAR",
    "date": "DATE",
}


def effective_window(aggregate: Aggregate) -> int | None:
    """The window, cut to the time to live; None reaches back to the first row."""
    limits = [limit for limit in (aggregate.window, aggregate.ttl) if limit is not None]
    return min(limits) if limits else None


def history_statement(definition: HistoryDefinition, kinds: Mapping[str, str]) -> exp.Select:
    """One row for each row of ``asked``, ordered by ``__ordinal``, one column an aggregate.

    ``kinds`` tells each value column's kind.
    """
    entity = [name for name, _ in definition.entity]
    windows = list(dict.fromkeys(effective_window(a) for a in definition.aggregates))
    values = [
        _with_default(a, f"window_{windows.index(effective_window(a))}")
        for a in definition.aggregates
    ]
    statement = (
        exp.select(_column("__ordinal", "questions"), *values)
        .from_("questions")
        .with_("questions", as_=_questions(entity))
        .with_("pairs", as_=_pairs(entity))
    )
    for number, window in enumerate(windows):
        members = [a for a in definition.aggregates if effective_window(a) == window]
        name = f"window_{number}"
        on = exp.EQ(this=_column("__pair", "questions"), expression=_column("__pair", name))
        statement = statement.with_(name, as_=_window(entity, window, members, kinds)).join(
            exp.to_table(name), on=on, join_type="left"
        )
    return statement.order_by(_column("__ordinal", "questions"))


def alive_statement(definition: HistoryDefinition) -> exp.Select:
    """The (entity, grid) pairs of table ``grids`` whose widest window may hold rows."""
    entity = [name for name, _ in definition.entity]
    windows = [effective_window(a) for a in definition.aggregates]
    known = exp.and_(*(exp.not_(_column(name).is_(exp.null())) for name in entity))
    if None in windows:
        after_event = exp.Add(this=_column("__event_time"), expression=exp.convert(1))
        since = exp.Min(
            this=exp.Greatest(this=after_event, expressions=[_column("__available_at")])
        ).as_("since")
        first = exp.select(*map(_column, entity), since).from_("past").where(known)
        return (
            exp.select(*(_column(name, "p") for name in entity), _column("__grid", "g"))
            .from_(first.group_by(*map(_column, entity)).subquery("p"))
            .join(exp.to_table("grids").as_("g"), on="g.__grid >= p.since", join_type="inner")
        )
    widest = max(window for window in windows if window is not None)
    grids = _bucketed("grids", ["__grid"], widest)
    past = exp.select("*", _bucket(_column("__event_time"), widest)).from_("past").where(known)
    conditions = [_equal("__bucket"), *_law_of_time(widest)]
    return (
        exp.select(*(_column(name, "r") for name in entity), _column("__grid", "p"))
        .distinct()
        .from_(grids.subquery("p"))
        .join(past.subquery("r"), on=exp.and_(*conditions), join_type="inner")
    )


def _questions(entity: Sequence[str]) -> exp.Select:
    """The rows of ``asked``; ``__pair`` is the ordinal of the first that asks the same."""
    same = exp.Window(
        this=exp.Min(this=_column("__ordinal")),
        partition_by=[*map(_column, entity), _column("__grid")],
    )
    columns = [_column("__ordinal"), _column("__grid"), *map(_column, entity)]
    return exp.select(*columns, same.as_("__pair")).from_("asked")


def _pairs(entity: Sequence[str]) -> exp.Select:
    """Each distinct (entity, grid) once."""
    return (
        exp.select(_column("__pair"), _column("__grid"), *map(_column, entity))
        .from_("questions")
        .where(exp.EQ(this=_column("__ordinal"), expression=_column("__pair")))
    )


def _window(
    entity: Sequence[str],
    window: int | None,
    members: Sequence[Aggregate],
    kinds: Mapping[str, str],
) -> exp.Select:
    """The aggregates over one window, one row a pair that has rows in it."""
    conditions = [*(_equal(name) for name in entity), *_law_of_time(window)]
    pairs: exp.Expr = exp.to_table("pairs").as_("p")
    past: exp.Expr = exp.to_table("past").as_("r")
    if window is not None:
        conditions.append(_equal("__bucket"))
        pairs = _bucketed("pairs", ["__pair", "__grid", *entity], window).subquery("p")
        rows = exp.select("*", _bucket(_column("__event_time"), window)).from_("past")
        past = rows.subquery("r")
    return (
        exp.select(_column("__pair", "p"), *(_aggregate(a, kinds) for a in members))
        .from_(pairs)
        .join(past, on=exp.and_(*conditions), join_type="inner")
        .group_by(_column("__pair", "p"))
    )


def _law_of_time(window: int | None) -> list[exp.Expr]:
    """Which rows ``r`` count at the grid point of ``p``."""
    event, grid = _column("__event_time", "r"), _column("__grid", "p")
    laws: list[exp.Expr] = [
        exp.LT(this=event, expression=grid),
        exp.LTE(this=_column("__available_at", "r"), expression=grid),
        exp.GT(this=_column("__superseded_at", "r"), expression=grid),
    ]
    if window is not None:
        start = exp.Sub(this=grid.copy(), expression=exp.convert(window))
        laws.append(exp.GTE(this=event.copy(), expression=exp.paren(start)))
    return laws


def _bucketed(table: str, columns: Sequence[str], window: int) -> exp.Union:
    """The table's rows once for each bucket that [grid − window, grid) touches."""
    last = exp.Sub(this=_column("__grid"), expression=exp.convert(1))
    first = exp.Sub(this=_column("__grid"), expression=exp.convert(window))
    chosen = [_column(name) for name in columns]
    one = exp.select(*chosen, _bucket(last, window)).from_(table)
    two = (
        exp.select(*(c.copy() for c in chosen), _bucket(first, window))
        .from_(table)
        .where(exp.NEQ(this=_bucket(first, window).this, expression=_bucket(last, window).this))
    )
    return exp.union(one, two, distinct=False)


def _bucket(instant: exp.Expr, window: int) -> exp.Expr:
    shifted = exp.paren(exp.Add(this=exp.paren(instant.copy()), expression=exp.convert(_SHIFT)))
    return exp.alias_(exp.IntDiv(this=shifted, expression=exp.convert(window)), "__bucket")


def _aggregate(aggregate: Aggregate, kinds: Mapping[str, str]) -> exp.Expr:
    if aggregate.column is None:
        return exp.alias_(exp.Count(this=exp.Star()), aggregate.name, quoted=True)
    kind = kinds[aggregate.column]
    value = _value(aggregate.column, kind)
    found: exp.Expr
    if aggregate.function == "count":
        found = exp.Count(this=value)
    elif aggregate.function == "sum":
        found = _sum(value, kind)
    elif aggregate.function == "mean":
        total = exp.cast(_sum(value, kind), "DOUBLE")
        found = exp.Div(this=total, expression=exp.Count(this=value.copy()))
    elif aggregate.function == "median":
        found = exp.Median(this=exp.cast(value, "DOUBLE"))
    elif aggregate.function == "latest":
        found = exp.ArgMax(this=value, expression=_column("__rank", "r"))
    else:
        found = {"min": exp.Min, "max": exp.Max}[aggregate.function](this=value)
    return exp.alias_(found, aggregate.name, quoted=True)


def _value(name: str, kind: str) -> exp.Expr:
    column = _column(name, "r")
    if kind != "float":
        return column
    zero = exp.EQ(this=column, expression=exp.convert(0))
    return exp.Case().when(zero, exp.cast(exp.convert(0), "DOUBLE")).else_(column.copy())


def _sum(value: exp.Expr, kind: str) -> exp.Expr:
    if kind == "float":
        return exp.Sum(this=exp.cast(value.copy(), f"DECIMAL(38, {SCALE})"))
    return exp.Sum(this=value.copy())


def _with_default(aggregate: Aggregate, table: str) -> exp.Expr:
    """The value, or the declared default where the window was empty, in the declared kind."""
    kind = _SQL_TYPES[aggregate.kind]
    found: exp.Expr = _column(aggregate.name, table)
    default = aggregate.default
    if aggregate.function == "count":
        found = exp.Nullif(this=found, expression=exp.convert(0))
        default = 0 if default is None else default
    found = exp.cast(found, kind)
    if default is not None:
        # as text, which is read to the nearest double; a bare 0.1 would be a decimal first
        given = exp.cast(exp.Literal.string(str(default)), kind)
        found = exp.Coalesce(this=found, expressions=[given])
    return exp.alias_(found, aggregate.name, quoted=True)


def _equal(name: str) -> exp.EQ:
    return exp.EQ(this=_column(name, "p"), expression=_column(name, "r"))


def _column(name: str, table: str | None = None) -> exp.Column:
    return exp.column(name, table=table, quoted=True)
