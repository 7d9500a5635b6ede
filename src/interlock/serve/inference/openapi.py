"""The Open Inference Protocol's part of the OpenAPI description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from interlock.serve.contract import Contract
from interlock.serve.inference.explained_tensors import EXPLANATION
from interlock.serve.inference.tensors import DATATYPES, MAX_ID, input_tensor, output_tensors

Refused = Callable[..., dict[str, Any]]
"""Responses of refusals: ``refused(schema, *statuses)``; without statuses, of all there are."""

_TEXT = {"type": "string"}
_VALUE = {"type": ["string", "number", "boolean"]}
_PARAMETERS = {"type": "object", "additionalProperties": _VALUE}
_ELEMENT = {"type": ["string", "number", "boolean", "null"]}
_DATA = {  # of shape [n] or [n, 1]
    "type": "array",
    "items": {"anyOf": [_ELEMENT, {"type": "array", "items": _ELEMENT, "maxItems": 1}]},
    "description": "flat, or nested as the shape says",
}
_READY = {"type": "object", "properties": {"ready": {"type": "boolean"}}, "required": ["ready"]}
_LIVE = {"type": "object", "properties": {"live": {"type": "boolean"}}, "required": ["live"]}
_PAGE = ("401", "404", "405", "421")
_ERROR = {"$ref": "#/components/schemas/InferenceError"}


def inference_paths(contract: Contract, refused: Refused) -> dict[str, Any]:
    """Every path of the protocol."""
    unready = {"description": "no release is ready", "content": _content(_READY)}
    ready = _page("inferenceReady", "Whether a release is ready", _READY, refused)
    ready["responses"]["503"] = unready
    paths: dict[str, Any] = {
        "/v2": {"get": _page("inferenceServer", "The server", _SERVER, refused)},
        "/v2/health/live": {"get": _page("inferenceLive", "Whether it lives", _LIVE, refused)},
        "/v2/health/ready": {"get": ready},
    }
    for suffix, more in (("", ""), ("Version", "/versions/{version}")):
        path = "/v2/models/{model}" + more
        named = {"parameters": _names(contract, versioned=bool(more))}
        about = _page(f"inferenceModel{suffix}", "Inputs and outputs", _MODEL, refused)
        about["responses"] |= refused(_ERROR, "503")
        standing = _page(f"inferenceModelReady{suffix}", "Whether it answers", _READY, refused)
        standing["responses"]["503"] = {
            "description": "no release is ready",
            "content": _content({"anyOf": [_READY, _ERROR]}),
        }
        paths[path] = named | {"get": about}
        paths[f"{path}/ready"] = named | {"get": standing}
        paths[f"{path}/infer"] = named | {"post": _infer(suffix, contract, refused)}
    return paths


def inference_schemas(contract: Contract) -> dict[str, Any]:
    """The schemas that the paths name."""
    return {
        "InferenceRequest": _request(contract),
        "InferenceAnswer": _answer(contract),
        "InferenceError": {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]},
    }


def _page(name: str, summary: str, schema: Mapping[str, Any], refused: Refused) -> dict[str, Any]:
    answer = {"description": summary, "content": _content(schema)}
    responses = {"200": answer, **refused(_ERROR, *_PAGE)}
    return {"operationId": name, "summary": summary, "responses": responses}


def _infer(suffix: str, contract: Contract, refused: Refused) -> dict[str, Any]:
    asked = {"$ref": "#/components/schemas/InferenceRequest"}
    answered = {"$ref": "#/components/schemas/InferenceAnswer"}
    return {
        "operationId": f"infer{suffix}",
        "summary": f"Predict {contract.answer.target} for one row or more, as tensors",
        "requestBody": {"required": True, "content": _content(asked)},
        "responses": {
            "200": {"description": "the outputs", "content": _content(answered)},
            **refused(_ERROR),
        },
    }


def _names(contract: Contract, *, versioned: bool) -> list[dict[str, Any]]:
    given = {"model": [contract.product]}
    if versioned:
        given["version"] = [contract.label or contract.digest]
    return [
        {"name": name, "in": "path", "required": True, "schema": _TEXT | {"enum": names}}
        for name, names in given.items()
    ]


def _content(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _request(contract: Contract) -> dict[str, Any]:
    fields = contract.request.fields
    n_rows = {"type": "integer", "minimum": 1, "maximum": contract.max_rows}
    tensor = {
        "type": "object",
        "properties": {
            "name": {"enum": [field.name for field in fields]},
            "shape": {"type": "array", "items": n_rows, "minItems": 1},
            "datatype": {"enum": list(DATATYPES)},
            "data": _DATA,
            "parameters": _PARAMETERS,
        },
        "required": ["name", "shape", "datatype", "data"],
        "additionalProperties": False,
    }
    wanted = {
        "type": "object",
        "properties": {
            "name": {"enum": _outputs(contract)},
            "parameters": _PARAMETERS,
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "id": _TEXT | {"maxLength": MAX_ID},
            "inputs": {"type": "array", "items": tensor, "minItems": 1},
            "outputs": {"type": "array", "items": wanted},
            "parameters": _asked(contract),
        },
        "required": ["inputs"],
        "additionalProperties": False,
        "examples": [example_request(contract)],
    }


def _asked(contract: Contract) -> dict[str, Any]:
    """What the request's own parameters may say; what is not known there is passed over."""
    if not contract.max_explained:
        return _PARAMETERS
    told = ", ".join(EXPLANATION)
    most = f"of at most {contract.max_explained} rows; the outputs are then {told}, too"
    explain = {"type": "boolean", "default": False, "description": f"explain each answer, {most}"}
    return _PARAMETERS | {"properties": {"explain": explain}}


def example_request(contract: Contract) -> dict[str, Any]:
    """The contract's example as tensors of one row."""
    given = contract.example
    tensors = [input_tensor(f) for f in contract.request.fields if given.get(f.name) is not None]
    return {"inputs": [t | {"shape": [1], "data": [given[t["name"]]]} for t in tensors]}


def _outputs(contract: Contract) -> list[str]:
    """The names of all outputs that there may be."""
    always = [tensor["name"] for tensor in output_tensors(contract)]
    return [*always, *EXPLANATION] if contract.max_explained else always


def _answer(contract: Contract) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "properties": {
            "name": {"enum": _outputs(contract)},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"enum": list(DATATYPES)},
            "data": {"type": "array", "items": {}},
            "parameters": _PARAMETERS,
        },
        "required": ["name", "shape", "datatype", "data"],
    }
    return {
        "type": "object",
        "properties": {
            "id": _TEXT,
            "model_name": {"const": contract.product},
            "model_version": _TEXT,
            "parameters": _PARAMETERS,
            "outputs": {"type": "array", "items": tensor},
        },
        "required": ["model_name", "model_version", "outputs"],
    }


_TENSORS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": _TEXT,
            "datatype": {"enum": list(DATATYPES)},
            "shape": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["name", "datatype", "shape"],
    },
}
_SERVER = {
    "type": "object",
    "properties": {"name": _TEXT, "version": _TEXT, "extensions": {"type": "array", "items": {}}},
    "required": ["name", "version", "extensions"],
}
_MODEL = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "versions": {"type": "array", "items": _TEXT},
        "platform": _TEXT,
        "inputs": _TENSORS,
        "outputs": _TENSORS,
    },
    "required": ["name", "platform", "inputs", "outputs"],
}
