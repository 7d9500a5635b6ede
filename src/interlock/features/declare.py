"""Request features, labels and post-processing as a product declares them: plain typed functions.

Invariants: a declared function's arguments and result are annotated; nothing is evaluated at
declaration time.

>>> @feature
... def area_per_room(area: float, rooms: int) -> float:
...     return area / rooms
>>> area_per_room(120.0, 4), area_per_room.name
(30.0, 'area_per_room')
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin, overload

from interlock.errors import AuthorError
from interlock.features.function import DeclaredFunction, plain_function

_KINDS: dict[Any, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    datetime: "datetime",
    date: "date",
}


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """A type a feature may take or give: its kind, whether None is admitted, a Literal's values."""

    kind: str
    optional: bool = False
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A feature's arguments, in order, and its result."""

    arguments: dict[str, Annotation]
    result: Annotation


@dataclass(frozen=True)
class RequestFeature(DeclaredFunction):
    """A declared request feature; call it like the function it wraps."""

    unit: str = ""
    owner: str = ""
    model_input: bool = True


@dataclass(frozen=True)
class Label(DeclaredFunction):
    """A declared label: a plain typed function of a source's columns; None means no label."""


@dataclass(frozen=True)
class Postprocess(DeclaredFunction):
    """A declared post-processing function; call it like the function it wraps."""


@overload
def feature(function: Callable[..., Any]) -> RequestFeature: ...
@overload
def feature(
    *, unit: str = "", owner: str = "", model_input: bool = True
) -> Callable[[Callable[..., Any]], RequestFeature]: ...
def feature(
    function: Callable[..., Any] | None = None,
    *,
    unit: str = "",
    owner: str = "",
    model_input: bool = True,
) -> RequestFeature | Callable[[Callable[..., Any]], RequestFeature]:
    """Declare a request feature: a pure typed function of request fields and other features.

    If an argument that does not admit None is missing, the result is missing and the function is
    not called. An exception quarantines the row in a delivery and answers 422 in the service.
    With ``model_input=False`` it only serves other features and histories.
    """
    if function is not None:
        return RequestFeature(function)
    return lambda f: RequestFeature(f, unit=unit, owner=owner, model_input=model_input)


def label(function: Callable[..., Any]) -> Label:
    """Declare a label: a typed function of a source's columns; a row with None has no label."""
    return Label(function)


def postprocess(function: Callable[..., Any]) -> Postprocess:
    """Declare what is done to a prediction before it is answered: rounding, a floor, a cap.

    A pure typed function of ``prediction: float`` and of any request fields, features and
    aggregates by name, which returns the new prediction.
    """
    return Postprocess(function)


def annotation_of(hint: Any) -> Annotation | None:
    """The annotation behind a type hint, or None when it is not one a feature may use."""
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        members = [m for m in get_args(hint) if m is not type(None)]
        if len(members) != 1:
            return None
        optional = len(members) < len(get_args(hint))
        hint = members[0]
    if get_origin(hint) is Literal:
        values = get_args(hint)
        if not all(isinstance(v, str) for v in values):
            return None
        return Annotation(kind="category", optional=optional, categories=tuple(values))
    kind = _KINDS.get(hint)
    return Annotation(kind=kind, optional=optional) if kind else None


def signature_of(declared: DeclaredFunction) -> Signature:
    """A declared function's signature. Raises AuthorError F101 where it cannot be used."""
    function = plain_function(declared.function)
    if function is None:
        raise AuthorError(
            "F101",
            f"{declared.name} is not a Python function",
            expected="a function written with def",
            got=repr(declared.function)[:80],
            fix="write it as a function with annotated arguments",
        )
    hints = _hints(declared, function)
    arguments: dict[str, Annotation] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise _not_plain(declared, parameter)
        arguments[name] = _annotated(declared, name, hints.get(name))
    return Signature(
        arguments=arguments, result=_annotated(declared, "return", hints.get("return"))
    )


def _hints(declared: DeclaredFunction, function: types.FunctionType) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError as error:
        what, got = "names something that does not exist", str(error)
        fix = "import the name at the top of the module"
    except (SyntaxError, TypeError, AttributeError) as error:
        what, got, fix = "cannot be read", str(error), "correct the annotation"
    raise AuthorError(
        "F101", f"an annotation of {declared.name} {what}", where=declared.where, got=got, fix=fix
    )


def _not_plain(declared: DeclaredFunction, parameter: inspect.Parameter) -> AuthorError:
    shown = str(parameter).split(":")[0] if parameter.kind.name.startswith("VAR") else ""
    return AuthorError(
        "F101",
        f"{declared.name}: '{shown or parameter.name}' cannot be filled by name and place",
        where=declared.where,
        expected="plain arguments, named after request fields and features",
        got="any number of arguments" if shown else "keyword-only",
        fix=f"make '{parameter.name}' a plain argument",
    )


def _annotated(declared: DeclaredFunction, name: str, hint: Any) -> Annotation:
    found = annotation_of(hint) if hint is not None else None
    if found is None:
        raise _not_annotated(declared, name, "no annotation" if hint is None else str(hint))
    return found


def _not_annotated(declared: DeclaredFunction, name: str, got: str) -> AuthorError:
    return AuthorError(
        "F101",
        f"{declared.name}: '{name}' has no usable annotation",
        where=declared.where,
        expected="int, float, str, bool, date, datetime or Literal['…'], or one of them | None",
        got=got,
        fix=f"annotate '{name}'",
    )
