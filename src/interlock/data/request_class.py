"""The class by which a project declares its request, read into a :class:`RequestSchema`.

A user subclasses :class:`Request`; :func:`request_schema` turns the class into pure data and
reports every mistake in it at once. A field may be left out, or be null, exactly when its
annotation admits None; there is no other default, so that live and batch cannot differ in one.

>>> class House(Request):
...     valued_on: date = asked_at(zone="America/New_York")
...     year_built: int = field(ge=1800)
...     stories: Literal["one", "two"]
...     garage_sqft: int | None = None
>>> schema = request_schema(House)
>>> [(f.name, f.kind, f.optional) for f in schema.fields][2:]
[('stories', 'category', False), ('garage_sqft', 'int', True)]
>>> schema.asked_at.zone
'America/New_York'
>>> RequestSchema.from_row(schema.to_row()) == schema
True
"""

from __future__ import annotations

import inspect
import keyword
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from interlock.clock import parse_span, zone_named
from interlock.data.request import Field, RequestSchema
from interlock.data.rule import contradiction
from interlock.errors import AuthorError, Mistake

RESERVED = frozenset({"as_of"})  # what a feature may ask for beside the fields

_KINDS = {int: "int", float: "float", str: "str", bool: "bool", date: "date", datetime: "datetime"}
_KINDS_TEXT = "int, float, str, bool, date, datetime or Literal['…', …], each also with '| None'"
_NUMBERS = ("int", "float")
_TIMES = ("date", "datetime")


@dataclass(frozen=True, kw_only=True)
class _Declared:
    """What stands to the right of a field's ``=`` in the user's class."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    description: str = ""
    model_input: bool = True
    asked_at: bool = False
    zone: str | None = None
    tolerance: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a class was declared, and the names its annotations may use."""

    where: str
    names: Mapping[str, Any]


class Request:
    """Subclass it and annotate the fields that a consumer sends."""

    __declared_at: ClassVar[_Place] = _Place(where="", names={})

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        frame = sys._getframe(1)
        cls.__declared_at = _Place(
            where=f"{frame.f_code.co_filename}:{frame.f_lineno}",
            names={**frame.f_globals, **frame.f_locals},
        )

    @classmethod
    def declared_at(cls) -> str:
        """The class statement's file and line, 'product.py:12'."""
        return cls.__declared_at.where

    @classmethod
    def _names(cls) -> Mapping[str, Any]:
        module = sys.modules.get(cls.__module__)
        return {**cls.__declared_at.names, **(vars(module) if module else {})}


def field(
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    unit: str = "",
    description: str = "",
    model_input: bool = True,
) -> Any:
    """A request field with bounds, a unit, a description, or kept away from the model."""
    return _Declared(
        ge=ge, gt=gt, le=le, lt=lt, unit=unit, description=description, model_input=model_input
    )


def asked_at(
    *, zone: str | None = None, tolerance: str | None = None, description: str = ""
) -> Any:
    """The field that says when the prediction is asked for: a date (in ``zone``) or a datetime.

    A live request whose time is further from the service's clock than ``tolerance`` ('1d') is
    refused; without a tolerance any time is accepted.
    """
    return _Declared(asked_at=True, zone=zone, tolerance=tolerance, description=description)


def request_schema(cls: type[Request]) -> RequestSchema:
    """The class as pure data. Raises AuthorError with every mistake in it."""
    mistakes: list[Mistake] = []
    fields = [
        _field(cls, name, annotation, mistakes) for name, annotation in _annotations(cls).items()
    ]
    timed = [f.name for f in fields if f.asked_at]
    if not fields:
        mistakes.append(
            Mistake(
                code="C110",
                what="the request has no fields",
                where=_where(cls),
                expected="at least one annotated field",
                got="none",
                fix=f"declare what the consumer sends, for example '{cls.__name__}.rooms: int'",
            )
        )
    if len(timed) > 1:
        mistakes.append(
            Mistake(
                code="C113",
                what="two fields hold the prediction time",
                where=_where(cls),
                expected="at most one il.asked_at field",
                got=", ".join(timed),
                fix="keep il.asked_at on one of them",
            )
        )
    if mistakes:
        raise AuthorError.of(mistakes)
    return RequestSchema(name=cls.__name__, fields=tuple(fields))


def _annotations(cls: type[Request]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ancestor in reversed(cls.__mro__):
        if issubclass(ancestor, Request) and ancestor is not Request:
            found |= inspect.get_annotations(ancestor)
    return found


def _where(cls: type[Request], name: str = "") -> str:
    label = f"{cls.__name__}.{name}" if name else cls.__name__
    return f"{cls.declared_at()}, {label}"


def _field(cls: type[Request], name: str, annotation: Any, mistakes: list[Mistake]) -> Field:
    """The field as declared; what is wrong with it is added to ``mistakes``."""
    where = _where(cls, name)
    missing = object()
    default = getattr(cls, name, missing)
    declared = default if isinstance(default, _Declared) else _Declared()
    kind, optional, categories = _kind(cls, annotation)
    found = Field(
        name=name,
        kind=kind or "str",
        optional=optional,
        ge=declared.ge,
        gt=declared.gt,
        le=declared.le,
        lt=declared.lt,
        unit=declared.unit,
        description=declared.description,
        categories=categories,
        zone=declared.zone,
        asked_at=declared.asked_at,
        model_input=declared.model_input and kind not in _TIMES,
    )
    mistakes.extend(replace(m, where=where) for m in _name_mistakes(name))
    if kind is None:
        mistakes.append(_annotation_mistake(where, annotation))
        return found
    mistakes.extend(replace(m, where=where) for m in _bound_mistakes(found))
    if default is not missing and default is not declared:
        mistakes.extend(replace(m, where=where) for m in _default_mistakes(found, default))
    if not declared.asked_at:
        return found
    mistakes.extend(replace(m, where=where) for m in _time_mistakes(found, declared))
    return replace(found, tolerance=_span(declared.tolerance))


def _kind(cls: type[Request], annotation: Any) -> tuple[str | None, bool, tuple[str, ...]]:
    """(kind, optional, categories) of an annotation; kind None when it is not supported."""
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        hint = get_type_hints(holder, globalns=dict(cls._names()))["it"]
    except (NameError, AttributeError, SyntaxError, TypeError):
        return None, False, ()
    parts = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = [part for part in parts if part is not type(None)]
    optional = len(kinds) < len(parts)
    if len(kinds) != 1:
        return None, optional, ()
    if get_origin(kinds[0]) is Literal:
        values = get_args(kinds[0])
        if not all(isinstance(value, str) for value in values):
            return None, optional, ()
        return "category", optional, values
    kind = _KINDS.get(kinds[0]) if isinstance(kinds[0], type) else None
    return kind, optional, ()


def _annotation_mistake(where: str, annotation: Any) -> Mistake:
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return Mistake(
        code="C110",
        what="a request field has a type that cannot be sent",
        where=where,
        expected=_KINDS_TEXT,
        got=text,
        fix="annotate the field with one of these types",
    )


def _name_mistakes(name: str) -> Iterator[Mistake]:
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
    if default is None and found.optional:
        return
    yield Mistake(
        code="C114",
        what="a request field has a default that is not allowed",
        expected="None, on a field whose annotation admits None; or no default",
        got=f"{default!r} on {found.kind}{' | None' if found.optional else ''}",
        fix="annotate the field with '| None' and default None, and fill the gap in a feature",
    )


def _time_mistakes(found: Field, declared: _Declared) -> Iterator[Mistake]:
    if found.kind not in _TIMES or found.optional:
        yield Mistake(
            code="C113",
            what="the prediction time has a type that is not a time",
            expected="date or datetime, never None",
            got=f"{found.kind}{' | None' if found.optional else ''}",
            fix="annotate the il.asked_at field with date or datetime",
        )
    if found.kind == "date" and declared.zone is None:
        yield Mistake(
            code="C105",
            what="a date needs a zone to be an instant",
            expected="zone='…' on il.asked_at",
            got="no zone",
            fix="declare the zone, for example il.asked_at(zone='UTC')",
        )
    try:
        if declared.zone is not None:
            zone_named(declared.zone)
    except AuthorError as error:
        yield from error.mistakes
    try:
        _ = declared.tolerance is None or parse_span(declared.tolerance)
    except AuthorError as error:
        yield from error.mistakes


def _span(text: str | None) -> int | None:
    try:
        return None if text is None else parse_span(text)
    except AuthorError:
        return None  # already among the mistakes
