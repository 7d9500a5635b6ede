"""The outcomes' part of the OpenAPI description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interlock.serve.contract import Contract, class_name
from interlock.serve.http.json_schema import object_schema
from interlock.serve.outcomes import OUTCOME

_LOGGED = {
    "type": "object",
    "properties": {"logged": {"type": "integer", "minimum": 1}},
    "required": ["logged"],
}


def outcome_operation(contract: Contract, refused: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What ``POST /v1/outcomes`` takes and answers; ``refused(schema)`` gives its refusals."""
    one = {"$ref": "#/components/schemas/Outcome"}
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": contract.max_rows}
    body = {"schema": {"oneOf": [one, many]}, "example": outcome_example(contract)}
    logged = {"application/json": {"schema": _LOGGED}}
    return {
        "operationId": "outcomes",
        "summary": "Tell what became of predictions: one object or a list",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "they are in the log", "content": logged},
            **refused({"$ref": "#/components/schemas/Error"}),
        },
    }


def outcome_json_schema(contract: Contract) -> dict[str, Any]:
    """An outcome as JSON Schema 2020-12; what the target's own name takes is said in words."""
    found = object_schema(OUTCOME, outcome_example(contract))
    for name in ("prediction_id", "name"):
        found["properties"][name]["minLength"] = 1
    found["description"] = outcome_words(contract)
    return found


def outcome_words(contract: Contract) -> str:
    """What a value may be, and what a name."""
    classes = contract.answer.spec.classes
    takes = "one of " + ", ".join(map(class_name, classes)) if classes else "a number"
    unit = f" in {contract.answer.unit}" if contract.answer.unit else ""
    return f"the name '{contract.answer.target}' takes {takes}{unit}; other names are free"


def outcome_example(contract: Contract) -> dict[str, Any]:
    """An outcome of the target, of a prediction that nobody made."""
    classes = contract.answer.spec.classes
    return {
        "prediction_id": "0" * 32,
        "name": contract.answer.target,
        "value": classes[0] if classes else 100.0,
        "event_time": "2024-05-31T12:00:00Z",
    }
