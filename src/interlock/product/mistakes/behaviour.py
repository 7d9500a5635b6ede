"""What can be wrong with behaviour checks: fields, values and examples that the request refuses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from interlock.data.conform import conform
from interlock.data.request import Field, RequestSchema
from interlock.errors import Mistake
from interlock.features.assemble import arrow_type
from interlock.gates.model.behaviour import Directional, Invariant
from interlock.gates.model.expect import Expect
from interlock.product.declaration import Declaration
from interlock.product.mistakes.nearest import nearest

_NUMBERS = ("int", "float")


def behaviour_mistakes(product: Declaration, schema: RequestSchema) -> list[Mistake]:
    """Everything that keeps a declared check from being asked of this product."""
    found: list[Mistake] = []
    for check in product.model_gate:
        if isinstance(check, Directional | Invariant):
            found += _change_mistakes(product, schema, check)
        elif isinstance(check, Expect):
            found += _example_mistakes(product, schema, check)
    return found


def _change_mistakes(
    product: Declaration, schema: RequestSchema, check: Directional | Invariant
) -> Iterator[Mistake]:
    fields = {field.name: field for field in schema.fields if not field.asked_at}
    if not isinstance(check.field, str) or check.field not in fields:
        asked = schema.asked_at is not None and schema.asked_at.name == check.field
        why = "is no field of the request"
        if asked:
            why = "is the prediction time, whose history would change too"
        yield _mistake(
            check,
            f"a check changes '{check.field}', which {why}",
            expected=f"one of {', '.join(fields)}",
            got=str(check.field),
            fix=nearest(str(check.field), fields) or "name another field of the request",
        )
        return
    field = fields[check.field]
    if isinstance(check, Directional):
        yield from _direction_mistakes(product, field, check)
    values = [check.set] if isinstance(check, Directional) else _listed(check.values)
    yield from _value_mistakes(field, check, [value for value in values if value is not ...])


def _direction_mistakes(
    product: Declaration, field: Field, check: Directional
) -> Iterator[Mistake]:
    if product.target.task == "multiclass":
        yield _mistake(
            check,
            "a direction needs one number, and the answer is one of several classes",
            expected="a regression, or two classes",
            got=f"il.{type(product.target).__name__}",
            fix="declare il.Invariant or il.Expect instead",
        )
    if check.set is ... and field.kind not in _NUMBERS:
        yield _mistake(
            check,
            f"a check adds to, or multiplies, '{field.name}', which is no number",
            expected="add= and multiply= on int and float; set= on any field",
            got=field.kind,
            fix="write set=…",
        )
    part = isinstance(check.add, float) and math.isfinite(check.add) and check.add % 1 != 0
    if part and field.kind == "int":
        yield _mistake(
            check,
            f"a check adds a part of one to '{field.name}', which is a whole number",
            expected="a whole number in add=",
            got=f"{check.add:g}",
            fix="add a whole number, or multiply",
        )


def _listed(values: Any) -> list[Any]:
    """The values of a list; what is none is said where the check is validated."""
    return list(values) if isinstance(values, list | tuple | range) else []


def _value_mistakes(
    field: Field, check: Directional | Invariant, values: Sequence[Any]
) -> Iterator[Mistake]:
    for value in values:
        problem = _problem(field, value)
        if problem:
            yield _mistake(
                check,
                f"a check gives '{field.name}' a value that the request refuses",
                expected=problem,
                got=repr(value)[:80],
                fix="give a value that a consumer could send",
            )


def _problem(field: Field, value: Any) -> str:
    """What the value must be, or "" where the field admits it."""
    if value is None:
        return "" if field.optional else "a value"
    try:
        column = pa.chunked_array([pa.array([value], arrow_type(field.kind))])
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return field.rule.phrases[0]
    faults = conform(column, replace(field.rule, nullable=True)).faults
    return faults[0].phrase if faults else ""


def _example_mistakes(
    product: Declaration, schema: RequestSchema, check: Expect
) -> Iterator[Mistake]:
    task = product.target.task
    by_class = check.equals is not None
    if by_class if task == "regression" else task == "multiclass" and not by_class:
        yield _mistake(
            check,
            "an example expects what the answer cannot be compared with",
            expected="equals= a class" if task == "multiclass" else "at_least= or at_most=",
            got="equals=" if by_class else "at_least= or at_most=",
            fix="expect a class of classes, and a number of a regression",
        )
    refusal = _refusal(schema, check)
    if refusal:
        yield _mistake(
            check,
            "an example is not a request that the service would take",
            expected="every field that is required, each with a value that it admits",
            got=refusal[:300],
            fix="write the request as a consumer would send it",
        )


def _refusal(schema: RequestSchema, check: Expect) -> str:
    """What the service would say against the example, or ""."""
    import msgspec  # noqa: PLC0415 - only where examples are declared

    from interlock.serve.errors import ServiceError  # noqa: PLC0415
    from interlock.serve.loaded.decode import RequestDecoder  # noqa: PLC0415 - the service's code

    try:
        RequestDecoder(schema, max_rows=1).decode(msgspec.json.encode(dict(check.request)))
    except (TypeError, ValueError) as error:
        return str(error)
    except ServiceError as error:
        return "; ".join(f"{m.field} {m.what}" for m in error.fields) or error.what
    return ""


def _mistake(
    check: Directional | Invariant | Expect, what: str, *, expected: str, got: str, fix: str
) -> Mistake:
    where = check.title if isinstance(check, Expect) else type(check).__name__
    return Mistake(
        code="C144",
        what=what,
        where=f"model_gate, {where}",
        expected=expected,
        got=got,
        fix=fix,
    )
