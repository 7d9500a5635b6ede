"""Does an answer match what a consumer expects of it?

What is expected may hold more than values. An object with one of these keys is a rule:
``$type`` (number, text, boolean, null, object, list), ``$near`` with ``$within`` (a number, or a
share such as "5%"), ``$between`` (two numbers), ``$one_of`` (a list), ``$matches`` (a regular
expression for the whole text). Of other objects every key must be there and match, and more keys
may be: a consumer who does not read them is not broken by them.

>>> mismatches({"prediction": {"$near": 100, "$within": "5%"}}, {"prediction": 104.0, "id": "a"})
[]
>>> mismatches({"unit": "USD"}, {"unit": "EUR"})
['unit: expected "USD", got "EUR"']
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "text": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "object": lambda v: isinstance(v, dict),
    "list": lambda v: isinstance(v, list),
}
_SHOWN = 120  # characters of a value
_KEYS = 8  # of an object


def mismatches(expected: Any, got: Any, where: str = "") -> list[str]:
    """What does not match, by place; an unknown rule never matches."""
    if isinstance(expected, dict):
        if any(isinstance(key, str) and key.startswith("$") for key in expected):
            return [] if _follows(expected, got) else [_said(where, expected, got)]
        if not isinstance(got, dict):
            return [_said(where, expected, got)]
        return [
            text
            for key, value in expected.items()
            for text in (
                mismatches(value, got[key], f"{where}.{key}".lstrip("."))
                if key in got
                else [f"{where}.{key}: is not there".lstrip(".")]
            )
        ]
    if isinstance(expected, list):
        if not isinstance(got, list) or len(got) != len(expected):
            return [_said(where, expected, got)]
        pairs = enumerate(zip(expected, got, strict=True))
        return [text for i, (e, g) in pairs for text in mismatches(e, g, f"{where}[{i}]")]
    same_kind = isinstance(expected, bool) == isinstance(got, bool)
    return [] if same_kind and expected == got else [_said(where, expected, got)]


def _follows(rule: Mapping[str, Any], got: Any) -> bool:
    match rule:
        case {"$type": str(kind), **rest} if not rest and kind in _TYPES:
            return _TYPES[kind](got)
        case {"$near": centre, "$within": within, **rest} if not rest:
            return _near(centre, within, got)
        case {"$between": [low, high], **rest} if not rest:
            return _is_number(low, high, got) and low <= got <= high
        case {"$one_of": list(values), **rest} if not rest:
            return any(not mismatches(value, got) for value in values)
        case {"$matches": str(pattern), **rest} if not rest:
            return isinstance(got, str) and re.fullmatch(pattern, got) is not None
    return False


def _near(centre: Any, within: Any, got: Any) -> bool:
    if isinstance(within, str):
        share = re.fullmatch(r"(\d+(?:\.\d+)?)\s?%", within)
        if share is None or not _is_number(centre):
            return False
        within = float(share[1]) / 100 * abs(centre)
    return _is_number(centre, within, got) and abs(got - centre) <= within


def _is_number(*values: Any) -> bool:
    return all(_TYPES["number"](value) and math.isfinite(value) for value in values)


def _said(where: str, expected: Any, got: Any) -> str:
    return f"{where or 'the answer'}: expected {_shown(expected)}, got {_shown(got)}"


def _shown(value: Any) -> str:
    """As JSON; of what is too long for a line, what it is.

    >>> _shown({"a": "x" * 200, "b": 1}), _shown([0] * 100)
    ('an object of a, b', 'a list of 100')
    """
    text = json.dumps(value)
    if len(text) <= _SHOWN:
        return text
    if isinstance(value, dict):
        more = ", …" if len(value) > _KEYS else ""
        return f"an object of {', '.join(map(str, list(value)[:_KEYS]))}{more}"
    return f"a list of {len(value)}" if isinstance(value, list) else f"{text[:_SHOWN]}…"
