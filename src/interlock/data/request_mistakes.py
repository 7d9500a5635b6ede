"""What can be wrong with a declared request and its fields, in words."""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Iterator, Sequence
from typing import Any

from interlock.clock import parse_span, zone_named
from interlock.data.request import Field
from interlock.data.rule import contradiction
from interlock.errors import AuthorError, Mistake

RESERVED = frozenset({"as_of"})  # what a feature may ask for beside the fields
TIMES = ("date", "datetime")
NO_DEFAULT = object()

_KINDS = "int, float, str, bool, date, datetime or Literal['…', …], each also with '| None'"
_NUMBERS = ("int", "float")


def request_mistakes(name: str, fields: Sequence[Field], *, where: str) -> Iterator[Mistake]:
    """C110 for a request without fields, C113 for one with two prediction times."""
    if not fields:
        yield Mistake(
            code="C110",
            what="the request has no fields",
            where=where,
            expected="at least one annotated field",
            got="none",
            fix=f"declare what the consumer sends, for example '{name}.rooms: int'",
        )
    timed = [f.name for f in fields if f.asked_at]
    if len(timed) > 1:
        yield Mistake(
            code="C113",
            what="two fields hold the prediction time",
            where=where,
            expected="at most one il.asked_at field",
            got=", ".join(timed),
            fix="keep il.asked_at on one of them",
        )


def field_mistakes(found: Field, *, default: Any, tolerance: str | None) -> Iterator[Mistake]:
    """What a field whose type can be sent contradicts, without saying where.

    ``default`` is what the class gives it, NO_DEFAULT where nothing; ``tolerance`` as declared.
    """
    yield from _bound_mistakes(found)
    yield from _default_mistakes(found, default)
    if found.asked_at:
        yield from _time_mistakes(found, tolerance)


def annotation_mistake(annotation: Any) -> Mistake:
    """C110: a type that cannot be sent."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return Mistake(
        code="C110",
        what="a request field has a type that cannot be sent",
        expected=_KINDS,
        got=text,
        fix="annotate the field with one of these types",
    )


def name_mistakes(name: str) -> Iterator[Mistake]:
    """C111: a name that a feature could not take, or that is kept for Interlock."""
    identifier = name.isidentifier() and not keyword.iskeyword(name)
    if identifier and name not in RESERVED and not name.startswith("_"):
        return
    yield Mistake(
        code="C111",
        what="a request field has a name that cannot be used",
        expected=f"a Python identifier, not '{sorted(RESERVED)[0]}', not starting with '_'",
        got=repr(name),
        fix="rename the field",
    )


def _bound_mistakes(found: Field) -> Iterator[Mistake]:
    if not found.rule.bounds:
        return
    if found.kind not in _NUMBERS:
        yield Mistake(
            code="C112",
            what="a field that is not a number has bounds",
            expected="ge, gt, le, lt on int and float only",
            got=f"bounds on {found.kind}",
            fix="remove the bounds, or change the annotation",
        )
        return
    problem = contradiction(
        ge=found.ge, gt=found.gt, le=found.le, lt=found.lt, whole=found.kind == "int"
    )
    if problem:
        yield Mistake(
            code="C112",
            what="the bounds of a field contradict each other",
            expected="at most one lower and one upper bound, with a number between them",
            got=problem,
            fix="correct the bounds",
        )


def _default_mistakes(found: Field, default: Any) -> Iterator[Mistake]:
    if default is NO_DEFAULT or (default is None and found.optional):
        return
    yield Mistake(
        code="C114",
        what="a request field has a default that is not allowed",
        expected="None, on a field whose annotation admits None; or no default",
        got=f"{default!r} on {found.kind}{' | None' if found.optional else ''}",
        fix="annotate the field with '| None' and default None, and fill the gap in a feature",
    )


def _time_mistakes(found: Field, tolerance: str | None) -> Iterator[Mistake]:
    if found.kind not in TIMES or found.optional:
        yield Mistake(
            code="C113",
            what="the prediction time has a type that is not a time",
            expected="date or datetime, never None",
            got=f"{found.kind}{' | None' if found.optional else ''}",
            fix="annotate the il.asked_at field with date or datetime",
        )
    if found.kind == "date" and found.zone is None:
        yield Mistake(
            code="C105",
            what="a date needs a zone to be an instant",
            expected="zone='…' on il.asked_at",
            got="no zone",
            fix="declare the zone, for example il.asked_at(zone='UTC')",
        )
    try:
        if found.zone is not None:
            zone_named(found.zone)
    except AuthorError as error:
        yield from error.mistakes
    try:
        _ = tolerance is None or parse_span(tolerance)
    except AuthorError as error:
        yield from error.mistakes
