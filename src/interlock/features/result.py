"""A packed function's result, held to the kind that the function declares.

Invariants: a missing value is None, never NaN; numbers are finite, and whole ones exact as doubles.
What is of its kind at a glance costs no call: :func:`checked` writes that test into the source of
the compiled loops.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from interlock.data.kinds import PYTHON_TYPES
from interlock.data.rule import EXACT_INT
from interlock.features.definition import FeatureDefinition


class FeatureFailure(Exception):  # noqa: N818 - an outcome of a row, not a fault of the program
    """A feature raised, or gave a value that is not of its kind."""

    def __init__(self, feature: str, message: str) -> None:
        super().__init__(f"{feature}: {message}")
        self.feature = feature
        self.message = message


def describe(error: BaseException) -> str:
    """What a packed function died of, for whoever asked about the row."""
    if isinstance(error, FeatureFailure):
        return error.message
    return f"{type(error).__name__}: {error}"


def checker(definition: FeatureDefinition) -> Callable[[Any], Any]:
    """A function that returns a value as its declared kind, or raises FeatureFailure."""
    convert = _CONVERT[definition.kind]
    exact = PYTHON_TYPES[definition.kind]
    categories = frozenset(definition.categories)

    def check(value: Any) -> Any:
        if value is None:
            if definition.optional:
                return None
            raise FeatureFailure(definition.name, "returned None, but is not declared optional")
        try:
            found: Any = value if type(value) is exact else convert(value)
        except (TypeError, ValueError, OverflowError):
            raise FeatureFailure(
                definition.name, f"returned {type(value).__name__}, declared {definition.kind}"
            ) from None
        if found.__class__ is float:
            if not math.isfinite(found):
                raise FeatureFailure(definition.name, f"returned {found}; a missing value is None")
        elif found.__class__ is int and not -EXACT_INT <= found <= EXACT_INT:
            raise FeatureFailure(definition.name, "returned a whole number beyond ±2^53")
        elif definition.kind == "datetime" and found.tzinfo is None:
            raise FeatureFailure(definition.name, "returned a time without a zone")
        if categories and found not in categories:
            raise FeatureFailure(definition.name, f"returned {found!r}, not a declared category")
        return found

    return check


def _to_int(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    return operator.index(value)


def _to_float(value: Any) -> float:
    if isinstance(value, str | bytes | bool):
        raise TypeError
    return float(value)


def _to_date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value


def _to_datetime(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError
    return value


def _to_bool(value: Any) -> bool:
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError
    return bool(value)


def _to_str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


_CONVERT: dict[str, Callable[[Any], Any]] = {
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
    "str": _to_str,
    "category": _to_str,
    "date": _to_date,
    "datetime": _to_datetime,
}
_AT_A_GLANCE = {  # what :func:`checker` lets through as it is
    "int": "{}.__class__ is int and -EXACT_INT <= r <= EXACT_INT",
    "float": "{}.__class__ is float and -inf < r < inf",
    "bool": "{}.__class__ is bool",
    "str": "{}.__class__ is str",
    "date": "{}.__class__ is date",
}
CHECKED: Mapping[str, Any] = {"EXACT_INT": EXACT_INT, "inf": math.inf, "date": date}
"""What an expression of :func:`checked` needs in its scope."""


def checked(definition: FeatureDefinition, call: str, check: str) -> str:
    """Source of the checked result of a call; what is of its kind at a glance costs no other call.

    ``check`` is the name of the definition's :func:`checker`; ``r`` is assigned to.
    """
    glance = _AT_A_GLANCE.get("" if definition.categories else definition.kind)
    if glance is None:
        return f"{check}({call})"
    other = f"{check}(r)"
    if definition.kind == "float":  # a whole number is one
        other = f"float(r) if {_AT_A_GLANCE['int'].format('r')} else {other}"
    return f"r if {glance.format(f'(r := {call})')} else {other}"
