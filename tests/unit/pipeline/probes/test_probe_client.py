"""What a probe says of an answer: a refusal in words, nothing cut in the middle of JSON."""

import json

import pytest

from interlock.pipeline.probes.client import Client, Reply
from interlock.pipeline.probes.matching import mismatches


def refusal(*mistakes, status=422):
    said = {"code": "S110", "message": f"the request has {len(mistakes)} mistakes"}
    return Reply(status=status, body=json.dumps({"error": {**said, "mistakes": mistakes}}).encode())


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (Reply(status=0), "the connection was closed without an answer"),
        (Reply(status=404, body=b"not found"), "404 not found"),
        (Reply(status=200, body=b"x" * 300), f"200 {'x' * 200}…"),
        (Reply(status=500, body=b'{"error": "S125"}'), '500 {"error": "S125"}'),
        (refusal(status=503), "503 S110: the request has 0 mistakes"),
        (
            refusal({"row": 2, "field": "area", "what": "is missing"}, {"what": "is no object"}),
            "422 S110: the request has 2 mistakes: area in row 2 is missing; is no object",
        ),
        (
            refusal(
                *[{"field": f"f{i}", "what": "is missing", "got": "x" * 400} for i in range(5)]
            ),
            "422 S110: the request has 5 mistakes: f0 is missing; f1 is missing; f2 is missing; "
            "and 2 more",
        ),
    ],
)
def test_an_answer_in_short(reply, text):
    assert reply.short == text


def test_a_service_that_resets_connections_while_they_are_made_is_gone(monkeypatch):
    """As the port does whose listener is killed just then."""

    def reset(*_args, **_kwargs):
        raise ConnectionResetError

    monkeypatch.setattr("socket.create_connection", reset)
    with Client("http://127.0.0.1:9") as client:
        assert client.predict({}).status == 0


def test_a_value_too_long_for_a_line_is_named():
    answer = {f"key{i}": "x" * 40 for i in range(9)}
    (found,) = mismatches(1, answer)
    assert found == (
        "the answer: expected 1, got an object of key0, key1, key2, key3, key4, key5, key6, key7, …"
    )
    (found,) = mismatches({"rows": []}, {"rows": list(range(99))})
    assert found == "rows: expected [], got a list of 99"
