"""What stops a champion from being followed: a yardstick that is better, nothing to rank, and a
declaration that it no longer fits."""

import json

import pytest

HELD = "il.NoWorseThanChampion(margin=0.05)"


def without(project, *starts):
    """The project without the lines that begin so."""
    path = project.folder / "product.py"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(x for x in lines if not x.lstrip().startswith(starts)) + "\n")


def called(project):
    return json.loads((project.folder / "called.json").read_text())


def test_a_baseline_on_top_is_an_event_and_calls_the_hook_with_its_reason(project, days):
    without(project, '"ridge"', '"boosting"')
    project.change("candidates={", 'candidates={"flat": il.Candidate(Ridge(alpha=1e7)),')
    ran = project.deliver("--as-of", days[0])
    assert ran.code == 3, ran.err
    (event,) = project.workspace().ledger.events(kind="baseline on top")
    (said,) = event.body["baselines"]
    assert (said["candidate"], said["reference"]) == ("flat", "neighbourhood-median")
    assert 0 < said["reference_value"] < said["candidate_value"]
    assert event.body["number"] == 1
    message = called(project)
    assert message["reason"] == "baseline on top"
    assert message["alarms"] == [{"event": "baseline on top", "baselines": [said]}]
    assert "the baseline neighbourhood-median scores best: mdape" in message["mistakes"][0]["got"]
    assert project.live() is None
    assert project.run("verify").code == 0


def test_that_no_candidate_could_be_ranked_is_one_too(project, days):
    project.change('tune="30d"', 'tune="0d"')
    project.change("il.MinRows(1_000)", "il.MinRows(1_000), il.MinPerPart(tune=0)")
    ran = project.deliver("--as-of", days[0])
    assert ran.code == 3, ran.err
    assert [m["code"] for m in ran.json["mistakes"]] == ["T113"]
    (event,) = project.workspace().ledger.events(kind="no candidate ranked")
    why = "no finite metric on the tune rows"
    assert event.body["candidates"] == {"ridge": why, "boosting": why}
    message = called(project)
    assert message["reason"] == "no candidate ranked"
    assert message["alarms"][0]["candidates"] == event.body["candidates"]


def remove_a_field(project):
    without(project, "lot_sqft")
    return "its request has fields that are no longer declared: lot_sqft"


def remove_a_source(project):
    """The history reads the same rows by another name."""
    path = project.folder / "product.py"
    path.write_text(
        path.read_text().replace("sales = il.Source(", 'sold = il.Source(name="sold", path=')
        .replace('path=\n    "data', 'path="data')
        .replace("sales.map(", "sold.map(")
        .replace("    sales, by=", "    sold, by=")
    )  # fmt: skip
    return "it reads sources that are no longer declared: sales"


def mean_another_unit(project):
    project.change('living_area_sqft: int = il.field(gt=0, unit="ft²")',
                   'living_area_sqft: int = il.field(gt=0, unit="m²")')  # fmt: skip
    return "it reads living_area_sqft in unit ft², which is in m² now"


@pytest.mark.parametrize("change", [remove_a_field, remove_a_source, mean_another_unit])
def test_a_champion_that_no_longer_fits_is_inconclusive_unless_declared(delivered, days, change):
    reason = change(delivered)
    ran = delivered.deliver("--as-of", days[1])
    assert ran.code == 3, ran.err
    checks = {check["name"]: check for check in ran.json["gates"][-1]["checks"]}
    held = checks["no worse than champion"]
    assert held["verdict"] == "inconclusive"
    assert held["reason"] == f"the champion no longer fits: {reason}"
    assert delivered.run("explain", held["evidence"]["code"]).code == 0
    if change is not remove_a_field:
        return
    delivered.change(HELD, 'il.NoWorseThanChampion(margin=0.05, unfit="exempt")')
    ran = delivered.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    gates = {gate["gate"]: gate for gate in ran.json["gates"]}
    (exempt,) = [c for c in gates["model"]["checks"] if c["name"] == "no worse than champion"]
    assert exempt["verdict"] == "not applicable"
    assert exempt["exemption"] == "the champion no longer fits, and the product says to go on"
    assert exempt["reason"] == f"the champion no longer fits: {reason}"
    assert ran.json["label"] == "2.0.0"


def test_a_new_optional_field_changes_nothing_for_the_champion(delivered, days):
    delivered.change(
        "garage_sqft: int | None = None", "garage_sqft: int | None = None\n    bedrooms: int | None"
    )
    ran = delivered.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    gates = {gate["gate"]: gate for gate in ran.json["gates"]}
    (held,) = [c for c in gates["model"]["checks"] if c["name"] == "no worse than champion"]
    assert (held["verdict"], held["n"]) == ("passed", 784)
