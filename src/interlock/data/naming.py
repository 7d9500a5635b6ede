"""Whether a text names a unit: JSON whole, cut off or broken, or what a person wrote.

>>> names('{"house": 17.0, "owner": "M\\\\u00fcller"}', ("17", "Müller"))
True
>>> names('{"house": 17.5, "floor": "a17"}', ("17",))
False
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from interlock.data.unit import is_part

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_WORD = re.compile(r"\w+")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_VALUE = re.compile(rf"(?<![\w.+-])(?:{_NUMBER}|true|false)(?!\w|\.\w)")


def names(text: str, key: Sequence[str]) -> bool:
    """Whether every part of the key is in the text: as it is, escaped, or as that very number."""
    texts = (text, _unescaped(text))
    written = set(_VALUE.findall(text))
    return all(_names_part(texts, written, part) for part in key)


def words(text: str) -> frozenset[str]:
    """Every word of a text, as it is and with JSON's escapes undone.

    >>> sorted(words('{"id": "7f\\u0061"}') & {"7fa", "7f"})
    ['7fa']
    """
    return frozenset(_WORD.findall(text) + _WORD.findall(_unescaped(text)))


def _names_part(texts: Iterable[str], written: Iterable[str], part: str) -> bool:
    word = re.compile(rf"(?<![\w.]){re.escape(part)}(?!\w|\.\w)")
    return any(map(word.search, texts)) or any(
        is_part(_read(value), part) for value in written if _like(value, part)
    )


def _like(value: str, part: str) -> bool:
    """Whether it can be that part: few of a report's many numbers can, and this is quick."""
    if value in ("true", "false"):
        return value == part.lower()
    try:
        return float(value) == float(part)
    except ValueError:
        return False


def _unescaped(text: str) -> str:
    """The text with JSON's escapes undone, wherever they are: cut-off JSON cannot be parsed."""
    plain = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _SHORT.get(m[2], m[2]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read(found: str) -> Any:
    return json.loads(found, parse_int=Decimal)  # Python's int refuses very long ones
