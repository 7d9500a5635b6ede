"""Fields of a request as JSON Schema 2020-12."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.data.request import Field, RequestSchema
from interlock.data.rule import EXACT_INT
from interlock.serve.loaded.audit import MAX_TEXT

_JSON_TYPES: dict[str, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": -EXACT_INT, "maximum": EXACT_INT},
    "float": {"type": "number"},
    "str": {"type": "string", "maxLength": MAX_TEXT},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "category": {"type": "string"},
    "scalar": {"type": ["number", "string", "boolean"], "maxLength": MAX_TEXT},
}
BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}


def object_schema(schema: RequestSchema, example: Mapping[str, Any]) -> dict[str, Any]:
    """An object of these fields; values of ``example`` stand beside theirs."""
    return {
        "type": "object",
        "title": schema.name,
        "properties": {field.name: _property(field, example) for field in schema.fields},
        "required": [field.name for field in schema.fields if not field.optional],
        "additionalProperties": False,
    }


def _property(field: Field, example: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(_JSON_TYPES[field.kind])
    for name, key in BOUNDS.items():
        bound = getattr(field, name)
        if bound is not None:
            found[key] = bound
    if field.categories:
        found["enum"] = [*field.categories, None] if field.optional else list(field.categories)
    if field.optional:
        found["type"] = [found["type"], "null"]
    words = [field.description, f"in {field.unit}" if field.unit else ""]
    if field.asked_at:
        words.append("the moment the prediction is about")
    if any(words):
        found["description"] = "; ".join(word for word in words if word)
    if field.name in example:
        found["examples"] = [example[field.name]]
    return found
