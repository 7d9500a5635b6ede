"""The generated client against a real service, from a folder of its own; and its types."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from interlock.release.bundle import open_bundle
from interlock.use_cases.client import contract_of, write_client

SCRIPT = """
import asyncio, json, sys
from datetime import UTC, date, datetime
from valuation_client import AsyncClient, Client, House, Outcome, Refused

house = House(valued_on=date(2024, 5, 31), year_built=1990, area=120.0, stories="one")
with Client(sys.argv[1]) as client:
    one = client.predict(house)
    many = client.predict_many([house, house])
    try:
        client.predict(House(valued_on=date(2024, 5, 31), year_built=1, area=1.0, stories="one"))
    except Refused as refused:
        mistakes = refused.mistakes
    sold = Outcome(prediction_id=one.id, name="price", value=9e4, event_time=datetime.now(UTC))
    logged = client.tell([sold, sold])

async def ask():
    async with AsyncClient(sys.argv[1]) as client:
        return await client.predict(house)

said = [one.prediction, *(a.prediction for a in many), asyncio.run(ask()).prediction]
print(json.dumps({"said": said, "release": one.release, "mistakes": mistakes,
                  "logged": logged}))
"""


@pytest.fixture(scope="module")
def package(place, tmp_path_factory):
    out = tmp_path_factory.mktemp("client")
    write_client(contract_of(open_bundle(place.boosting), "1.4.0"), out)
    return out


def test_it_asks_a_running_service(service, client, support, package):
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, service.url],
        env={"PYTHONPATH": str(package / "src")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    friendly = client.post("/v1/predict", json=support.REQUEST).json()
    assert found["said"] == [friendly["prediction"]] * 4
    assert found["release"] == "1.4.0"
    assert [m["field"] for m in found["mistakes"]] == ["year_built"]
    assert found["logged"] == 2


def test_the_example_for_curl_and_the_schema_fit_the_service(client, package):
    schema = json.loads((package / "schema.json").read_text())
    asked, told = (
        json.loads((package / name).read_text().partition("-d '")[2].rstrip().rstrip("'"))
        for name in ("curl.sh", "curl-outcome.sh")
    )
    jsonschema_rs.validate(schema, asked)
    answer = client.post("/v1/predict", json=asked).json()
    answers = {"$ref": "#/$defs/Answer", "$defs": schema["$defs"]}
    jsonschema_rs.validate(answers, answer)
    jsonschema_rs.validate({"$ref": "#/$defs/Outcome", "$defs": schema["$defs"]}, told)
    assert client.post("/v1/outcomes", json=told).json() == {"logged": 1}


def test_its_types_hold(package, tmp_path):
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path)]
    ran = subprocess.run(
        [*command, str(package / "src")], capture_output=True, text=True, cwd=Path(package)
    )
    assert ran.returncode == 0, ran.stdout
