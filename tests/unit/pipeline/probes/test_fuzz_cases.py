"""Generated requests: the same for the same seed, those that fit do fit, and the others vary."""

import json

import pytest

from interlock.pipeline.probes.fuzz_cases import fuzz_cases
from interlock.pipeline.probes.json_schema import misfits

REQUEST = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date"},
        "rooms": {"type": "integer", "minimum": 1, "maximum": 9},
        "area": {"type": "number", "exclusiveMinimum": 0},
        "kind": {"type": ["string", "null"], "enum": ["flat", "house", None]},
        "new": {"type": "boolean"},
        "note": {"type": ["string", "null"], "maxLength": 20},
    },
    "required": ["day", "rooms", "area", "new"],
    "additionalProperties": False,
}
ONE_OR_MANY = {
    "oneOf": [
        {"$ref": "#/components/schemas/Request"},
        {"type": "array", "items": {"$ref": "#/components/schemas/Request"}, "minItems": 1},
    ]
}


def described(schema):
    return {"content": {"application/json": {"schema": schema}}, "required": True}


DOCUMENT = {
    "paths": {
        "/v1/predict": {"post": {"operationId": "predict", "requestBody": described(ONE_OR_MANY)}},
        "/v1/status": {"get": {"operationId": "status"}},
        "/v2/models/{model}": {
            "parameters": [{"name": "model", "in": "path", "schema": {"enum": ["houses"]}}],
            "get": {"operationId": "model"},
        },
    },
    "components": {"schemas": {"Request": REQUEST}},
}
ROWS = [{"day": "1997-01-02", "rooms": 4, "area": 90.5, "kind": None, "new": False}]


def cases(seed="a", each=400):
    return list(fuzz_cases(DOCUMENT, ROWS, seed=seed, each=each, kept=["day"]))


def test_the_same_seed_makes_the_same_requests():
    assert cases() == cases()
    assert cases() != cases(seed="b")


def test_what_fits_fits_the_schema_and_keeps_the_moment():
    fitting = [case for case in cases() if case.fits and case.body is not None]
    assert 100 < len(fitting) < 300
    for case in fitting:
        value = json.loads(case.body)
        assert list(misfits(ONE_OR_MANY, value, DOCUMENT)) == []
        rows = value if isinstance(value, list) else [value]
        assert {row["day"] for row in rows} == {"1997-01-02"}
    areas = {json.loads(case.body)["area"] for case in fitting if case.body.startswith(b"{")}
    assert len(areas) > 10
    assert all(0 < area <= 905 for area in areas)


def test_what_is_spoiled_is_seldom_what_fits():
    spoiled = [case for case in cases() if not case.fits and case.method == "POST"]
    assert len({case.body for case in spoiled}) > 100
    broken = [case for case in spoiled if _no_json(case.body)]
    assert broken
    assert any(case.headers.get("Content-Type") != "application/json" for case in spoiled)


def _no_json(body):
    try:
        json.loads(body)
    except ValueError:
        return True
    return False


def test_pages_are_asked_for_in_several_ways():
    pages = [case for case in cases() if case.method == "GET"]
    assert [case.operation for case in pages] == ["status"] * 3 + ["model"] * 4
    assert pages[3].path == "/v2/models/houses"
    assert "{" not in "".join(case.path for case in pages)


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"type": "integer"}, True, "$: true is no integer"),
        ({"type": "number"}, "1", '$: "1" is no number'),
        ({"type": "number"}, float("nan"), "$: NaN is no number"),
        ({"type": ["number", "null"]}, float("inf"), "$: Infinity is no number or null"),
        ({"const": 1}, True, "$: true is not 1"),
        ({"enum": ["a", None]}, "b", '$: "b" is none of the values there are'),
        ({"exclusiveMaximum": 3}, 3, "$: 3 is not below 3"),
        ({"maxLength": 2}, "abc", "$: a text of 3 characters is too long"),
        ({"required": ["a"]}, {}, "$: there is no a"),
        ({"properties": {}, "additionalProperties": False}, {"a": 1}, "$: nobody knows a"),
        ({"additionalProperties": {"type": "null"}}, {"a": 1}, "$.a: 1 is no null"),
        ({"items": {"type": "null"}}, [None, 2], "$[1]: 2 is no null"),
        ({"minItems": 1}, [], "$: 0 items are too few or too many"),
        ({"anyOf": [{"type": "null"}, {"type": "object"}]}, 1, "$: 1 fits 0 of 2 schemas"),
        ({"oneOf": [{"type": "number"}, {"type": "integer"}]}, 1, "$: 1 fits 2 of 2 schemas"),
        ({"$ref": "#/components/schemas/Request"}, [], "$: [] is no object"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(schema, value, problem):
    assert list(misfits(schema, value, DOCUMENT)) == [problem]
