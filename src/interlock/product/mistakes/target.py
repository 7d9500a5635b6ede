"""What can be wrong with a target, and with the columns of numbers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from interlock.clock import parse_span
from interlock.data.request import RequestSchema
from interlock.errors import Mistake, collecting
from interlock.features.declare import Label
from interlock.features.function import arguments_of
from interlock.product.declaration import Declaration
from interlock.product.kinds import Columns
from interlock.product.mistakes.nearest import nearest
from interlock.product.target import Regression, decision_mistakes

_NO_TARGET = {
    "other": "a list, a struct or another type that is no single value",
    "date": "dates",
    "datetime": "timestamps",
}
"""Kinds of columns that hold nothing a model predicts; of others each value is looked at later."""


def target_mistakes(
    product: Declaration, schema: RequestSchema, mapping: Mapping[str, str], columns: Columns
) -> list[Mistake]:
    """A target that leaks, is not there, or cannot be read."""
    target, there = product.target, columns.get(product.examples.source.name, {})
    found: list[Mistake] = []
    with collecting(found, where="target, available_after"):
        parse_span(target.available_after)
    if isinstance(target.of, str):
        found += _leaks(target.of, schema, mapping)
        found += _column_mistakes(product, target.of, there)
    else:
        found += _label_mistakes(target.of, there)
    found += _interval_mistakes(target.interval if isinstance(target, Regression) else None)
    return [*found, *decision_mistakes(target), *_number_column_mistakes(product, there)]


def _leaks(column: str, schema: RequestSchema, mapping: Mapping[str, str]) -> Iterator[Mistake]:
    """The target's column sent as a field of the request."""
    fields = {f.name for f in schema.fields}
    for field in (f for f, taken in mapping.items() if taken == column and f in fields):
        yield Mistake(
            code="C120",
            what="the target is among the request's fields",
            where=f"request {schema.name}",
            expected="a target that the consumer does not send",
            got=f"{field} (column {column})",
            fix=f"remove '{field}' from {schema.name}",
        )


def _column_mistakes(
    product: Declaration, column: str, there: Mapping[str, str]
) -> Iterator[Mistake]:
    """The target's column: there, and of values that can be predicted."""
    where = f"source {product.examples.source.name}"
    if there and column not in there:
        yield Mistake(
            code="C121",
            what="the target's column is not there",
            where=where,
            expected=f"one of {', '.join(sorted(there))}",
            got=column,
            fix=nearest(column, there) or "correct the column's name",
        )
    elif there and there[column] in _NO_TARGET:
        yield Mistake(
            code="C126",
            what="the target's column holds nothing that can be predicted",
            where=where,
            expected="a column of numbers, booleans or texts",
            got=f"{column}: {_NO_TARGET[there[column]]}",
            fix="name another column, or make one of it with il.Source(sql='…')",
        )


def _interval_mistakes(coverage: object) -> Iterator[Mistake]:
    share = isinstance(coverage, int | float) and 0 < coverage < 1
    if coverage is not None and not share:
        yield Mistake(
            code="C122",
            what="a prediction interval's coverage must lie between 0 and 1",
            expected="for example interval=0.8",
            got=repr(coverage),
            fix="correct interval=…",
        )


def _label_mistakes(label: Label, there: Mapping[str, str]) -> list[Mistake]:
    missing = [a for a in arguments_of(label.function) if there and a not in there]
    if not missing:
        return []
    return [
        Mistake(
            code="C124",
            what=f"the label {label.name} asks for columns that are not there",
            where=label.where,
            expected=f"names among {', '.join(sorted(there))}",
            got=", ".join(missing),
            fix="name the label's arguments after columns of the source",
        )
    ]


def _number_column_mistakes(product: Declaration, there: Mapping[str, str]) -> Iterator[Mistake]:
    """Yardsticks and weights are columns of numbers."""
    if product.yardsticks and product.target.task == "multiclass":
        yield Mistake(
            code="C123",
            what="a yardstick is one number a row, and the target is one of several classes",
            expected="yardsticks of a regression, or of a binary target: its probability of yes",
            got=", ".join(product.yardsticks),
            fix="take yardsticks=… out",
        )
    for name, column in (*product.yardsticks.items(), *_weight(product)):
        if there and column not in there:
            yield Mistake(
                code="C123",
                what=f"'{name}' names a column that is not there",
                where=f"source {product.examples.source.name}",
                expected=f"one of {', '.join(sorted(there))}",
                got=column,
                fix=nearest(column, there) or "correct the column's name",
            )
        elif there and there[column] not in ("int", "float", "bool"):
            yield Mistake(
                code="C123",
                what=f"'{name}' names a column that holds no numbers",
                where=f"source {product.examples.source.name}",
                expected="a column of numbers",
                got=f"{column}: {there[column]}",
                fix="name another column, or convert it with il.Source(sql='…')",
            )


def _weight(product: Declaration) -> list[tuple[str, str]]:
    return [("weight", product.weight)] if product.weight else []
