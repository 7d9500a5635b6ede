"""What is said of a Pact file that is not kept: the service's own words, not only a status."""

import json
import subprocess
from pathlib import Path

import pytest

from interlock.pipeline.probes import pact
from interlock.pipeline.probes.client import Reply
from interlock.product.contracts import contract_files

ROW = {"size": 1}
REFUSED = {"error": {"code": "S140", "message": "the request has two content-type fields"}}
INTERACTIONS = [
    {"description": "the schema", "request": {"method": "GET", "path": "/v1/schema"}},
    {
        "description": "a small house",
        "request": {
            "method": "POST",
            "path": "/v1/predict",
            "query": {"explain": ["true"]},
            "headers": {"Content-Type": ["application/json"], "content-type": "application/json"},
            "body": {"content": ROW, "contentType": "application/json", "encoded": False},
        },
    },
]
MISSING = {"type": "BodyMismatch", "mismatch": "Actual map is missing the following keys: unit"}
STATUS = {
    "type": "StatusMismatch",
    "mismatch": "expected 200 but was 400",
    "expected": 200,
    "actual": 400,
}


class Service:
    """Answers everything alike, and keeps what it was asked."""

    host = "127.0.0.1"

    def __init__(self, status):
        said = json.dumps({"error": {**REFUSED["error"], "mistakes": []}}).encode()
        self.reply, self.asked = Reply(status=status, body=said), []

    def ask(self, *asked):
        self.asked.append(asked)
        return self.reply


@pytest.fixture
def contract(tmp_path):
    row = {
        "consumer": {"name": "broker"},
        "provider": {"name": "items"},
        "interactions": [{"response": {}, **one} for one in INTERACTIONS],
    }
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "a.json").write_text(json.dumps(row))
    (found,) = contract_files(tmp_path, "items")
    return found


def verified(monkeypatch, contract, service, mismatches):
    """The outcome where the verifier found so for the second interaction."""
    found = {
        "result": False,
        "interactionResults": [
            {"description": "the schema", "result": "OK"},
            {
                "description": "a small house",
                "result": "Error",
                "mismatch": {"mismatches": mismatches},
            },
        ],
    }

    def run(command, **_options):
        Path(command[-1]).write_text(json.dumps(found))

    monkeypatch.setattr(subprocess, "run", run)
    return pact.verify_pact(contract, service, "http://127.0.0.1:1", "items", seconds=1.0)


def test_another_status_is_told_first_with_what_the_service_said(monkeypatch, contract):
    service = Service(400)
    outcome = verified(monkeypatch, contract, service, [MISSING, STATUS])
    assert outcome.interactions == 2
    assert outcome.broken == (
        "a small house: expected status 200, got 400 S140: the request has two content-type "
        "fields; Actual map is missing the following keys: unit",
    )
    headers = {"Content-Type": "application/json", "content-type": "application/json"}
    assert service.asked == [("POST", "/v1/predict?explain=true", b'{"size": 1}', headers)]


def test_an_answer_that_is_another_by_now_is_not_told(monkeypatch, contract):
    outcome = verified(monkeypatch, contract, Service(200), [MISSING, STATUS])
    assert outcome.broken == (
        "a small house: expected 200 but was 400; Actual map is missing the following keys: unit",
    )


def test_where_the_status_is_right_nothing_more_is_asked(monkeypatch, contract):
    service = Service(200)
    outcome = verified(monkeypatch, contract, service, [MISSING])
    assert outcome.broken == (f"a small house: {MISSING['mismatch']}",)
    assert service.asked == []
