"""What can be wrong with one aggregate: its column, its condition, its spans, its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from interlock.clock import parse_span
from interlock.errors import Mistake, collecting
from interlock.features.aggregates import DeclaredAggregate
from interlock.features.predicate import columns_of, problems, typed
from interlock.features.where import NotUnderstood, parse_where
from interlock.product.kinds import aggregate_kind
from interlock.product.mistakes.nearest import nearest

_NUMBERS = ("int", "float")
_ALLOWED = {
    "latest": (*_NUMBERS, "bool", "str", "category"),
    "first": (*_NUMBERS, "bool", "str", "category"),
    "distinct": (*_NUMBERS, "bool", "str", "category", "date"),
}
_DEFAULTS: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
}


def where_columns(where: Any) -> frozenset[str]:
    """The columns of a condition, as far as it can be read."""
    try:
        return columns_of(parse_where(where)) if isinstance(where, str) else frozenset()
    except NotUnderstood:
        return frozenset()


def aggregate_mistakes(
    name: str, declared: Any, there: Mapping[str, str], where: str
) -> Iterator[Mistake]:
    """Everything that is wrong with an aggregate over a source with columns of these kinds."""
    if not name.isidentifier() or not isinstance(declared, DeclaredAggregate):
        yield Mistake(
            code="F115",
            what=f"'{name}' is not an aggregate",
            where=where,
            expected="name=il.count('…'), il.mean('column', '…') and so on",
            got=repr(declared)[:80],
            fix="use one of il.count, share, sum, mean, std, min, max, median, quantile, "
            "distinct, latest, first",
        )
        return
    place = f"{where}, {name}"
    yield from _span_mistakes(declared, place)
    yield from _quantile_mistakes(name, declared, place)
    yield from _where_mistakes(name, declared, there, place)
    column_mistakes = list(_column_mistakes(name, declared, there, where))
    yield from column_mistakes
    if not column_mistakes:
        yield from _default_mistakes(name, declared, aggregate_kind(declared, there), place)


def _span_mistakes(declared: DeclaredAggregate, place: str) -> list[Mistake]:
    found: list[Mistake] = []
    for span in (declared.window, declared.ttl):
        if span is not None:
            with collecting(found, where=place):
                parse_span(span)  # type: ignore[arg-type] # anything else is the mistake
    return found


def _quantile_mistakes(name: str, declared: DeclaredAggregate, place: str) -> Iterator[Mistake]:
    q: Any = declared.quantile
    if declared.function != "quantile":
        return
    if not isinstance(q, float | int) or isinstance(q, bool) or not 0 <= q <= 1:
        yield Mistake(
            code="F125",
            what=f"the quantile '{name}' has no share to take",
            where=place,
            expected="q=… from 0 to 1, such as q=0.9",
            got=repr(q)[:80],
            fix="give q as a share, not as a percentage",
        )


def _where_mistakes(
    name: str, declared: DeclaredAggregate, there: Mapping[str, str], place: str
) -> Iterator[Mistake]:
    where: Any = declared.where
    if where is None and declared.function != "share":
        return
    try:
        if not isinstance(where, str):
            raise NotUnderstood(repr(where))
        predicate = typed(parse_where(where), there)
        found = list(problems(predicate, there)) if there else []
    except NotUnderstood as error:
        found = [str(error)]
    for problem in found:
        unknown = next((c for c in sorted(where_columns(where) - set(there)) if c in problem), "")
        yield Mistake(
            code="F118",
            what=f"the where of '{name}' is not understood",
            where=place,
            expected="columns compared with values of their kind (= <> < <= > >=, IN, BETWEEN, "
            "IS NULL), joined by AND, OR, NOT",
            got=problem[:200],
            fix=(unknown and nearest(unknown, there)) or "correct the condition",
        )


def _column_mistakes(
    name: str, declared: DeclaredAggregate, there: Mapping[str, str], where: str
) -> Iterator[Mistake]:
    column: Any = declared.column
    if column is None or not there:
        return
    if column not in there:
        yield Mistake(
            code="F116",
            what=f"the aggregate '{name}' is over a column that is not there",
            where=where,
            expected=f"one of {', '.join(sorted(there))}",
            got=str(column),
            fix=nearest(str(column), there) or "correct the column's name",
        )
        return
    kind = there[column]
    allowed = _ALLOWED.get(declared.function, _NUMBERS)
    if kind not in allowed:
        yield Mistake(
            code="F117",
            what=f"the aggregate '{name}' cannot take the {declared.function} of a {kind} column",
            where=where,
            expected=f"a column of {' or '.join(allowed)}",
            got=f"{column}: {kind}",
            fix="choose another column or another aggregate",
        )


def _default_mistakes(
    name: str, declared: DeclaredAggregate, kind: str, place: str
) -> Iterator[Mistake]:
    default = declared.default
    if default is None or kind not in _DEFAULTS or type(default) in _DEFAULTS[kind]:
        return
    yield Mistake(
        code="F128",
        what=f"the default of '{name}' is not of its kind",
        where=place,
        expected=f"a value of kind {kind}, or None",
        got=repr(default)[:80],
        fix=f"give default=… as a value of kind {kind}",
    )
