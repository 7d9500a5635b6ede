"""The one SQL statement of a history, built from its definition.

The statement reads two tables. ``past`` has the source's rows: entity columns, value columns,
``__event_time``, ``__available_at``, ``__superseded_at``, ``__rank`` (the order of event time and
key). ``asked`` has one row a question: ``__ordinal``, entity columns, ``__grid``.

Invariants: a value at g is made of rows with event time in [g − reach, g), known by g and not
superseded by g; a missing value is skipped by every aggregate.

How: entities are numbered and keep their types; grid points become cells; ``counted`` holds, for
each row, the first cell at which it counts and, by reach, the first at which it counts no more.
What can be added up is (:mod:`interlock.features.runningsql`); the rest meets its rows
(:mod:`interlock.features.joinedsql`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from interlock.data.kinds import SQL_TYPES
from interlock.features import joinedsql, runningsql
from interlock.features.cells import Cells
from interlock.features.definition import COUNTS, Aggregate, HistoryDefinition
from interlock.features.expressions import (
    both,
    cast,
    column,
    constant,
    equal,
    greatest,
    named,
    not_null,
    whole,
)


def history_statement(
    definition: HistoryDefinition, kinds: Mapping[str, str], cells: Cells
) -> exp.Select:
    """One row for each row of ``asked``, ordered by ``__ordinal``, one column an aggregate.

    ``kinds`` tells each value column's kind; all grid points of ``asked`` are among ``cells``.
    """
    entity = [name for name, _ in definition.entity]
    running = [a for a in definition.aggregates if a.function in runningsql.FUNCTIONS]
    joined = [a for a in definition.aggregates if a.function not in runningsql.FUNCTIONS]
    reaches = list(dict.fromkeys(a.reach for a in definition.aggregates))
    plan = _Plan(kinds, cells, reaches)
    tables: dict[str, exp.Expr] = {
        "entities": _entities(entity),
        "questions": _questions(entity, cells),
        "pairs": _pairs(),
        "counted": plan.counted(entity, running, joined),
    }
    values: dict[str, exp.Expr] = {}
    met: dict[str, tuple[str, ...]] = {}
    if running:
        sums = runningsql.sums_of(running)
        tables["changes"] = runningsql.changes(sums, plan.end, cells)
        tables["steps"] = runningsql.steps(sums)
        tables["levels"] = runningsql.levels(sums)
        met["levels"] = ("__place",)
        values |= {a.name: runningsql.value(a, sums, kinds) for a in running}
    for name, members, made in plan.joins(joined):
        tables |= made
        met[name] = ("__entity", "__cell")
        values |= {a.name: joinedsql.value(a, name) for a in members}
    chosen = [_with_default(a, values[a.name]) for a in definition.aggregates]
    statement = exp.select(column("__ordinal", "questions"), *chosen).from_("questions", copy=False)
    for name, keys in met.items():
        on = both(*(equal(key, "questions", name) for key in keys))
        statement.join(exp.to_table(name), on=on, join_type="left", copy=False)
    for name, table in tables.items():
        statement.with_(name, as_=table, copy=False)
    return statement.order_by(column("__ordinal", "questions"), copy=False)


def alive_statement(definition: HistoryDefinition, cells: Cells) -> exp.Select:
    """The (entity, cell) pairs of table ``grids`` at which any row counts."""
    entity = [name for name, _ in definition.entity]
    reaches = [a.reach for a in definition.aggregates]
    widest = None if None in reaches else max(reach for reach in reaches if reach is not None)
    known = both(*(not_null(column(name, "r")) for name in entity))
    runs = (
        exp.select(
            *(column(name, "r") for name in entity),
            named(cells.first(), "__first"),
            named(cells.ends(widest), "__end"),
        )
        .distinct(copy=False)
        .from_(exp.to_table("past").as_("r"), copy=False)
        .where(known, copy=False)
    )
    on = both(
        exp.LTE(this=column("__first", "r"), expression=column("__cell", "g")),
        exp.GT(this=column("__end", "r"), expression=column("__cell", "g")),
    )
    asked = exp.select(column("__grid"), named(cells.of(column("__grid")), "__cell"))
    return (
        exp.select(*(column(name, "r") for name in entity), column("__grid", "g"))
        .distinct(copy=False)
        .from_(runs.subquery("r", copy=False), copy=False)
        .join(
            asked.from_("grids", copy=False).subquery("g", copy=False),
            on=on,
            join_type="inner",
            copy=False,
        )
    )


class _Plan:
    """The rows that count, and how the aggregates over each reach are found among them."""

    def __init__(
        self, kinds: Mapping[str, str], cells: Cells, reaches: Sequence[int | None]
    ) -> None:
        self._kinds = kinds
        self._cells = cells
        self._reaches = reaches

    def end(self, reach: int | None) -> str:
        """The column of ``counted`` with the first cell at which a row counts no more."""
        return f"__end_{self._reaches.index(reach)}"

    def counted(
        self, entity: Sequence[str], running: Sequence[Aggregate], joined: Sequence[Aggregate]
    ) -> exp.Select:
        """The rows of the entities asked for, with their cells and what they add."""
        added = runningsql.sums_of(running).measures
        looked_at = joinedsql.values_of(joined)
        columns = [
            column("__entity", "n"),
            named(self._cells.first(), "__first"),
            *(named(self._cells.ends(reach), self.end(reach)) for reach in self._reaches),
            *(named(m.of_row(self._kinds), name) for m, name in added.items()),
            *(
                named(joinedsql.row_value(*pair, self._kinds), name)
                for pair, name in looked_at.items()
            ),
        ]
        if any(a.function in joinedsql.ORDERED for a in joined):
            columns.append(column("__rank", "r"))
        rows = (
            exp.select(*columns)
            .from_(exp.to_table("past").as_("r"), copy=False)
            .join(
                exp.to_table("entities").as_("n"),
                on=_same(entity, "r", "n"),
                join_type="inner",
                copy=False,
            )
        )
        last = greatest(*(column(self.end(reach)) for reach in self._reaches))
        counts = exp.LT(this=column("__first"), expression=last)
        return (
            exp.select("*")
            .from_(rows.subquery("c", copy=False), copy=False)
            .where(counts, copy=False)
        )

    def joins(
        self, joined: Sequence[Aggregate]
    ) -> list[tuple[str, list[Aggregate], dict[str, exp.Expr]]]:
        """(table, its aggregates, the tables it needs and itself), by reach and manner."""
        looked_at = joinedsql.values_of(joined)
        found = []
        for number, reach in enumerate(self._reaches):
            of_reach = [a for a in joined if a.reach == reach]
            for manner, settle in (("settled", True), ("gathered", False)):
                members = [a for a in of_reach if (a.function in joinedsql.SETTLED) == settle]
                if not members:
                    continue
                name, source = f"{manner}_{number}", f"{manner}_rows_{number}"
                if settle:
                    rows = joinedsql.settled(members, looked_at, self.end(reach))
                    values = {a.name: a.name for a in members}
                else:
                    ends = named(column(self.end(reach)), "__end")
                    rows = exp.select("*", ends).from_("counted", copy=False)
                    values = {a.name: looked_at[a.column or "", a.where] for a in members}
                bucket = self._cells.bucket(reach)
                table = joinedsql.met(members, source, bucket, values)
                tables: dict[str, exp.Expr] = {source: rows, name: table}
                found.append((name, members, tables))
        return found


def _entities(entity: Sequence[str]) -> exp.Select:
    """The entities asked for, each with a number."""
    known = both(*(not_null(column(name)) for name in entity))
    distinct = (
        exp.select(*map(column, entity))
        .distinct(copy=False)
        .from_("asked", copy=False)
        .where(known, copy=False)
    )
    number = exp.Window(
        this=exp.RowNumber(), order=exp.Order(expressions=[column(name) for name in entity])
    )
    chosen = [column(name) for name in entity]
    return exp.select(*chosen, named(number, "__entity")).from_(
        distinct.subquery("d", copy=False), copy=False
    )


def _questions(entity: Sequence[str], cells: Cells) -> exp.Select:
    """The rows of ``asked`` with the entity's number, if its key is whole, and the cell."""
    cell = cells.of(column("__grid", "a"))
    return (
        exp.select(
            column("__ordinal", "a"),
            column("__entity", "n"),
            named(cell, "__cell"),
            named(cells.place(column("__entity", "n"), cell.copy()), "__place"),
        )
        .from_(exp.to_table("asked").as_("a"), copy=False)
        .join(
            exp.to_table("entities").as_("n"),
            on=_same(entity, "a", "n"),
            join_type="left",
            copy=False,
        )
    )


def _pairs() -> exp.Select:
    """Each (entity, cell) that is asked for, once."""
    keys = [column("__entity"), column("__cell")]
    known = not_null(column("__entity"))
    return (
        exp.select(*keys)
        .distinct(copy=False)
        .from_("questions", copy=False)
        .where(known, copy=False)
    )


def _same(entity: Sequence[str], left: str, right: str) -> exp.Expr:
    return both(*(equal(name, left, right) for name in entity))


def _with_default(aggregate: Aggregate, found: exp.Expr) -> exp.Expr:
    """The value, or the declared default where no row counted, in the declared kind."""
    if aggregate.function in COUNTS:
        found = exp.Nullif(this=found, expression=whole(0))
    found = cast(found, SQL_TYPES[aggregate.kind])
    if aggregate.missing is not None:
        given = constant(aggregate.missing, aggregate.kind)
        found = exp.Coalesce(this=found, expressions=[given])
    return named(found, aggregate.name)
