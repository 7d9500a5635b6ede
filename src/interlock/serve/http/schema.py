"""What a consumer needs to know, for people and for programs.

``GET /v1/schema`` names the fields in Interlock's own words; ``/openapi.json`` says the same in
OpenAPI 3.1, whose schemas are JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.data.request import Field
from interlock.serve.contract import Contract
from interlock.serve.errors import CATALOGUE
from interlock.serve.http.json_schema import BOUNDS, object_schema
from interlock.serve.http.outcome_api import (
    outcome_example,
    outcome_json_schema,
    outcome_operation,
    outcome_words,
)
from interlock.serve.inference.openapi import inference_paths, inference_schemas
from interlock.serve.loaded.explainer import multiplies
from interlock.serve.outcomes import OUTCOME
from interlock.serve.rollout.traffic import ARMS


def schema_document(contract: Contract) -> dict[str, Any]:
    """The body of ``GET /v1/schema``."""
    spec = contract.answer.spec
    return {
        "product": contract.product,
        "release": contract.label,
        "digest": contract.digest,
        "isolated": contract.isolated,
        "request": {
            "name": contract.request.name,
            "fields": [_described(field, contract.example) for field in contract.request.fields],
        },
        "answer": {
            "name": contract.answer.target,
            "task": spec.task,
            "unit": contract.answer.unit,
            "classes": list(spec.classes),
            "interval": spec.interval.level if spec.interval else None,
            "decision": spec.decision.to_row() if spec.decision else None,
        },
        "outcomes": {
            "name": OUTCOME.name,
            "values": outcome_words(contract),
            "fields": [_described(field, outcome_example(contract)) for field in OUTCOME.fields],
        },
        "coverage": {
            "of": list(contract.coverage.sentences) if contract.coverage else [],
            "estimates": contract.coverage is not None and contract.coverage.estimate,
        },
        "example": dict(contract.example),
        "limits": {
            "rows": contract.max_rows,
            "body_bytes": contract.max_body_bytes,
            "explained_rows": contract.max_explained,
        },
    }


def _described(field: Field, example: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": field.name,
        "type": field.kind,
        "required": not field.optional,
    }
    for key, value in (("unit", field.unit), ("description", field.description)):
        if value:
            found[key] = value
    if field.categories:
        found["categories"] = list(field.categories)
    for name, key in BOUNDS.items():
        bound = getattr(field, name)
        if bound is not None:
            found[key] = bound
    if field.asked_at:
        found["asked_at"] = True
        if field.zone:
            found["zone"] = field.zone
    if field.name in example:
        found["example"] = example[field.name]
    return found


def openapi(contract: Contract) -> dict[str, Any]:
    """The OpenAPI 3.1 description of the service."""
    body = {"$ref": "#/components/schemas/Request"}
    answered = {"$ref": "#/components/schemas/Answer"}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": contract.product, "version": contract.label or contract.digest[:12]},
        "paths": {
            "/v1/predict": {
                "post": {
                    "operationId": "predict",
                    "summary": f"Predict {contract.answer.target} for one object or a list",
                    **_parameters(contract),
                    "requestBody": {
                        "required": True,
                        "content": _content(_one_or_many(body, contract), contract.example),
                    },
                    "responses": {
                        "200": {
                            "description": "the answer, or a list of answers in the same order",
                            "content": _content(_one_or_many(answered, contract)),
                        },
                        **_refusals(_REFUSED),
                    },
                }
            },
            "/v1/outcomes": {"post": outcome_operation(contract, _refusals)},
            "/v1/schema": {"get": _page("schema", "The fields, their units and ranges")},
            "/v1/status": {"get": _page("status", "Which release answers")},
            "/health/live": {"get": _page("live", "Whether the service lives")},
            "/health/ready": {"get": _page("ready", "Whether a release is ready")},
            "/openapi.json": {"get": _page("openapi", "This description")},
            "/docs": {"get": _page("docs", "The same for people", "text/html")},
            "/metrics": {"get": _page("metrics", "Measurements for Prometheus", "text/plain")},
            **inference_paths(contract, _refusals),
        },
        "components": {
            "schemas": {
                "Request": request_json_schema(contract),
                "Answer": _answer_schema(contract),
                "Outcome": outcome_json_schema(contract),
                "Error": _ERROR,
                **inference_schemas(contract),
            }
        },
    }
    if contract.needs_token:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _parameters(contract: Contract) -> dict[str, Any]:
    """What may be asked for beside the body."""
    arm = {
        "name": "Interlock-Arm",
        "in": "header",
        "required": False,
        "description": "for tests: which arm of a rollout is to answer, if the caller may choose",
        "schema": {"enum": list(ARMS)},
    }
    if not contract.max_explained:
        return {"parameters": [arm]}
    explain = {
        "name": "explain",
        "in": "query",
        "required": False,
        "description": "explain each answer by what its inputs contributed; "
        f"of at most {contract.max_explained} rows",
        "schema": {"type": "boolean", "default": False},
    }
    return {"parameters": [explain, arm]}


def _one_or_many(one: dict[str, Any], contract: Contract) -> dict[str, Any]:
    many = {"type": "array", "items": one, "minItems": 1, "maxItems": contract.max_rows}
    return {"oneOf": [one, many]}


def _content(schema: dict[str, Any], example: Any = None) -> dict[str, Any]:
    media = {"schema": schema}
    if example is not None:
        media["example"] = dict(example)
    return {"application/json": media}


def _page(name: str, summary: str, kind: str = "application/json") -> dict[str, Any]:
    shape = "object" if kind == "application/json" else "string"
    answer = {"description": summary, "content": {kind: {"schema": {"type": shape}}}}
    unready = {"description": "no release is ready", "content": _content({"type": "object"})}
    refused = _refusals(_REFUSED, "401", "405", "421")
    responses = {"200": answer, **refused, "503": unready}
    return {"operationId": name, "summary": summary, "responses": responses}


def _refusals(error: dict[str, Any], *statuses: str) -> dict[str, Any]:
    """One response for each status, or each of these, naming the codes that have it."""
    found: dict[str, list[str]] = {}
    for refusal in CATALOGUE:
        found.setdefault(str(refusal.status), []).append(f"{refusal.code}: {refusal.meaning}")
    return {
        status: {"description": "; ".join(lines), "content": _content(error)}
        for status, lines in sorted(found.items())
        if not statuses or status in statuses
    }


def request_json_schema(contract: Contract) -> dict[str, Any]:
    """The request as JSON Schema 2020-12."""
    return object_schema(contract.request, contract.example)


def _answer_schema(contract: Contract) -> dict[str, Any]:
    spec = contract.answer.spec
    text, flag = {"type": "string"}, {"type": "boolean"}
    properties: dict[str, Any] = {"prediction": {"type": ["number", "null"]}}
    if spec.task != "regression":
        properties["prediction"] = {"enum": [*spec.classes, None]}
        properties["probabilities"] = {
            "type": "object",
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
        }
    properties |= {
        "interval": {"oneOf": [_INTERVAL, {"type": "null"}]},
        "unit": {"const": contract.answer.unit},
        **{name: flag if name == "covered" else text for name in _ALWAYS},
        **dict.fromkeys(("degraded", "replay"), flag),
    }
    if contract.max_explained:
        properties["explanation"] = _explanation_schema(contract)
    said = _SAID | {"prediction": _predicted(contract), "interval": _held(contract)}
    properties = {name: {**kind, "description": said[name]} for name, kind in properties.items()}
    required = [name for name in properties if name not in _SOMETIMES]
    return {"type": "object", "properties": properties, "required": required}


def _predicted(contract: Contract) -> str:
    answer = contract.answer
    unit = f" in {answer.unit}" if answer.unit else ""
    decided = f": {answer.decided}" if answer.decided else ""
    return f"{answer.target}{unit}{decided}; {_PREDICTION}"


def _held(contract: Contract) -> str:
    interval = contract.answer.spec.interval
    if interval is None:
        return "null: none was declared"
    share = f"{100 * interval.level:.4g} %"
    return f"low and high, meant to hold the truth in {share} of the rows; null where prediction is"


def _explanation_schema(contract: Contract) -> dict[str, Any]:
    """Of more than two classes each number, and each set of contributions, stands by class."""
    spec = contract.answer.spec
    number: dict[str, Any] = {"type": "number"}
    by_input: dict[str, Any] = {"type": "object", "additionalProperties": number}
    if len(spec.classes) > 2:
        number = {"type": "object", "additionalProperties": number}
        by_input = {"type": "object", "additionalProperties": by_input}
    multiply = multiplies(spec)
    how = "base × every contribution = model" if multiply else "base + all contributions = model"
    properties: dict[str, Any] = {
        "method": {"type": "string"},
        "background_rows": {"type": "integer"},
        "combine": {"const": "multiply" if multiply else "add", "description": how},
        "of": {"type": "string", "description": "the class whose probability is explained"},
        "base": number | {"description": "the model's answer over the release's background rows"},
        "model": number | {"description": "its answer to this row, before post-processing"},
        "contributions": by_input,
        "standard_errors": by_input,
    }
    if len(spec.classes) != 2:
        del properties["of"]
    required = [name for name in properties if name != "standard_errors"]
    return {"type": "object", "properties": properties, "required": required}


_ALWAYS = ("covered", "not_covered", "release", "digest", "arm", "id")
_SOMETIMES = ("probabilities", "not_covered", "explanation", "degraded", "replay")
_SAID = {
    "probabilities": "of each class; only where covered is true, or estimates are given",
    "unit": "of prediction and interval",
    "covered": "whether the release answers for this row",
    "not_covered": "why the release does not answer for this row; only where covered is false",
    "release": "the label of the release that answered",
    "digest": "of its bundle, which names it for ever",
    "arm": "champion, or challenger while a rollout runs",
    "id": "of this prediction, in the log; outcomes name it",
    "explanation": "what each input contributed; only where it was asked for",
    "degraded": "only where true: declared defaults stood in for history features",
    "replay": "only where true: a replay answers, as on a day gone by",
}
_REFUSED = {"$ref": "#/components/schemas/Error"}
_PREDICTION = "null where covered is false, unless the product gives estimates there"
_INTERVAL = {
    "type": "object",
    "properties": {
        "low": {"type": "number"},
        "high": {"type": "number"},
        "level": {"type": "number"},
    },
    "required": ["low", "high", "level"],
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "mistakes": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "row": {"type": "integer"},
                            "field": {"type": "string"},
                            "what": {"type": "string"},
                            "expected": {"type": "string"},
                            "got": {"type": "string"},
                        },
                        "required": ["what"],
                    },
                },
            },
            "required": ["code", "message", "mistakes"],
        }
    },
    "required": ["error"],
}
