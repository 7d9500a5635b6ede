"""What consumers rely on: a delivery that would break one is stopped, and says whom."""

import json

REQUEST = {
    "valued_on": "1993-06-01",
    "year_built": 1950,
    "living_area_sqft": 1_200,
    "lot_sqft": 6_000,
    "exterior_wall": "brick",
    "full_baths": 1,
    "easting_m": 505_000.0,
    "northing_m": 224_000.0,
}
ANSWER = {
    "prediction": {"$between": [1_000, 1_000_000]},
    "unit": "USD",
    "interval": {"low": {"$type": "number"}, "high": {"$type": "number"}},
}
EXAMPLES = {
    "consumer": "broker",
    "interactions": [
        {"description": "a house", "request": REQUEST, "response": {"status": 200, "body": ANSWER}},
        {"description": "no house", "request": {}, "response": {"status": 422}},
    ],
}
PACT = {
    "consumer": {"name": "bank"},
    "provider": {"name": "houses"},
    "interactions": [
        {
            "description": "the request's schema",
            "request": {"method": "GET", "path": "/v1/schema"},
            "response": {
                "status": 200,
                "headers": {"Content-Type": "application/json"},
                "body": {"product": "houses"},
            },
        }
    ],
    "metadata": {"pactSpecification": {"version": "2.0.0"}},
}


def left(project, name, content):
    (project.folder / "contracts").mkdir(exist_ok=True)
    (project.folder / "contracts" / f"{name}.json").write_text(json.dumps(content))


def test_a_delivery_that_breaks_a_contract_is_stopped(delivered, days):
    """The champion of a project without contracts; then two consumers leave theirs."""
    project = delivered
    kept = json.loads(json.dumps(EXAMPLES))
    left(project, "broker", kept)
    left(project, "bank", PACT)
    project.change("max_iter=40", "max_iter=41")
    ran = project.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    service = next(gate for gate in ran.json["gates"] if gate["gate"] == "service")
    named = {c["name"]: c for c in service["checks"] if c["name"].startswith("contract of")}
    assert {name: (c["verdict"], c["n"]) for name, c in named.items()} == {
        "contract of broker": ("passed", 2),
        "contract of bank": ("passed", 1),
    }

    again = project.deliver("--as-of", days[0])
    assert again.json["delivery"]["status"] == "unchanged"
    (asked,) = [gate for gate in again.json["gates"] if gate["gate"] == "service"]
    assert [c["name"] for c in asked["checks"]] == ["contract of bank", "contract of broker"]

    kept["interactions"][0]["response"]["body"]["unit"] = "EUR"
    left(project, "broker", kept)
    broken = json.loads(json.dumps(PACT))
    broken["interactions"][0]["response"]["body"]["product"] = "flats"
    left(project, "bank", broken)
    live = project.live()
    stopped = project.deliver("--as-of", days[0])
    assert stopped.code == 3, "the release is the one that is live; only the contracts are new"
    assert [m["code"] for m in stopped.json["mistakes"]] == ["V100"]
    assert project.live() == live
    service = next(gate for gate in stopped.json["gates"] if gate["gate"] == "service")
    failed = {c["name"]: c["reason"] for c in service["checks"] if c["verdict"] == "failed"}
    assert set(failed) == {"contract of broker", "contract of bank"}
    assert 'a house: unit: expected "EUR", got "USD"' in failed["contract of broker"]
    assert "the request's schema: " in failed["contract of bank"]

    (project.folder / "contracts" / "bank.json").write_text("{")
    checked = project.run("check")
    assert checked.code == 2
    assert "error[C190]: a consumer's contract cannot be read" in checked.err
