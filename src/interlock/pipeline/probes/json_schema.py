"""Does a value fit a JSON Schema? The part of 2020-12 that the service's own description uses.

>>> whole = {"type": "integer", "minimum": 1}
>>> list(misfits(whole, 0, {})), list(misfits({"type": "array", "items": whole}, [1, "x"], {}))
(['$: 0 is below 1'], ['$[1]: "x" is no integer'])
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from interlock.wording import counted

_SHOWN = 60  # characters of a value in a message
_KINDS: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}
_BOUNDS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("below", operator.ge),
    "exclusiveMinimum": ("not above", operator.gt),
    "maximum": ("above", operator.le),
    "exclusiveMaximum": ("not below", operator.lt),
}


def resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema itself; where it is a reference into the document, what that names."""
    while "$ref" in schema:
        found: Any = document
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def misfits(
    schema: Mapping[str, Any], value: Any, document: Mapping[str, Any], path: str = "$"
) -> Iterator[str]:
    """What does not fit, each with its place; nothing where the value fits."""
    schema = resolved(schema, document)
    if "const" in schema and not _same(schema["const"], value):
        yield f"{path}: {_shown(value)} is not {_shown(schema['const'])}"
    if "enum" in schema and not any(_same(one, value) for one in schema["enum"]):
        yield f"{path}: {_shown(value)} is none of the values there are"
    yield from _of_some(schema, value, document, path)
    kinds = schema.get("type")
    named = [kinds] if isinstance(kinds, str) else kinds
    if named and not any(_is(kind, value) for kind in named):
        yield f"{path}: {_shown(value)} is no {' or '.join(named)}"
        return
    if isinstance(value, dict):
        yield from _object(schema, value, document, path)
    elif isinstance(value, list):
        yield from _array(schema, value, document, path)
    elif isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{path}: a text of {counted(len(value), 'character')} is too long"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        for name, (how, holds) in _BOUNDS.items():
            if name in schema and not holds(value, schema[name]):
                yield f"{path}: {_shown(value)} is {how} {schema[name]}"


def _of_some(
    schema: Mapping[str, Any], value: Any, document: Mapping[str, Any], path: str
) -> Iterator[str]:
    for name in ("oneOf", "anyOf"):
        if name in schema:
            fits = sum(not any(misfits(one, value, document)) for one in schema[name])
            if fits == 0 or (name == "oneOf" and fits > 1):
                yield f"{path}: {_shown(value)} fits {fits} of {len(schema[name])} schemas"


def _object(
    schema: Mapping[str, Any], value: Mapping[str, Any], document: Mapping[str, Any], path: str
) -> Iterator[str]:
    known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}: there is no {name}"
    for name, inner in value.items():
        if name in known:
            yield from misfits(known[name], inner, document, f"{path}.{name}")
        elif more is False:
            yield f"{path}: nobody knows {name[:_SHOWN]}"
        elif isinstance(more, Mapping):
            yield from misfits(more, inner, document, f"{path}.{name}")


def _array(
    schema: Mapping[str, Any], value: list[Any], document: Mapping[str, Any], path: str
) -> Iterator[str]:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        yield f"{path}: {counted(len(value), 'item is', 'items are')} too few or too many"
    if "items" in schema:
        for place, inner in enumerate(value):
            yield from misfits(schema["items"], inner, document, f"{path}[{place}]")


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return False  # Python reads NaN; JSON has no such number
    return isinstance(value, _KINDS[kind])


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON has it: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:_SHOWN]
