"""Aggregates that cannot be taken apart again: every question meets the rows that count for it.

Rows and questions are cut into buckets of cells, and a run of cells touches at most two of them, so
that a question meets only rows near to it. Extremes, first and latest values of rows that count for
the same cells are settled before they meet a question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from interlock.features.definition import Aggregate
from interlock.features.expressions import (
    both,
    cast,
    column,
    condition,
    equal,
    int_div,
    named,
    not_null,
    paren,
    plus,
    times,
    value_of,
    when,
)
from interlock.features.where import parse_where

ORDERED = ("first", "latest")  # by the rank of event time and key
SETTLED = ("min", "max", *ORDERED)
_KEYS = ("__entity", "__cell")

Values = Mapping[tuple[str, str | None], str]  # column names by (column, where)


def values_of(aggregates: Sequence[Aggregate]) -> Values:
    """A column of ``counted`` for each value that is looked at."""
    wanted = dict.fromkeys((a.column or "", a.where) for a in aggregates)
    return {pair: f"__value_{i}" for i, pair in enumerate(wanted)}


def row_value(name: str, where: str | None, kinds: Mapping[str, str]) -> exp.Expr:
    """The value of the source's row ``r``; NULL where the row is not counted."""
    counted = None if where is None else condition(parse_where(where), kinds)
    return when(counted, value_of(name, kinds[name]), exp.null())


def settled(members: Sequence[Aggregate], values: Values, end: str) -> exp.Select:
    """One row for all rows of an entity that count for the same cells."""
    keys = [column("__entity"), column("__first"), named(column(end), "__end")]
    found = []
    for a in members:
        of = column(values[a.column or "", a.where])
        found.append(named(_settle(a, of, column("__rank")), a.name))
        if a.function in ORDERED:
            found.append(named(_rank(a, of), f"__rank {a.name}"))
    return (
        exp.select(*keys, *found)
        .from_("counted", copy=False)
        .where(exp.LT(this=column("__first"), expression=column(end)), copy=False)
        .group_by(column("__entity"), column("__first"), column(end), copy=False)
    )


def met(
    members: Sequence[Aggregate], source: str, bucket: int | None, values: Mapping[str, str]
) -> exp.Select:
    """The aggregates of each pair of entity and cell, over rows of ``source`` that count for it.

    ``values`` names each aggregate's value there; ``source`` has columns __first and __end.
    """
    conditions = [
        equal("__entity", "p", "r"),
        exp.LTE(this=column("__first", "r"), expression=column("__cell", "p")),
        exp.GT(this=column("__end", "r"), expression=column("__cell", "p")),
    ]
    pairs: exp.Expr = exp.to_table("pairs").as_("p")
    rows: exp.Expr = exp.to_table(source).as_("r")
    if bucket is not None:
        conditions.append(equal("__bucket", "p", "r"))
        pairs = _in_two_buckets(bucket).subquery("p", copy=False)
        place = int_div(column("__first"), bucket)
        rows = (
            exp.select("*", named(place, "__bucket"))
            .from_(source, copy=False)
            .subquery("r", copy=False)
        )
    found = [named(_meet(a, column(values[a.name], "r")), a.name) for a in members]
    keys = [column(key, "p") for key in _KEYS]
    return (
        exp.select(*keys, *found)
        .from_(pairs, copy=False)
        .join(rows, on=both(*conditions), join_type="inner", copy=False)
        .group_by(*(key.copy() for key in keys), copy=False)
    )


def _in_two_buckets(bucket: int) -> exp.Union:
    """The pairs, each in the bucket of its cell and in the one before."""
    keys = [column(key) for key in _KEYS]
    own = int_div(column("__cell"), bucket)
    here = exp.select(*keys, named(own, "__bucket")).from_("pairs", copy=False)
    before = exp.select(
        *(key.copy() for key in keys), named(plus(own.copy(), -1), "__bucket")
    ).from_("pairs", copy=False)
    return exp.union(here, before, distinct=False, copy=False)


def _settle(aggregate: Aggregate, of: exp.Expr, rank: exp.Expr) -> exp.Expr:
    if aggregate.function == "latest":
        return exp.ArgMax(this=of, expression=rank)
    if aggregate.function == "first":
        return exp.ArgMin(this=of, expression=rank)
    return {"min": exp.Min, "max": exp.Max}[aggregate.function](this=of)


def _rank(aggregate: Aggregate, of: exp.Expr) -> exp.Expr:
    there = not_null(of.copy())
    rank = when(there, column("__rank"), exp.null())
    return (exp.Max if aggregate.function == "latest" else exp.Min)(this=rank)


def _meet(aggregate: Aggregate, of: exp.Expr) -> exp.Expr:
    if aggregate.function in SETTLED:
        return _settle(aggregate, of, column(f"__rank {aggregate.name}", "r"))
    if aggregate.function == "distinct":
        return exp.Count(this=exp.Distinct(expressions=[of]))
    number = cast(of, "DOUBLE")
    if aggregate.function == "median":
        return exp.Median(this=number)
    there = exp.Where(this=not_null(number.this.copy()))
    listed = exp.Filter(this=exp.func("list", number), expression=there)
    return exp.func("list_sort", listed)


def value(aggregate: Aggregate, table: str) -> exp.Expr:
    """The aggregate from the table of its reach; NULL where no row counts."""
    found = column(aggregate.name, table)
    if aggregate.function != "quantile":
        return found
    return _between(found, aggregate.quantile or 0.0)


def _between(ordered: exp.Expr, q: float) -> exp.Expr:
    """The value at (n − 1) · q of an ordered list, on the line between its neighbours."""
    share = cast(exp.Literal.string(repr(float(q))), "DOUBLE")
    place = times(paren(plus(exp.func("len", ordered), -1)), share)
    low, high = exp.Floor(this=place), exp.Ceil(this=place)
    below, above = (
        exp.func("list_extract", ordered.copy(), cast(plus(at, 1), "BIGINT")) for at in (low, high)
    )
    rest = paren(exp.Sub(this=place, expression=low))
    rise = times(paren(exp.Sub(this=above, expression=below)), rest)
    return paren(exp.Add(this=below.copy(), expression=rise))
