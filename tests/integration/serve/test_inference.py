"""The Open Inference Protocol over real HTTP: Triton's public client, and plain HTTP."""

import json

import numpy as np
import plain_http
import pytest
import tritonclient.http as triton

from interlock.serve.log.read import read_log
from interlock.serve.log.record import read_record
from interlock.serve.workers.process import start

TOKEN = "0123456789abcdef" * 3
INFER = "/v2/models/valuation/infer"
COLUMNS = {
    "valued_on": ("BYTES", ["2024-05-31", "2024-05-31"]),
    "year_built": ("INT64", [1990, 1931]),
    "area": ("FP64", [120.0, 80.5]),
    "stories": ("BYTES", ["one", "two"]),
}


def inputs(**changes):
    return [
        {"name": name, "datatype": kind, "shape": [len(data)], "data": data}
        for name, (kind, data) in (COLUMNS | changes).items()
    ]


def infer(client, path=INFER, **body):
    return client.post(path, json={"inputs": inputs()} | body)


@pytest.fixture
def friendly(client):
    rows = [
        dict(zip(COLUMNS, row, strict=True))
        for row in zip(*[c[1] for c in COLUMNS.values()], strict=False)
    ]
    return client.post("/v1/predict", json=rows).json()


def triton_inputs():
    made = []
    for name, (kind, data) in COLUMNS.items():
        tensor = triton.InferInput(name, [len(data)], kind)
        array = np.array(data, dtype=triton.triton_to_np_dtype(kind))
        made.append(tensor.set_data_from_numpy(array, binary_data=False))
    return made


def test_tritons_client_is_answered_as_the_friendly_api_answers(service, friendly):
    client = triton.InferenceServerClient(service.url.removeprefix("http://"))
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("valuation")
        assert client.is_model_ready("valuation", "1.4.0")
        assert not client.is_model_ready("valuation", "1.5.0")
        assert client.get_server_metadata()["extensions"] == []
        about = client.get_model_metadata("valuation")
        assert about["versions"] == ["1.4.0"]
        assert about["inputs"][1] == {"name": "year_built", "datatype": "INT64", "shape": [-1]}
        result = client.infer("valuation", triton_inputs(), request_id="k-7")
        assert result.get_response()["id"] == "k-7"
        assert result.get_response()["model_version"] == "1.4.0"
        assert result.as_numpy("prediction").tolist() == [a["prediction"] for a in friendly]
        low = result.as_numpy("interval_low").tolist()
        assert low == [a["interval"]["low"] for a in friendly]
        assert result.as_numpy("covered").tolist() == [True, True]
        wanted = [triton.InferRequestedOutput("prediction", binary_data=False)]
        one = client.infer("valuation", triton_inputs(), model_version="1.4.0", outputs=wanted)
        assert one.as_numpy("covered") is None
        assert one.as_numpy("prediction").dtype == np.float64
        with pytest.raises(triton.InferenceServerException, match=r"S110.*is missing"):
            client.infer("valuation", triton_inputs()[:2])
        with pytest.raises(triton.InferenceServerException, match="S116"):
            client.infer("another", triton_inputs())
        binary = triton_inputs()
        binary[2].set_data_from_numpy(np.array([1.0, 2.0]))
        with pytest.raises(triton.InferenceServerException, match="S115"):
            client.infer("valuation", binary)
    finally:
        client.close()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2", 200),
        ("/v2/health/live", 200),
        ("/v2/health/ready", 200),
        ("/v2/models/valuation", 200),
        ("/v2/models/valuation/ready", 200),
        ("/v2/models/valuation/versions/1.4.0", 200),
        ("/v2/models/valuation/versions/1.4.0/ready", 200),
        ("/v2/models/valuation/versions/2", 404),
        ("/v2/models/nope", 404),
        ("/v2/models", 404),
        (INFER, 405),
    ],
)
def test_pages_with_and_without_a_slash(client, path, status, slash):
    answer = client.get(path + slash)
    assert answer.status_code == status
    assert (list(answer.json()) == ["error"]) == (status != 200)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("version", ["", "/versions/1.4.0"])
def test_rows_are_inferred(client, friendly, version, slash):
    path = f"/v2/models/valuation{version}/infer{slash}"
    answer = infer(client, path, id="7", outputs=[{"name": "prediction"}]).json()
    assert answer["outputs"] == [
        {
            "name": "prediction",
            "datatype": "FP64",
            "shape": [2],
            "data": [a["prediction"] for a in friendly],
        }
    ]
    assert (answer["id"], answer["model_version"]) == ("7", "1.4.0")


def test_nested_data_and_a_missing_value_are_read(client, friendly):
    nested = [
        tensor | {"shape": [2, 1], "data": [[value] for value in tensor["data"]]}
        for tensor in inputs(garage=("FP64", [None, None]))
    ]
    outputs = {t["name"]: t["data"] for t in infer(client, inputs=nested).json()["outputs"]}
    assert outputs["prediction"] == [a["prediction"] for a in friendly]


def test_the_friendly_rules_hold(client):
    changed = inputs(year_built=("INT64", [1700, 2**53 + 1]), rooms=("INT64", [1, 2]))
    answer = infer(client, inputs=changed)
    assert answer.status_code == 422
    said = answer.json()["error"]
    assert "year_built in row 0 is out of range" in said
    assert "rooms in row 1 is not a field" in said
    assert "9007199254740993" in said


def test_no_web_page_can_ask_without_a_type(client):
    body = json.dumps({"inputs": inputs()}).encode()
    assert client.post(INFER, content=body).status_code == 200
    assert (
        client.post(INFER, content=body, headers={"origin": "http://a.example"}).status_code == 415
    )
    assert (
        client.post(INFER, content=body, headers={"content-type": "text/plain"}).status_code == 415
    )


def test_what_is_inferred_or_refused_is_in_the_log_and_a_token_is_asked_for(
    support, place, tmp_path
):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    plan = support.plan_for(place.boosting, log=tmp_path / "log", token_file=str(token))
    with start(plan) as service, plain_http.Client(base_url=service.url) as client:
        assert client.get("/v2/health/ready").status_code == 200
        refused = infer(client)
        assert (refused.status_code, refused.json()["error"][:4]) == (401, "S118")
        client.headers["authorization"] = f"Bearer {TOKEN}"
        outputs = {t["name"]: t["data"] for t in infer(client).json()["outputs"]}
        assert infer(client, inputs=[]).status_code == 422
        assert infer(client, "/v2/models/valuation/versions/9/infer").status_code == 404
    records = [read_record(r.payload) for r in read_log(tmp_path / "log")]
    assert [r.id for r in records[:2]] == outputs["prediction_id"]
    assert [(r.status, r.error) for r in records[2:]] == [(422, "S110"), (404, "S116")]
