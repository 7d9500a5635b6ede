"""The class by which a project declares its request, read into a :class:`RequestSchema`.

A user subclasses :class:`Request`; :func:`request_schema` turns the class into pure data and
reports every mistake in it at once. A field may be left out, or be null, exactly when its
annotation admits None; there is no other default, so that live and batch cannot differ in one.

>>> from datetime import date
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
import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from interlock.clock import parse_span
from interlock.data.kinds import PYTHON_TYPES
from interlock.data.request import Field, RequestSchema
from interlock.data.request_mistakes import (
    NO_DEFAULT,
    TIMES,
    annotation_mistake,
    field_mistakes,
    name_mistakes,
    request_mistakes,
)
from interlock.errors import AuthorError, Mistake

_KINDS = {type_: kind for kind, type_ in PYTHON_TYPES.items() if kind != "category"}


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
    mistakes += request_mistakes(cls.__name__, fields, where=_where(cls))
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
    default = getattr(cls, name, NO_DEFAULT)
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
        model_input=declared.model_input and kind not in TIMES,
        tolerance=_span(declared.tolerance) if declared.asked_at else None,
    )
    wrong = [*name_mistakes(name)]
    if kind is None:
        wrong.append(annotation_mistake(annotation))
    else:
        given = NO_DEFAULT if default is declared else default
        wrong += field_mistakes(found, default=given, tolerance=declared.tolerance)
    mistakes.extend(replace(mistake, where=_where(cls, name)) for mistake in wrong)
    return found


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


def _span(text: str | None) -> int | None:
    try:
        return None if text is None else parse_span(text)
    except AuthorError:
        return None  # already among the mistakes
