"""The service over real HTTP: what it answers, and all that it must refuse."""

import json
import socket
from html import escape

import plain_http
import pytest

from interlock.serve.errors import CATALOGUE

JSON = {"content-type": "application/json"}


def raw(service, data, *, limit=1 << 16):
    """The bytes answered to bytes that no well-behaved client would send."""
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        return connection.recv(limit)


def predict(client, body, **headers):
    return client.post("/v1/predict", content=body, headers=JSON | headers)


def test_one_object_and_a_list_are_answered(client, support):
    one = predict(client, support.request_body())
    many = predict(client, b"[" + support.request_body() + b"," + support.request_body() + b"]")
    assert (one.status_code, many.status_code) == (200, 200)
    assert one.headers["content-type"] == "application/json"
    assert [a["prediction"] for a in many.json()] == [one.json()["prediction"]] * 2
    assert one.json()["release"] == "1.4.0"
    assert one.json()["replay"] is True


def test_a_chunked_body_is_read(client, support):
    def parts():
        yield support.request_body()[:10]
        yield support.request_body()[10:]

    assert predict(client, parts()).status_code == 200


def test_health_and_status(client, place):
    assert client.get("/health/live").json() == {"live": True}
    assert client.get("/health/ready").json() == {"ready": True}
    status = client.get("/v1/status").json()
    assert status["digest"] == status["wanted_digest"] == place.boosting.name
    assert (status["generation"], status["problem"]) == (0, None)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "S111"),
        (b"not json", 400, "S111"),
        (b"\xff", 400, "S111"),
        (b"[" * 50_000, 400, "S111"),
        (b"{}", 422, "S110"),
        (b"[]", 422, "S110"),
        (b"null", 422, "S110"),
        (b"[" + b",".join([b"{}"] * 1_001) + b"]", 413, "S113"),
        (b" " * (1 << 20) + b"{}", 413, "S112"),
    ],
)
def test_bad_bodies_are_refused(client, body, status, code):
    answer = predict(client, body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_chunk_flood_is_cut_off(service):
    with plain_http.Client(base_url=service.url) as client:
        flood = (b"x" * 65_536 for _ in range(64))
        answer = predict(client, flood)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "S112")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/x-pickle"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": ""},
    ],
)
def test_only_plain_json_is_taken(client, support, headers):
    answer = client.post("/v1/predict", content=support.request_body(), headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "S115")


def test_unknown_paths_and_methods(client):
    for path in ("/", "/nope", "/v1/predict/", "/v1/predict/../../etc/passwd", "/docs/%2e%2e/"):
        assert client.get(path).status_code == 404, path
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = client.request(method, "/v1/predict")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = client.post("/v1/schema")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_header_is_refused(client, support, host):
    answer = predict(client, support.request_body(), host=host)
    assert (answer.status_code, answer.json()["error"]["code"]) == (421, "S119")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:80"])
def test_this_machines_names_are_taken(client, support, host):
    assert predict(client, support.request_body(), host=host).status_code == 200


def test_a_body_without_length_is_refused(service):
    answer = raw(
        service,
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 411 ")


def test_too_long_a_body_is_refused_before_it_is_sent(service):
    answer = raw(
        service,
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: 99999999999999\r\n\r\n",
    )
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"GET /\r\nhost: a\r\n\r\n",
        b"GET /docs HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 500_000 + b"\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_http_leaves_the_service_well(service, client, data):
    try:
        answer = raw(service, data)
    except (ConnectionError, TimeoutError):
        answer = b""
    assert not answer.startswith(b"HTTP/1.1 2")
    assert client.get("/health/ready").status_code == 200


PREDICT = b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


def test_a_request_of_two_lengths_is_not_answered_and_nothing_follows_it(service):
    smuggled = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
    data = b"0\r\n\r\n" + smuggled
    lengths = b"transfer-encoding: chunked\r\ncontent-length: %d\r\n\r\n" % len(data)
    answer = everything(service, PREDICT + lengths + data)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_on_loopback_a_host_header_is_needed(service):
    answer = raw(service, b"GET /v1/status HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "start",
    [
        b"POST /v1/schema HTTP/1.1\r\nhost: localhost\r\n",
        b"POST /nope HTTP/1.1\r\nhost: localhost\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: elsewhere\r\n",
        b"POST /v1/predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n",
    ],
)
def test_the_body_of_a_refused_request_is_never_read_as_a_request(service, start):
    smuggled = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n"
    answer = everything(service, start + b"content-length: %d\r\n\r\n" % len(smuggled) + smuggled)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"connection: close" in answer
    assert b"live" not in answer


def everything(service, data):
    """All that is answered until the server closes the connection."""
    host, _, port = service.url.removeprefix("http://").rpartition(":")
    parts = []
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(data)
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts)


def test_the_schema_names_everything_a_consumer_needs(client):
    schema = client.get("/v1/schema").json()
    fields = {field["name"]: field for field in schema["request"]["fields"]}
    assert fields["area"] == {
        "name": "area",
        "type": "float",
        "required": True,
        "unit": "m²",
        "description": "living area",
        "exclusiveMinimum": 0,
        "example": 50.0,
    }
    assert fields["stories"]["categories"] == ["one", "two"]
    assert fields["valued_on"]["asked_at"] is True
    assert schema["answer"] == {
        "name": "price",
        "task": "regression",
        "unit": "USD",
        "classes": [],
        "interval": 0.8,
        "decision": None,
    }
    assert predict(client, json.dumps(schema["example"]).encode()).status_code == 200


def test_openapi_describes_the_request_and_its_example_is_answered(client):
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/v1/predict"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    schema = document["components"]["schemas"]["Request"]
    assert document["openapi"] == "3.1.0"
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["valued_on", "year_built", "area", "stories"]
    assert schema["properties"]["garage"]["type"] == ["number", "null"]
    assert schema["properties"]["stories"]["enum"] == ["one", "two"]
    assert set(operation["responses"]) == {"200", *(str(r.status) for r in CATALOGUE)}
    answer = predict(client, json.dumps(example).encode())
    described = document["components"]["schemas"]["Answer"]
    assert set(described["required"]) <= set(answer.json()) <= set(described["properties"])


def test_the_docs_page_has_no_script_and_escapes_what_a_release_says(client):
    answer = client.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in answer.text
    assert "&lt;b&gt;floors" in answer.text
    assert "<b>floors" not in answer.text
    assert "curl http://HOST:PORT/v1/predict" in answer.text
    assert all(refusal.code in answer.text for refusal in CATALOGUE)
    document = client.get("/openapi.json").json()
    assert all(f"<code>{path}</code>" in answer.text for path in document["paths"])
    told = document["components"]["schemas"]["Answer"]["properties"]
    assert all(f"<td>{escape(kind['description'])}</td>" in answer.text for kind in told.values())
