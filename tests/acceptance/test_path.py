"""The path a delivery takes: to prod, unchanged, compared with the champion, or stopped."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.report import phrases

STEPS = [
    "snapshot", "features", "data", "training tests", "train", "model", "bundle", "service",
    "staging", "post-deploy tests", "prod",
]  # fmt: skip


# What trains, packages, probes and serves, and is no use to a delivery in which nothing changed.
NOT_FOR_UNCHANGED = {
    "interlock.pipeline.judging.behaviour", "interlock.pipeline.judging.champion",
    "interlock.pipeline.training.exporting", "interlock.pipeline.building.golden",
    "interlock.pipeline.training.packaging", "interlock.pipeline.probing",
    "interlock.serve.batch.answering", "onnx", "onnxruntime", "optuna", "sqlglot", "uvicorn",
}  # fmt: skip


def steps(ran):
    return {step["name"]: step["status"] for step in ran.json["steps"]}


def test_the_first_delivery_the_same_again_and_the_second(project, days):
    first, second = days
    ran = project.call("deliver", "--json", "--as-of", first)
    assert ran.code == 0, ran.err
    assert steps(ran) == dict.fromkeys(STEPS, "ran")
    assert ran.json["sentence"] == "prod runs 1.0.0"
    one = ran.json["digest"]
    assert project.live("prod") == project.live("staging") == one

    known = project.stages()
    ran = project.call("deliver", "--json", "--as-of", first, PYTHONPROFILEIMPORTTIME="1")
    assert ran.code == 0, ran.err
    imported = set(re.findall(r"\| +([\w.]+)$", ran.err, re.MULTILINE))
    assert "interlock.pipeline.delivery.run" in imported
    assert not imported & NOT_FOR_UNCHANGED
    assert project.stages()[len(known) :] == ["inputs", "model gate"], "asked of the champion"
    assert ran.json["delivery"]["status"] == "unchanged"
    assert ran.json["sentence"] == "nothing changed: prod runs 1.0.0 already"
    cached = {name for name, status in steps(ran).items() if status == "cached"}
    assert cached == {"snapshot", "features", "training tests", "train", "bundle"}
    assert "service" not in steps(ran)
    assert "prod" not in steps(ran)
    assert project.live() == one

    before = project.events()
    ran = project.deliver("--as-of", first)
    assert set(steps(ran).values()) - {"ran"} == {"cached"}
    assert [s for s, status in steps(ran).items() if status == "ran"] == ["data"]
    assert project.events()[len(before) :] == ["delivery started", "delivery moved"]

    ran = project.deliver("--as-of", second)
    assert ran.code == 0, ran.err
    assert ran.json["sentence"] == "prod runs 1.0.1, 1.0.0 is kept for rollback"
    compared = [
        check
        for gate in ran.json["gates"]
        for check in gate["checks"]
        if check["name"] == "no worse than champion"
    ]
    assert compared[0]["verdict"] == "passed"
    assert compared[0]["evidence"]["reference"] == "1.0.0"
    assert compared[0]["n"] == 784
    assert compared[0]["interval"]["low"] < compared[0]["interval"]["high"] < 0.05
    assert project.live() == ran.json["digest"] != one
    assert len(project.workspace().ledger.releases.newest("houses")) == 2
    for label, number in (("1.0.0", 3), ("1.0.1", 4)):
        told = project.run("card", label, "--out", f"{label}.md")
        assert told.code == 0, told.err
        kept = project.state / "deliveries" / "houses" / str(number) / "card.md"
        assert (project.folder / f"{label}.md").read_bytes() == kept.read_bytes()
        assert f"# `houses` {label}\n" in kept.read_text()
    assert not (project.folder / "called.json").exists()


def spoil_data(project, sales):
    prices = sales["price"].to_numpy().copy()
    prices[np.arange(0, len(prices), 5)] *= -1
    data = sales.set_column(sales.column_names.index("price"), "price", pa.array(prices))
    pq.write_table(data, project.folder / "data" / "sales.parquet")


def spoil_candidate(project, sales):
    project.change("candidates={", 'candidates={"dummy": il.Candidate(DummyRegressor()),')


def spoil_model(project, sales):
    lines = (project.folder / "product.py").read_text().splitlines()
    kept = [line for line in lines if not line.lstrip().startswith(('"ridge"', '"boosting"'))]
    (project.folder / "product.py").write_text("\n".join(kept))
    project.change("candidates={", 'candidates={"numb": il.Candidate(Ridge(alpha=1e5)),')


def spoil_service(project, sales):
    project.change('P99Below("10s")', 'P99Below("1us")')


def spoil_post_deploy(project, sales):
    (project.folder / "post_deploy").mkdir()
    test = "def test_of_ours(base_url):\n    assert base_url == 'elsewhere', 'not what we wanted'\n"
    (project.folder / "post_deploy" / "test_ours.py").write_text(test)


@pytest.mark.parametrize(
    ("spoil", "code", "gate", "text"),
    [
        (spoil_data, "D160", "data", "price: must be ≥ 5000"),
        (spoil_candidate, "T140", "training tests", "dummy trains"),
        (spoil_model, "M204", "model", "beats baseline neighbourhood-median"),
        (spoil_service, "V100", "service", "p99 below 1us"),
        (spoil_post_deploy, "V150", "post-deploy tests", "not what we wanted"),
    ],
)
def test_a_gate_that_stays_shut(continued, sales, days, spoil, code, gate, text):
    live, before = continued.live(), continued.events()
    spoil(continued, sales)
    copies = ("--junit", "found/checks.xml", "--summary", "found/summary.md")
    ran = continued.deliver("--as-of", days[1], *copies)
    assert ran.code == 3, ran.err
    assert ran.json["exit_code"] == 3
    assert ran.json["delivery"]["status"] == "blocked"
    assert [m["code"] for m in ran.json["mistakes"]] == [code]
    assert ran.json["gates"][-1]["gate"] == gate
    assert text in json.dumps(ran.json["gates"][-1], ensure_ascii=False)
    assert "prod still runs 1.0.0" in ran.json["sentence"]
    assert f"error[{code}]" in ran.err

    assert continued.live() == live
    called = json.loads((continued.folder / "called.json").read_text())
    assert (called["product"], called["delivery"]) == ("houses", 2)
    assert called["mistakes"][0]["code"] == code
    assert continued.events()[-1] == "hook.called"
    assert "delivery moved" in continued.events()[len(before) :]
    folder = continued.state / "deliveries" / "houses" / "2"
    assert text in (folder / "report.html").read_text()
    checks = (continued.folder / "found" / "checks.xml").read_bytes()
    assert checks == (folder / "junit.xml").read_bytes()
    (suite,) = ET.fromstring(checks).findall(f"testsuite[@name='{phrases.gate_name(gate)}']")
    assert int(suite.attrib["failures"]) + int(suite.attrib["errors"]) > 0
    summary = (continued.folder / "found" / "summary.md").read_text()
    assert f" at the {phrases.gate_name(gate)} · `houses` delivery 2\n" in summary
    status = continued.run("status", "--json")
    assert status.code == 0
    assert status.json["products"][0]["last_delivery"]["status"] == "blocked"
    assert continued.run("verify").code == 0
    explained = continued.run("explain", code)
    assert explained.code == 0, explained.err


def test_a_failed_delivery_does_not_hinder_the_next(continued, sales, days):
    spoil_data(continued, sales)
    assert continued.deliver("--as-of", days[1]).code == 3
    pq.write_table(sales, continued.folder / "data" / "sales.parquet")
    ran = continued.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["number"] == 3
    assert continued.live() == ran.json["digest"]


def test_unchanged_cannot_be_better_than_itself(delivered, days):
    """A product that asks for progress: nothing new is unchanged, and no failure."""
    delivered.change("il.NoWorseThanChampion(margin=0.05)", "il.BetterThanChampion()")
    ran = delivered.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["status"] == "unchanged"
    checks = {c["name"]: c for c in ran.json["gates"][2]["checks"]}
    assert checks["better than champion"]["verdict"] == "not applicable"
    assert checks["better than champion"]["reason"] == "it is the champion itself"


def test_a_report_that_cannot_be_written_leaves_the_delivery_as_it_ended(delivered, days):
    """What the delivery did is done by then: it is told, and the exit code is its own."""
    folder = delivered.state / "deliveries" / "houses" / "2"
    (folder / "report.html" / "in the way").mkdir(parents=True)
    ran = delivered.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["status"] == "unchanged"
    assert ran.json["report"] is None
    (undrawn,) = ran.json["undrawn"]
    assert undrawn.startswith("report.html: ")
    assert (folder / "summary.md").is_file()
    assert delivered.workspace().ledger.deliveries.newest(product="houses", limit=1)[0].summary[
        "undrawn"
    ] == [undrawn]
