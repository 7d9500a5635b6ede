"""Aggregates that can be added up: counts, sums, means, shares and deviations, in running sums.

A row enters its entity's sums at the first cell where it counts and leaves them after the last. The
changes are added up by place (entity and cell), then over the places in order; those asked for
stand among them. All sums of an entity are back at zero behind its last cell, so that one running
sum goes over all entities. The cost is that of sorting the changes, whatever the window's length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from interlock.features.cells import Cells
from interlock.features.definition import Aggregate
from interlock.features.expressions import (
    both,
    cast,
    column,
    condition,
    double_of,
    minus,
    named,
    not_null,
    over,
    paren,
    plus,
    times,
    units_of,
    when,
    whole,
)
from interlock.features.where import parse_where

FUNCTIONS = ("count", "sum", "mean", "std", "share")
_LANE = 31  # bits of a count
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
        there: exp.Expr = not_null(column(self.column, "r"))
        if counted is not None:
            there = both(there, counted)
        added = whole(1)
        if self.part != "values":
            added = units_of(self.column, kind)
        if self.part == "squares":
            wide = cast(added, "HUGEINT")
            added = times(wide, wide.copy())
        return when(there, added, whole(0))

    @property
    def counts(self) -> bool:
        """Whether the sum is a number of rows."""
        return self.part in ("rows", "values")


Sum = tuple[Measure, int | None]  # over rows that count within a reach


@dataclass(frozen=True)
class Sums:
    """The sums that are needed, by the column that holds them: counts share one, two by two.

    A running count is never negative and below 2^31, so that two of them fit a BIGINT side by side.
    """

    columns: Mapping[str, tuple[Sum, ...]]

    @property
    def all(self) -> tuple[Sum, ...]:
        """Every sum."""
        return tuple(one for held in self.columns.values() for one in held)

    @property
    def measures(self) -> dict[Measure, str]:
        """A column of ``counted`` for what each row adds."""
        return {m: f"__measure_{i}" for i, m in enumerate(dict.fromkeys(m for m, _ in self.all))}

    @property
    def reaches(self) -> tuple[int | None, ...]:
        """The reaches of the sums."""
        return tuple(dict.fromkeys(reach for _, reach in self.all))

    def level(self, wanted: Sum) -> exp.Expr:
        """A sum's value in ``levels``."""
        name, held = next((n, held) for n, held in self.columns.items() if wanted in held)
        found = column(name, "levels")
        if len(held) == 1:
            return found
        if held.index(wanted) == 1:
            return paren(exp.BitwiseRightShift(this=found, expression=whole(_LANE)))
        return paren(exp.BitwiseAnd(this=found, expression=whole(2**_LANE - 1)))


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
    """A place for every sum that is needed."""
    wanted = list(dict.fromkeys((m, a.reach) for a in aggregates for m in measures_of(a)))
    counts = [one for one in wanted if one[0].counts]
    held = [tuple(counts[i : i + 2]) for i in range(0, len(counts), 2)]
    held += [(one,) for one in wanted if not one[0].counts]
    return Sums({f"__sum_{i}": together for i, together in enumerate(held)})


def changes(sums: Sums, end_of: Callable[[int | None], str], cells: Cells) -> exp.Expr:
    """What enters and leaves each sum, by place; and the places asked for, without a change."""
    names = sums.measures

    def counts(reach: int | None) -> exp.Expr:
        return exp.LT(this=column("__first"), expression=column(end_of(reach)))

    def entering(one: Sum) -> exp.Expr:
        return when(counts(one[1]), column(names[one[0]]), whole(0))

    def leaving(one: Sum, reach: int | None) -> exp.Expr:
        return exp.Neg(this=column(names[one[0]])) if one[1] == reach else whole(0)

    def part(cell: str, added: Callable[[Sum], exp.Expr]) -> exp.Select:
        place = named(cells.place(column("__entity"), column(cell)), "__place")
        held = [named(_together(*map(added, h)), name) for name, h in sums.columns.items()]
        return exp.select(place, *held)

    found: exp.Expr = part("__first", entering).from_("counted", copy=False)
    for reach in sums.reaches:
        gone = part(end_of(reach), partial(leaving, reach=reach)).from_("counted", copy=False)
        found = exp.union(found, gone.where(counts(reach), copy=False), distinct=False, copy=False)
    asked = part("__cell", lambda _: whole(0)).from_("pairs", copy=False)
    return exp.union(found, asked, distinct=False, copy=False)


def _together(first: exp.Expr, second: exp.Expr | None = None) -> exp.Expr:
    if second is None:
        return first
    shifted = times(paren(second), cast(whole(2**_LANE), "BIGINT"))
    return paren(exp.Add(this=first, expression=shifted))


def steps(sums: Sums) -> exp.Select:
    """The changes of each place, added up."""
    added = [_typed(exp.Sum(this=column(name)), name, held) for name, held in sums.columns.items()]
    return (
        exp.select(column("__place"), *added)
        .from_("changes", copy=False)
        .group_by(column("__place"), copy=False)
    )


def levels(sums: Sums) -> exp.Select:
    """Every sum at every place at which it changes or is asked for."""
    running = [_typed(_running(name), name, held) for name, held in sums.columns.items()]
    return exp.select(column("__place"), *running).from_("steps", copy=False)


def _running(name: str) -> exp.Expr:
    return exp.Window(
        this=exp.Sum(this=column(name)),
        order=exp.Order(expressions=[column("__place")]),
        spec=exp.WindowSpec(
            kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW"
        ),
    )


def _typed(found: exp.Expr, name: str, held: Sequence[Sum]) -> exp.Expr:
    counts = all(measure.counts for measure, _ in held)
    return named(cast(found, "BIGINT" if counts else "HUGEINT"), name)


def value(aggregate: Aggregate, sums: Sums, kinds: Mapping[str, str]) -> exp.Expr:
    """The aggregate made of its sums in ``levels``; NULL where no row counts."""
    found = [sums.level((m, aggregate.reach)) for m in measures_of(aggregate)]
    kind = kinds.get(aggregate.column or "", "int")
    if aggregate.function == "count":
        return found[0]
    if aggregate.function == "share":
        return over(cast(found[0], "DOUBLE"), _not_zero(found[1]))
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
    n, total, squares = (cast(x, "HUGEINT") for x in (n, total, squares))
    q = paren(exp.IntDiv(this=total, expression=exp.Nullif(this=n, expression=whole(0))))
    r = minus(total, times(q, n))
    rest = minus(minus(squares, times(times(q, q), n)), times(times(whole(2), q), r))
    small = exp.LT(this=rest, expression=cast(whole(_VANISHING), "HUGEINT"))
    exact = over(double_of(minus(times(rest, n), times(r, r))), double_of(times(n, plus(n, -1))))
    great = over(double_of(rest), double_of(plus(n, -1)))
    variance = when(small, exact, great)
    root: exp.Expr = exp.Sqrt(this=variance)
    if kind == "float":
        root = over(root, cast(exp.Literal.string("1e9"), "DOUBLE"))
    return when(exp.GT(this=n, expression=whole(1)), root, exp.null())


def _not_zero(number: exp.Expr) -> exp.Expr:
    return exp.Nullif(this=number.copy(), expression=whole(0))
