"""Aggregates that can be added up: counts, sums, means, shares and deviations, in running sums.

A row enters its entity's sums at the first cell where it counts and leaves them after the last. The
changes are added up by entity and cell, then over the cells in order; the cells asked for stand
among them. All sums of an entity are back at zero behind its last cell, so that one running sum
goes over all entities. The cost is that of sorting the changes, whatever the window's length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from interlock.features.definition import Aggregate
from interlock.features.expressions import (
    column,
    condition,
    double_of,
    minus,
    named,
    over,
    plus,
    times,
    units_of,
    when,
    whole,
)
from interlock.features.where import parse_where

FUNCTIONS = ("count", "sum", "mean", "std", "share")
_VANISHING = 2**90  # of squared deviations: beside so many, less than one is beneath a double


@dataclass(frozen=True)
class Measure:
    """What a row adds: ``part`` is rows, values (that are not null), units or squares."""

    part: str
    column: str | None
    where: str | None

    def of_row(self, kinds: Mapping[str, str]) -> exp.Expr:
        """What the source's row ``r`` adds to the sum."""
        counted = None if self.where is None else condition(parse_where(self.where), kinds)
        if self.column is None:
            return when(counted, whole(1), whole(0))
        kind = kinds[self.column]
        there: exp.Expr = exp.not_(column(self.column, "r").is_(exp.null()))
        if counted is not None:
            there = exp.and_(there, counted)
        added = whole(1)
        if self.part != "values":
            added = units_of(self.column, kind)
        if self.part == "squares":
            wide = exp.cast(added, "HUGEINT")
            added = times(wide, wide.copy())
        return when(there, added, whole(0))

    @property
    def counts(self) -> bool:
        """Whether the sum is a number of rows."""
        return self.part in ("rows", "values")


Sums = Mapping[tuple[Measure, int | None], str]  # column names by measure and reach


def measures_of(aggregate: Aggregate) -> tuple[Measure, ...]:
    """The sums that an aggregate is made of."""
    name, where = aggregate.column, aggregate.where
    if aggregate.function == "share":
        return (Measure("rows", None, where), Measure("rows", None, None))
    if aggregate.column is None:
        return (Measure("rows", None, where),)
    parts = {
        "count": ("values",),
        "sum": ("values", "units"),
        "mean": ("values", "units"),
        "std": ("values", "units", "squares"),
    }
    return tuple(Measure(part, name, where) for part in parts[aggregate.function])


def sums_of(aggregates: Sequence[Aggregate]) -> Sums:
    """A column for every sum that is needed."""
    wanted = [(measure, a.reach) for a in aggregates for measure in measures_of(a)]
    return {pair: f"__sum_{i}" for i, pair in enumerate(dict.fromkeys(wanted))}


def measure_names(sums: Sums) -> dict[Measure, str]:
    """A column of ``counted`` for what each row adds."""
    measures = dict.fromkeys(measure for measure, _ in sums)
    return {measure: f"__measure_{i}" for i, measure in enumerate(measures)}


def changes(sums: Sums, end_of: Callable[[int | None], str]) -> exp.Expr:
    """What enters and leaves each sum, by entity and cell; and the cells asked for, without."""
    names = measure_names(sums)
    reaches = list(dict.fromkeys(reach for _, reach in sums))

    def part(cell: str, cell_values: Sequence[exp.Expr]) -> exp.Select:
        columns = [named(v, name) for v, name in zip(cell_values, sums.values(), strict=True)]
        return exp.select(column("__entity"), named(column(cell), "__cell"), *columns)

    def counts(reach: int | None) -> exp.Expr:
        return exp.LT(this=column("__first"), expression=column(end_of(reach)))

    entering = [when(counts(reach), column(names[m]), whole(0)) for m, reach in sums]
    found: exp.Expr = part("__first", entering).from_("counted")
    for left in reaches:
        leaving = [
            exp.Neg(this=column(names[m])) if reach == left else whole(0) for m, reach in sums
        ]
        gone = part(end_of(left), leaving).from_("counted").where(counts(left))
        found = exp.union(found, gone, distinct=False)
    asked = part("__cell", [whole(0) for _ in sums]).from_("pairs")
    return exp.union(found, asked, distinct=False)


def steps(sums: Sums) -> exp.Select:
    """The changes of each entity and cell, added up."""
    added = [
        named(exp.cast(exp.Sum(this=column(name)), _type(measure)), name)
        for (measure, _), name in sums.items()
    ]
    keys = [column("__entity"), column("__cell")]
    return exp.select(*keys, *added).from_("changes").group_by(*(k.copy() for k in keys))


def levels(sums: Sums) -> exp.Select:
    """Every sum at every cell at which it changes or is asked for."""
    running = [
        named(
            exp.Window(
                this=exp.Sum(this=column(name)),
                order=exp.Order(expressions=[column("__entity"), column("__cell")]),
                spec=exp.WindowSpec(
                    kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"
                ),
            ),
            name,
        )
        for name in sums.values()
    ]
    return exp.select(column("__entity"), column("__cell"), *running).from_("steps")


def value(aggregate: Aggregate, sums: Sums, kinds: Mapping[str, str]) -> exp.Expr:
    """The aggregate made of its sums in ``levels``; NULL where no row counts."""
    found = [column(sums[m, aggregate.reach], "levels") for m in measures_of(aggregate)]
    kind = kinds.get(aggregate.column or "", "int")
    if aggregate.function == "count":
        return found[0]
    if aggregate.function == "share":
        return over(exp.cast(found[0], "DOUBLE"), _not_zero(found[1]))
    count, units = found[0], found[1]
    some = exp.GT(this=count.copy(), expression=whole(0))
    if aggregate.function == "sum":
        made = units if kind == "int" and aggregate.kind == "int" else double_of(units, kind)
        return when(some, made, exp.null())
    if aggregate.function == "mean":
        return over(double_of(units, kind), _not_zero(count))
    return _deviation(count, units, found[2], kind)


def _deviation(n: exp.Expr, total: exp.Expr, squares: exp.Expr, kind: str) -> exp.Expr:
    """The sample standard deviation; NULL for fewer than two values.

    With Σx = n·q + r, Σ(x − mean)² is (rest·n − r²) ÷ n, where rest = Σx² − q²·n − 2·q·r.
    """
    n, total, squares = (exp.cast(x, "HUGEINT") for x in (n, total, squares))
    q = exp.paren(exp.IntDiv(this=total, expression=exp.Nullif(this=n, expression=whole(0))))
    r = minus(total, times(q, n))
    rest = minus(minus(squares, times(times(q, q), n)), times(times(whole(2), q), r))
    small = exp.LT(this=rest, expression=exp.cast(whole(_VANISHING), "HUGEINT"))
    exact = over(double_of(minus(times(rest, n), times(r, r))), double_of(times(n, plus(n, -1))))
    great = over(double_of(rest), double_of(plus(n, -1)))
    variance = when(small, exact, great)
    root: exp.Expr = exp.Sqrt(this=variance)
    if kind == "float":
        root = over(root, exp.cast(exp.Literal.string("1e9"), "DOUBLE"))
    return when(exp.GT(this=n, expression=whole(1)), root, exp.null())


def _not_zero(number: exp.Expr) -> exp.Expr:
    return exp.Nullif(this=number.copy(), expression=whole(0))


def _type(measure: Measure) -> str:
    return "BIGINT" if measure.counts else "HUGEINT"
