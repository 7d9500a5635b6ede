"""The Open Inference Protocol's tensors: what is read, what is refused, what is answered."""

import json
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.request import Field, RequestSchema
from interlock.serve.contract import AnswerContract, Contract
from interlock.serve.errors import ServiceError
from interlock.serve.inference.protocol import flattened, inferred, read_path
from interlock.serve.inference.tensors import answer_tensors, output_tensors, read_question
from interlock.train.answer import AnswerSpec, PredictionInterval


def contract(*fields, classes=(), coverage=None, max_rows=1_000):
    interval = None
    if not classes:
        interval = PredictionInterval(
            level=0.8, low_offset=-0.1, high_offset=0.1, space="log", n=99
        )
    task = ("multiclass" if len(classes) > 2 else "binary") if classes else "regression"
    spec = AnswerSpec(task=task, link="identity", classes=classes, interval=interval)
    return Contract(
        product="valuation",
        label="1.4.0",
        digest="5" * 64,
        request=RequestSchema(name="House", fields=fields or (Field(name="x", kind="int"),)),
        answer=AnswerContract(spec=spec, target="price", unit="USD"),
        example={},
        max_rows=max_rows,
        max_body_bytes=1 << 20,
        coverage=coverage,
    )


def tensor(data, *, name="x", datatype="INT64", shape=None):
    return {
        "name": name,
        "datatype": datatype,
        "shape": [len(data)] if shape is None else shape,
        "data": data,
    }


def read(*tensors, within=None, **more):
    body = json.dumps({"inputs": tensors} | more).encode()
    return read_question(body, within or contract())


def rows(*tensors, **more):
    return json.loads(read(*tensors, **more).body)


RANGES = {
    f"{sign}INT{bits}": st.integers(0, 2**bits - 1)
    if sign
    else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "U")
    for bits in (8, 16, 32, 64)
}
FLOATS = {
    f"FP{bits}": st.floats(width=bits, allow_nan=False, allow_infinity=False)
    for bits in (16, 32, 64)
}
VALUES = RANGES | FLOATS | {"BOOL": st.booleans(), "BYTES": st.text(max_size=20)}


@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_every_datatype_arrives_as_it_was_sent(data, datatype):
    sent = data.draw(st.lists(st.none() | VALUES[datatype], min_size=1, max_size=5))
    flat = rows(tensor(sent, datatype=datatype))
    nested = rows(tensor([[v] for v in sent], datatype=datatype, shape=[len(sent), 1]))
    assert flat == nested == [{"x": value} for value in sent]
    assert [type(row["x"]) for row in flat] == [type(value) for value in sent]


def test_an_integer_beyond_doubles_stays_itself():
    assert rows(tensor([2**53 + 1, 2**63 - 1])) == [{"x": 2**53 + 1}, {"x": 2**63 - 1}]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (tensor([1], datatype="INT65"), "has an unknown datatype"),
        (tensor([300], datatype="UINT8"), "is of another type"),
        (tensor([-1], datatype="UINT64"), "is of another type"),
        (tensor([True]), "is of another type"),
        (tensor([1.5]), "is of another type"),
        (tensor([1e39], datatype="FP32"), "is of another type"),
        (tensor([1], datatype="BYTES"), "is of another type"),
        (tensor([1], datatype="BOOL"), "is of another type"),
        (tensor([{}], datatype="FP64"), "is of another type"),
        (tensor([1, 2], shape=[1]), "has data of another shape"),
        (tensor([1, 2], shape=[1, 2]), "has data of another shape"),
        (tensor([[1, 2]], shape=[1, 2]), "has data of another shape"),
        (tensor([[1], 2], shape=[2, 1]), "has data of another shape"),
        (tensor([[1], [2]], shape=[2]), "has data of another shape"),
        (tensor([1], shape=[]), "has data of another shape"),
        (tensor([1], shape=[-1]), "has data of another shape"),
    ],
)
def test_a_tensor_that_is_not_what_it_says_is_refused(sent, said):
    with pytest.raises(ServiceError) as refused:
        read(sent)
    assert (refused.value.code, refused.value.fields[0].what) == ("S110", said)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "S111"),
        (b"\xff", "S111"),
        (b"[" * 100_000, "S110"),
        (b'{"inputs":[{"name":"x","datatype":"FP64","shape":[1],"data":[NaN]}]}', "S111"),
        (b"null", "S110"),
        (b'{"inputs":[]}', "S110"),
        (b'{"inputs":[],"inputs":[]}', "S110"),
        (b'{"inputs":[],"ouputs":[]}', "S110"),
    ],
)
def test_bodies_that_are_no_request(body, code):
    with pytest.raises(ServiceError) as refused:
        read_question(body, contract())
    assert refused.value.code == code


def test_inputs_and_outputs_are_held_to_each_other():
    with pytest.raises(ServiceError, match="1 mistake"):
        read(tensor([1, 2]), tensor([1], name="y"))
    with pytest.raises(ServiceError, match="1 mistake"):
        read(tensor([1]), tensor([1]))
    with pytest.raises(ServiceError, match="1 mistake"):
        read(tensor([1]), outputs=[{"name": "price"}])
    with pytest.raises(ServiceError) as refused:
        read(tensor([1, 2, 3]), within=contract(max_rows=2))
    assert refused.value.code == "S113"


ANSWER = {
    "prediction": 5.5,
    "interval": {"low": 4.0, "high": 6.0, "level": 0.8},
    "covered": True,
    "id": "a1",
    "unit": "USD",
    "digest": "5" * 64,
    "release": "1.4.0",
    "arm": "champion",
}
DECLINED = ANSWER | {"prediction": None, "interval": None, "covered": False, "not_covered": "few"}


def test_answers_become_tensors_in_the_order_wanted():
    found = answer_tensors([ANSWER, DECLINED], (), contract())
    assert {t["name"]: (t["datatype"], t["data"]) for t in found} == {
        "prediction": ("FP64", [5.5, None]),
        "interval_low": ("FP64", [4.0, None]),
        "interval_high": ("FP64", [6.0, None]),
        "covered": ("BOOL", [True, False]),
        "not_covered": ("BYTES", ["", "few"]),
        "prediction_id": ("BYTES", ["a1", "a1"]),
    }
    wanted = answer_tensors([ANSWER], ("covered", "prediction"), contract())
    assert [t["name"] for t in wanted] == ["covered", "prediction"]


@pytest.mark.parametrize(
    ("classes", "datatype"),
    [((False, True), "BOOL"), ((2**53, 2**53 + 1), "INT64"), (("no", "yes"), "BYTES")],
)
def test_a_class_is_answered_as_its_type_or_by_name_where_it_may_be_absent(classes, datatype):
    names = [str(c).lower() for c in classes]
    given = ANSWER | {
        "prediction": classes[1],
        "probabilities": dict(zip(names, (0.25, 0.75), strict=False)),
    }
    plain = contract(classes=classes)
    found = {t["name"]: t for t in answer_tensors([given], (), plain)}
    assert (found["prediction"]["datatype"], found["prediction"]["data"]) == (
        datatype,
        [classes[1]],
    )
    probabilities = found["probabilities"]
    assert (probabilities["shape"], probabilities["data"]) == ([1, 2], [0.25, 0.75])
    assert json.loads(probabilities["parameters"]["classes"]) == names
    declining = replace(plain, coverage=SimpleNamespace(estimate=False, sentences=()))
    assert output_tensors(declining)[0]["datatype"] == "BYTES"
    (named,) = answer_tensors([given], ("prediction",), declining)
    assert named["data"] == [names[1]]


@pytest.mark.parametrize(
    ("path", "page", "model", "version"),
    [
        ("/v2", "server", "", ""),
        ("/v2/", "server", "", ""),
        ("/v2/health/live", "live", "", ""),
        ("/v2/health/ready/", "ready", "", ""),
        ("/v2/models/m", "model", "m", ""),
        ("/v2/models/m/ready", "model_ready", "m", ""),
        ("/v2/models/m/versions/1.0%2Bg", "model", "m", "1.0+g"),
        ("/v2/models/m/versions/1/ready/", "model_ready", "m", "1"),
        ("/v2/models/m/infer/", "infer", "m", ""),
        ("/v2/models/m/versions/1/infer", "infer", "m", "1"),
    ],
)
def test_paths(path, page, model, version):
    asked = read_path(path)
    assert (asked.page, asked.model, asked.version) == (page, model, version)


@pytest.mark.parametrize(
    "path",
    [
        "/v2//",
        "/v2/health",
        "/v2/models",
        "/v2/models/m/versions",
        "/v2/models/m/versions//ready",
        "/v2/models/m/infer//",
        "/v2/models/m/versions/1/versions/2",
        "/v2/repository/index",
    ],
)
def test_there_is_no_other_path(path):
    with pytest.raises(ServiceError, match="there is no such path"):
        read_path(path)


def test_an_answer_names_the_model_that_scored_and_echoes_the_id():
    release = SimpleNamespace(product="valuation", label="1.4.0", contract=contract())
    question = read(tensor([1]), id="k-7", outputs=[{"name": "prediction"}])
    content = msgspec.json.encode([ANSWER | {"replay": True}])
    assert json.loads(inferred(question, 200, content, release)) == {
        "id": "k-7",
        "model_name": "valuation",
        "model_version": "1.4.0",
        "parameters": {"unit": "USD", "digest": "5" * 64, "arm": "champion", "replay": True},
        "outputs": [{"name": "prediction", "datatype": "FP64", "shape": [1], "data": [5.5]}],
    }


def test_a_refusal_is_one_line():
    body = {"code": "S110", "message": "the request has 2 mistakes"}
    body["mistakes"] = [
        {"row": 0, "field": "x", "what": "is missing", "expected": "a number"},
        {"field": "y", "what": "is no output", "got": "1"},
    ]
    assert json.loads(flattened(msgspec.json.encode({"error": body}))) == {
        "error": "S110: the request has 2 mistakes: x in row 0 is missing, expected a number; "
        "y is no output, got 1"
    }
