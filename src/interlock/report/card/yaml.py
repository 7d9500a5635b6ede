"""Plain values as YAML that no text can break out of.

A text that is no simple word is written in double quotes with JSON's escapes, which YAML 1.1 and
1.2 read alike.

>>> print(block({"name": 'a: b"', "values": [1.5, {"type": "mae"}], "none": []}))
name: "a: b\\""
values:
- 1.5
- type: mae
none: []
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from interlock.report.names import shown

_PLAIN = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_LONGEST = 1_000  # characters of a text


def block(value: Mapping[str, Any]) -> str:
    """The lines of a mapping of texts, finite numbers, booleans, lists and mappings."""
    return "\n".join(_mapping(value, 0))


def _mapping(value: Mapping[str, Any], depth: int) -> list[str]:
    lines = []
    for key, item in value.items():
        lines += _entry(f"{'  ' * depth}{_text(key)}:", item, depth)
    return lines


def _entry(start: str, item: Any, depth: int) -> list[str]:
    if isinstance(item, Mapping) and item:
        return [start, *_mapping(item, depth + 1)]
    if _is_list(item) and item:
        return [start, *_sequence(item, depth)]
    return [f"{start} {_scalar(item)}"]


def _sequence(items: Sequence[Any], depth: int) -> list[str]:
    lines = []
    for item in items:
        dash = f"{'  ' * depth}- "
        if isinstance(item, Mapping) and item:
            first, *rest = _mapping(item, depth + 1)
            lines += [dash + first.lstrip(), *rest]
        else:
            lines.append(dash + _scalar(item))
    return lines


def _scalar(value: Any) -> str:
    if _is_list(value):
        return "[]"
    if isinstance(value, Mapping):
        return "{}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    return _text(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _number(value: float) -> str:
    """Six significant digits; with a point, for YAML 1.1 reads 1e-05 as a text."""
    if not math.isfinite(value):
        return _text(str(value))
    mantissa, e, exponent = f"{value:.6g}".partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{e}{exponent}" if e else mantissa


def _text(value: object) -> str:
    """A simple word as it is, anything else in quotes."""
    text = shown(value, limit=_LONGEST)
    if _PLAIN.fullmatch(text) and text not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
