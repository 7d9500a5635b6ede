"""What can be wrong with a history: its time, its availability, its entity, its names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from interlock.clock import parse_span
from interlock.data.request import RequestSchema
from interlock.errors import Mistake, collecting
from interlock.features.aggregates import CustomHistory, DeclaredAggregate, History
from interlock.features.declare import Signature
from interlock.features.function import arguments_of
from interlock.product.declaration import Declaration
from interlock.product.kinds import Columns
from interlock.product.mistakes.aggregates import aggregate_mistakes, where_columns
from interlock.product.mistakes.nearest import nearest
from interlock.product.mistakes.queries import query_mistakes


def history_mistakes(
    product: Declaration,
    schema: RequestSchema,
    signatures: Mapping[str, Signature],
    columns: Columns,
) -> list[Mistake]:
    """Everything that would make a history wrong: time, availability, entity, columns, names."""
    fields = {f.name: f.kind for f in schema.fields}
    kinds = fields | {name: s.result.kind for name, s in signatures.items()}
    used = set(kinds)
    found: list[Mistake] = []
    for history in (f for f in product.features if isinstance(f, History)):
        where = f"il.History({history.source.name}, by={', '.join(history.entity_names)})"
        found += list(_time_mistakes(product, history, where))
        found += list(_entity_mistakes(history, kinds, signatures, columns, where))
        there = columns.get(history.source.name, {})
        if isinstance(history, CustomHistory):
            found += list(query_mistakes(history, where))
        for name, aggregate in history.aggregates.items():
            found += list(aggregate_mistakes(name, aggregate, there, where))
            if name in used:
                found.append(
                    Mistake(
                        code="F103",
                        what=f"the name '{name}' is used twice",
                        where=where,
                        expected="names that differ among request fields, features and aggregates",
                        fix="rename the aggregate",
                    )
                )
            used.add(name)
    return found


def _time_mistakes(product: Declaration, history: History, where: str) -> Iterator[Mistake]:
    source = history.source
    if history.name and not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", history.name):
        yield Mistake(
            code="F107",
            what="a history's name cannot be used",
            where=where,
            expected="lower-case letters, digits and '_', starting with a letter",
            got=repr(history.name),
            fix="rename it",
        )
    untimed = {
        "a source with an event time": (
            source,
            "no event time: without it nothing says which rows came before the request",
        ),
        "examples that have a time": (product.examples.source, "examples without a time"),
    }
    for needed, (rows, got) in untimed.items():
        if rows.event_time is None:
            yield Mistake(
                code="F108",
                what=f"a history needs {needed}",
                where=where,
                expected=f"event_time='…' on the source {rows.name}",
                got=got,
                fix="declare event_time, or do without the history",
            )
    yield from _grid_mistakes(history, where)
    if not source.has_delay and _looks_at_target(product, history):
        yield Mistake(
            code="F111",
            what="a history uses the target's column, and its source does not say when it is known",
            where=where,
            expected="available_after='…' or available_at='…' on the source",
            got="neither: a row could count itself",
            fix="declare when a row becomes known",
        )


def _grid_mistakes(history: History, where: str) -> Iterator[Mistake]:
    """What makes its grid points none, or says in no span when their values are there."""
    spans: list[Mistake] = []
    with collecting(spans, where=where):
        parse_span(history.landing)
    refresh = 1
    with collecting(spans, where=where):
        refresh = parse_span(history.refresh)
    yield from spans
    if refresh <= 0:
        yield Mistake(
            code="F109",
            what="a history's refresh must be longer than nothing",
            where=where,
            expected="refresh='1d' or the like",
            fix="declare how often its values are computed",
        )


def _entity_mistakes(
    history: History,
    kinds: Mapping[str, str],
    signatures: Mapping[str, Signature],
    columns: Columns,
    where: str,
) -> Iterator[Mistake]:
    there = columns.get(history.source.name, {})
    for name in history.entity_names:
        if name not in kinds:
            yield Mistake(
                code="F112",
                what=f"the entity '{name}' is neither a request field nor a feature of the product",
                where=where,
                expected=f"one of {', '.join(sorted(kinds))}",
                got=name,
                fix=nearest(name, kinds) or "add the feature to features=[…]",
            )
            continue
        if kinds[name] not in ("int", "str", "bool", "category"):
            yield Mistake(
                code="F113",
                what=f"the entity '{name}' is a {kinds[name]}, which cannot be looked up exactly",
                where=where,
                expected="int, str, bool or a Literal",
                got=kinds[name],
                fix="make a feature that turns it into a str or an int",
            )
        for leaf in sorted(_leaves(name, signatures)) if there else ():
            if leaf in there:
                yield from _key_mistakes(name, leaf, kinds, there[leaf], where)
            else:
                yield Mistake(
                    code="F114",
                    what=f"the source lacks the column '{leaf}' that the entity '{name}' needs",
                    where=where,
                    expected=f"one of {', '.join(sorted(there))}",
                    got=leaf,
                    fix="give the column that name with il.Source(sql='select … as …')",
                )


def _key_mistakes(
    entity: str, leaf: str, kinds: Mapping[str, str], found: str, where: str
) -> Iterator[Mistake]:
    """A key that is one thing in a request and another in the source's rows never meets itself."""
    wanted = kinds.get(leaf, found)
    if _key_kind(wanted) != _key_kind(found):
        made_of = "" if leaf == entity else f", of which the entity '{entity}' is made,"
        yield Mistake(
            code="F119",
            what=f"'{leaf}'{made_of} is {wanted} on the request and {found} in the source",
            where=where,
            expected="the same kind on both sides",
            got=f"request: {wanted}, source: {found}",
            fix=f"declare the column on the source: columns={{'{leaf}': il.{_COLUMNS[wanted]}}}",
        )


def _key_kind(kind: str) -> str:
    return "str" if kind == "category" else kind


_COLUMNS = {
    "int": "Int()",
    "float": "Float()",
    "str": "Str()",
    "category": "Str()",
    "bool": "Bool()",
    "date": "Date()",
    "datetime": "Datetime()",
}


def _looks_at_target(product: Declaration, history: History) -> bool:
    """Whether the history sees the columns that the target is made of."""
    if history.source.name != product.examples.source.name:
        return False
    if isinstance(history, CustomHistory):
        return True
    of = product.target.of
    made_of = {of} if isinstance(of, str) else set(arguments_of(of.function))
    seen = {a.column for a in history.aggregates.values() if isinstance(a, DeclaredAggregate)}
    return bool(made_of & seen) or any(
        made_of & where_columns(a.where)
        for a in history.aggregates.values()
        if isinstance(a, DeclaredAggregate)
    )


def _leaves(name: str, signatures: Mapping[str, Signature]) -> set[str]:
    """The columns that a field or feature is made of in the end."""
    if name not in signatures:
        return {name}
    found: set[str] = set()
    for argument in signatures[name].arguments:
        if argument != name:
            found |= _leaves(argument, signatures)
    return found
