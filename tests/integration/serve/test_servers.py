"""Under uvicorn (ASGI) and Granian (RSGI) the service answers as on its own server."""

import json
import os
import socket
import subprocess
import sys

import plain_http
import pytest

from interlock.serve.plan import plan_bytes
from interlock.serve.workers.process import start

JSON = {"content-type": "application/json"}
COMPARED = ("content-type", "allow", "www-authenticate", "retry-after", "content-security-policy")


@pytest.fixture(scope="module")
def asgi(support, place, tmp_path_factory):
    root = tmp_path_factory.mktemp("asgi")
    plan = root / "plan.json"
    plan.write_bytes(plan_bytes(support.plan_for(place.boosting, log=root / "log")))
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who connects waits until it serves
        number = listening.fileno()
        command = [sys.executable, "-m", "uvicorn", "--factory", "interlock.serve.asgi:create"]
        process = subprocess.Popen(
            [*command, "--fd", str(number), "--log-level", "error"],
            env={**os.environ, "INTERLOCK_PLAN": str(plan)},
            pass_fds=[number],
        )
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with plain_http.Client(base_url=url) as client:
        yield client
    process.terminate()
    assert process.wait(60) in (0, -15)


@pytest.fixture(scope="module")
def granian(support, place, tmp_path_factory):
    log = tmp_path_factory.mktemp("granian") / "log"
    with (
        start(support.plan_for(place.boosting, log=log, server="granian")) as running,
        plain_http.Client(base_url=running.url) as client,
    ):
        yield client


def chunks():
    yield b'{"valued_on": "2024-05-31", "year_built": 1990, '
    yield b'"area": 120.0, "stories": "one"}'


CASES = {
    "a prediction": ("POST", "/v1/predict", {"content": "body", "headers": JSON}),
    "a list": ("POST", "/v1/predict", {"content": "list", "headers": JSON}),
    "in chunks": ("POST", "/v1/predict", {"content": "chunks", "headers": JSON}),
    "a mistake": ("POST", "/v1/predict", {"content": b"{}", "headers": JSON}),
    "no JSON": ("POST", "/v1/predict", {"content": b"\xff{", "headers": JSON}),
    "a bad query": ("POST", "/v1/predict?explain=x", {"content": "body", "headers": JSON}),
    "no explanation": ("POST", "/v1/predict?explain=true", {"content": "body", "headers": JSON}),
    "another type": ("POST", "/v1/predict", {"content": b"{}", "headers": {}}),
    "too long": ("POST", "/v1/predict", {"content": b" " * (1 << 21), "headers": JSON}),
    "a foreign host": ("POST", "/v1/predict", {"content": "body", "headers": JSON | {"host": "x"}}),
    "another method": ("GET", "/v1/predict", {}),
    "no path": ("GET", "/nope", {}),
    "a head": ("HEAD", "/v1/schema", {}),
    "alive": ("GET", "/health/live", {}),
    "ready": ("GET", "/health/ready", {}),
    "schema": ("GET", "/v1/schema", {}),
    "openapi": ("GET", "/openapi.json", {}),
    "docs": ("GET", "/docs", {}),
    "status": ("GET", "/v1/status", {}),
    "protocol v2": ("GET", "/v2", {}),
    "no model": ("GET", "/v2/models/nope", {}),
}


@pytest.mark.parametrize("other", ["asgi", "granian"])
@pytest.mark.parametrize("case", CASES)
def test_all_servers_answer_alike(client, other, request, support, case):
    method, path, given = CASES[case]
    found = []
    for server in (client, request.getfixturevalue(other)):
        body = support.request_body()
        content = {"body": body, "list": b"[%b,%b]" % (body, body), "chunks": chunks()}
        sent = dict(given)
        if isinstance(sent.get("content"), str):
            sent["content"] = content[sent["content"]]
        found.append(seen(server.request(method, path, **sent)))
    assert found[0] == found[1]


def seen(answer):
    body = answer.content
    if answer.headers["content-type"] == "application/json" and body:
        body = without_ids(json.loads(body))
    return answer.status_code, {name: answer.headers.get(name) for name in COMPARED}, body


def without_ids(value):
    if isinstance(value, list):
        return [without_ids(one) for one in value]
    return {k: v for k, v in value.items() if k != "id"} if isinstance(value, dict) else value


def test_the_metrics_are_there_too(asgi):
    answer = asgi.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'interlock_requests_total{worker="w0",path="/v1/predict",status="200"}' in answer.text
