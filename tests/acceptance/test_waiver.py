"""A waiver opens one shut gate for one delivery, and stays on the release for ever."""

import base64
import json
import sqlite3
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.clock import now
from interlock.pipeline.delivery.waiving import GATE_WAIVED, give, shut_gates
from interlock.release.attest import GATE, WAIVER, verify
from interlock.release.keys import SigningKey
from interlock.release.waiver import UNCHECKED, Waiver

REASON = "the margin was set for a year of data; agreed with the valuers"
STRICT = ("il.NoWorseThanChampion(margin=0.05)", 'il.Below("mdape", 0.01)')


def blocked(project, days, *change):
    """The project after a delivery that one gate stopped.

    Its hook writes outside the project's own files: with others a delivery is not resumed.
    """
    project.change("called.json", ".interlock/called.json")
    project.change(*(change or STRICT))
    ran = project.deliver("--as-of", days[1])
    assert ran.code == 3, ran.err
    assert ran.json["delivery"]["status"] == "blocked"
    return ran


@pytest.fixture(scope="module")
def shut(pristine, tmp_path_factory, days):
    """A project whose second delivery the model gate stopped; for looking, never for changing."""
    project = pristine.copy(tmp_path_factory.mktemp("shut") / "houses")
    blocked(project, days)
    return project


@pytest.fixture
def stopped(shut, tmp_path):
    """One of one's own."""
    return shut.copy(tmp_path / "houses")


@pytest.fixture(scope="module")
def waived(shut, tmp_path_factory):
    """One whose gate was waived, and which reached prod; for copying, never for changing."""
    project = shut.copy(tmp_path_factory.mktemp("waived") / "houses")
    assert waive(project).code == 0
    ran = project.deliver("--resume")
    assert ran.code == 0, ran.err
    return project


@pytest.fixture
def released(waived, tmp_path):
    """One of one's own."""
    return waived.copy(tmp_path / "houses")


def waive(project, gate="model", *, delivery=2, reason=REASON, expires="7d", **more):
    options = [part for name, value in more.items() for part in (f"--{name}", value)]
    return project.run(
        "waive", gate, "--delivery", str(delivery), "--reason", reason, "--expires", expires,
        *options,
    )  # fmt: skip


def refused(ran, code, text=""):
    assert ran.code in (2, 3), ran.err
    assert f"error[{code}]" in ran.err
    assert text in ran.err


def statements(project, kind):
    workspace = project.workspace()
    envelopes = workspace.notary().envelopes(project.live())
    said = [verify(envelope, workspace.notary().keys) for envelope in envelopes]
    return [statement for statement in said if statement.predicate_type == kind]


def test_the_whole_way_of_a_waived_model_gate(delivered, days):
    before = delivered.live()
    stopped = blocked(delivered, days)
    refused(delivered.run("deliver", "--resume"), "E120", "delivery 2, which is blocked: no waiver")

    ran = waive(delivered)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("! model gate of houses delivery 2: waived by ")
    assert "(releaser, rights unchecked) until " in ran.out
    assert "lets pass: mdape below 1 %" in ran.out
    assert ran.out.endswith("next: interlock deliver --resume\n")
    assert delivered.live() == before
    status = delivered.run("status")
    assert "! delivery 2: model gate waived (interlock deliver --resume)" in status.out

    ran = delivered.deliver("--resume")
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["number"] == 2
    assert ran.json["delivery"]["status"] == "delivered"
    assert ran.json["sentence"] == (
        "prod runs 1.0.1, 1.0.0 is kept for rollback; waived: the model gate"
    )
    (given,) = ran.json["waivers"]
    assert (given["gate"], given["reason"], given["rights"]) == ("model", REASON, "unchecked")
    gates = {gate["gate"]: gate for gate in ran.json["gates"]}
    assert gates["model"] == stopped.json["gates"][-1]
    assert {s["name"]: s["status"] for s in ran.json["steps"]}["model"] == "waived"
    assert f"    ! waived by {given['by']} (releaser, rights unchecked) until" in ran.err
    assert delivered.live() == ran.json["digest"] != before

    judged = [s for s in statements(delivered, GATE) if s.predicate["gate"] == "model"]
    assert {s.predicate["verdict"] for s in judged} == {"failed"}
    (waived,) = statements(delivered, WAIVER)
    assert waived.subject == delivered.live()
    assert waived.predicate["reason"] == REASON

    kinds = delivered.events()
    assert kinds.count("gate shut") == kinds.count("gate waived") == 1
    assert "waived: model gate" in delivered.run("status").out
    assert f"! model gate: waived by {given['by']}" in delivered.run("show").out
    assert "; waived: model gate" in delivered.run("verify").out
    shown = delivered.run("show", "--json").json["waivers"]
    assert [w["expires"] for w in shown] == [given["expires"]]
    report = (delivered.state / "deliveries" / "houses" / "2" / "report.html").read_text()
    assert REASON in report
    assert "let through: model gate waived" in report

    again = delivered.deliver("--as-of", days[1])
    assert again.json["delivery"]["number"] == 3
    assert again.code == 3, "a waiver is for one delivery"


def test_a_waived_data_gate_and_then_a_waived_model_gate(delivered, days):
    delivered.change("il.MinRows(1_000)", "il.MinRows(1_000_000)")
    blocked(delivered, days)
    refused(waive(delivered, "model"), "E142", "expected: the gate that did: data")
    assert waive(delivered, "data").code == 0
    ran = delivered.deliver("--resume")
    assert ran.code == 3
    assert [m["code"] for m in ran.json["mistakes"]] == ["M204"]
    refused(delivered.run("deliver", "--resume"), "E120", "no waiver was given")
    assert waive(delivered, "model", role="approver").code == 0
    ran = delivered.deliver("--resume")
    assert ran.code == 0, ran.err
    assert ran.json["sentence"].endswith("; waived: the data gate, the model gate")
    assert [s.predicate["gate"] for s in statements(delivered, WAIVER)] in (
        ["data", "model"],
        ["model", "data"],
    )


def test_latency_can_be_waived_and_what_was_seen_is_kept(delivered, days):
    stopped = blocked(delivered, days, 'P99Below("10s")', 'P99Below("1us")')
    assert waive(delivered, "service").code == 0
    ran = delivered.deliver("--resume")
    assert ran.code == 0, ran.err
    gates = {gate["gate"]: gate for gate in ran.json["gates"]}
    assert gates["service"] == stopped.json["gates"][-1]


def test_what_can_never_be_waived(continued, days):
    (continued.folder / "post_deploy").mkdir()
    test = "def test_of_ours(base_url):\n    assert base_url == 'elsewhere'\n"
    (continued.folder / "post_deploy" / "test_ours.py").write_text(test)
    assert continued.deliver("--as-of", days[1]).code == 3
    ran = waive(continued, "post-deploy tests")
    assert ran.code == 3
    refused(ran, "E144", "post-deploy tests can never be waived")
    assert "gate waived" not in continued.events()


def test_an_environment_that_accepts_no_waivers(delivered, days):
    delivered.settle("waivable = []\n")
    blocked(delivered, days)
    ran = waive(delivered)
    refused(ran, "E144", "waivers of the model gate are not accepted here")
    assert "where: prod" in ran.err


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"delivery": 9}, "E140"),
        ({"delivery": 1}, "E141"),
        ({"gate": "service"}, "E142"),
        ({"gate": "no such gate"}, "E142"),
        ({"reason": " "}, "E143"),
        ({"reason": "x" * 501}, "E143"),
        ({"expires": "91d"}, "E143"),
        ({"expires": "0d"}, "E143"),
        ({"role": "viewer"}, "E143"),
        ({"expires": "soon"}, "C102"),
    ],
)
def test_a_waiver_that_cannot_be_given(shut, changes, code):
    refused(waive(shut, **changes), code)
    assert "gate waived" not in shut.events()


def forged(project, key, **changes):
    """A waiver of the last shut gate, written to the ledger as one who can write there could."""
    workspace = project.workspace()
    row = workspace.ledger.deliveries.newest(product="houses", limit=1)[0]
    shut = shut_gates(workspace.ledger, row.id)[-1]
    at = now()
    fields = {
        "product": "houses", "delivery": row.id, "number": row.number, "gate": shut.result.gate,
        "result": shut.digest, "bundle": shut.bundle, "role": "admin", "by": "mallory",
        "rights": UNCHECKED, "reason": "none", "at": at, "expires": at + 10**12,
    }  # fmt: skip
    waiver = Waiver(**(fields | changes))
    notary = workspace.notary()
    give(type(notary)(**{**vars(notary), "key": key or workspace.key}), waiver, at=at)


def test_an_expired_waiver_and_one_of_another_result(stopped, days):
    assert waive(stopped, expires="1ms").code == 0
    time.sleep(0.01)
    refused(stopped.run("deliver", "--resume"), "E120", "its waiver has expired")
    forged(stopped, None, result="0" * 64)
    refused(stopped.run("deliver", "--resume"), "E120", "its waiver has expired")


def test_a_waiver_does_not_survive_other_rows(stopped, sales, days):
    """The result that was waived is not the result that is found."""
    assert waive(stopped).code == 0
    prices = sales["price"].to_numpy().copy()
    prices[-2_000:] += 1_000
    data = sales.set_column(sales.column_names.index("price"), "price", pa.array(prices))
    pq.write_table(data, stopped.folder / "data" / "sales.parquet")
    ran = stopped.deliver("--resume")
    assert ran.code == 3, ran.err
    assert [m["code"] for m in ran.json["mistakes"]] == ["M204"]


def test_a_waiver_that_nobody_trusted_signed(stopped, days):
    """The chain is whole, for the ledger wrote it; but no trusted key said so."""
    live = stopped.live()
    forged(stopped, SigningKey.generate())
    ran = stopped.run("deliver", "--resume")
    assert ran.code == 5, ran.err
    assert "error[R122]" in ran.err
    ran = stopped.run("verify")
    assert ran.code == 5
    assert "error[R122]" in ran.err
    assert stopped.live() == live


def test_a_waiver_moved_to_another_delivery(stopped, days):
    assert waive(stopped).code == 0
    assert stopped.deliver("--as-of", days[1]).code == 3
    ledger = stopped.workspace().ledger
    given = ledger.events(kind=GATE_WAIVED)[0]
    row = ledger.deliveries.newest(product="houses", limit=1)[0]
    ledger.append(GATE_WAIVED, subject=row.id, product="houses", body=given.body, at=now())
    for command in (("deliver", "--resume"), ("verify",)):
        ran = stopped.run(*command)
        assert ran.code == 5, ran.err
        assert "error[R167]" in ran.err


def test_verify_finds_every_change_to_a_waiver(released):
    assert released.run("verify").code == 0
    folder = released.state / "attestations" / released.live()
    (path,) = [p for p in folder.glob("*.json") if _kind(p) == WAIVER]
    kept = path.read_bytes()
    for place in np.linspace(1, len(kept) - 2, 6).astype(int):
        spoiled = bytearray(kept)
        spoiled[place] ^= 1
        path.write_bytes(spoiled)
        assert released.run("verify").code == 5, place
    path.unlink()
    assert "error[R163]" in released.run("verify").err
    path.write_bytes(kept)
    assert released.run("verify").code == 0
    with sqlite3.connect(released.state / "ledger.sqlite") as database:
        database.execute(
            "update events set body = replace(body, 'model', 'data') where kind = ?", (GATE_WAIVED,)
        )
    assert "error[R160]" in released.run("verify").err


def _kind(path):
    return json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))["predicateType"]


def test_an_exported_release_tells_of_its_waivers(released, tmp_path):
    out = tmp_path / "exported"
    assert released.run("export", "--out", str(out)).code == 0
    ran = released.run("verify", str(out))
    assert ran.code == 0, ran.err
    assert "; waived: model gate" in ran.out
