"""A ledger that was lost is made again of what is signed, and of nothing else."""

import base64
import json
import sqlite3
from dataclasses import replace


def lose(project):
    (project.state / "ledger.sqlite").unlink()


def statement(project, kind, bundle=None):
    """The files of the attestations of that kind about the live bundle, or another."""
    folder = project.state / "attestations" / (bundle or project.live())
    said = {
        path: json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))
        for path in sorted(folder.glob("*.json"))
    }
    return [path for path, one in said.items() if one["predicateType"] == kind]


def history(project):
    found = project.run("history", "--json").json
    return found["deployments"], found["rollouts"]


def test_a_lost_ledger_says_again_what_was_signed(continued, days, codes):
    first = continued.live()
    assert continued.deliver("--as-of", days[1]).code == 0
    assert continued.run("rollback", "--reason", "to see").code == 0
    before = history(continued)
    lose(continued)
    refused = continued.run("deliver")
    assert (refused.code, set(codes(refused.err))) == (5, {"R165"}), refused.err
    begun = continued.run("rebuild")  # the delivery that was refused has begun another ledger
    assert (begun.code, codes(begun.err)) == (5, ["R160"]), begun.err
    assert "aside, and run `interlock rebuild` again" in begun.err
    lose(continued)
    ran = continued.run("rebuild")
    assert ran.code == 0, ran.err
    assert ran.out.startswith("✔ rebuilt the ledger of "), ran.out
    verified = continued.run("verify")
    assert verified.code == 0, verified.err
    assert "✔ verified houses 1.0.1" in verified.out
    assert history(continued) == before
    status = continued.run("status").out
    assert "runs 1.0.0" in status
    assert "pinned by a rollback" in status
    onward = continued.run("rollback", "--to", "1.0.1", "--reason", "well again")
    assert onward.code == 0, onward.err
    assert continued.live() != first
    assert continued.run("verify").code == 0


def test_nothing_is_made_of_what_does_not_hold(delivered, codes):
    lose(delivered)
    (path,) = statement(delivered, "urn:interlock:build:v1")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"sig":"', b'"sig":"AAAA', 1))
    for damage, wanted in ((None, {"R120", "R121"}), (b"", {"R120"})):
        if damage is not None:
            path.write_bytes(damage)
        ran = delivered.run("rebuild")
        assert (ran.code, set(codes(ran.err)) <= wanted) == (5, True), ran.err
        assert delivered.events() == []
    path.unlink()
    ran = delivered.run("rebuild")
    assert (ran.code, codes(ran.err)) == (5, ["R173"]), ran.err
    path.write_bytes(whole)
    path = statement(delivered, "urn:interlock:deployment:v1")[0]
    path.rename(path.with_name("0" * 64 + ".json"))
    ran = delivered.run("rebuild")
    assert (ran.code, codes(ran.err)) == (5, ["R162"]), ran.err
    assert delivered.events() == []


def test_a_rebuilt_ledger_cannot_be_claimed(delivered, codes):
    """Who can write to the ledger, and holds no key, cannot begin one with a word of their own."""
    lose(delivered)
    assert delivered.run("rebuild").code == 0
    with sqlite3.connect(delivered.state / "ledger.sqlite") as database:
        body = json.loads(database.execute("select body from events").fetchone()[0])
        body["attestations"].append("0" * 64)
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
        database.execute("update events set body = ? where sequence = 1", (text,))
    ran = delivered.run("verify")
    assert ran.code == 5
    assert "R172" in codes(ran.err)


def test_altered_tables_are_made_anew_of_the_events(delivered, codes):
    with sqlite3.connect(delivered.state / "ledger.sqlite") as database:
        database.execute("update deployments set bundle = ?", ("e" * 64,))
    assert codes(delivered.run("verify").err) == ["R161"]
    ran = delivered.run("rebuild")
    assert (ran.code, ran.out.splitlines()[0].endswith(": deployments")) == (0, True), ran.err
    assert delivered.run("verify").code == 0
    again = delivered.run("rebuild", "--json")
    assert again.json["tables"] == []
    assert "tables rebuilt" in delivered.events()
    with sqlite3.connect(delivered.state / "ledger.sqlite") as database:
        database.execute("update events set at = at + 1 where sequence = 3")
    ran = delivered.run("rebuild")
    assert (ran.code, codes(ran.err)) == (5, ["R160"])


def test_a_deployment_that_only_the_ledger_has_is_believed_nowhere(delivered, codes):
    """Its chain is whole, as who can write the tables would make it."""
    ledger = delivered.workspace().ledger
    live = ledger.deployments.last("houses", "prod")
    ledger.deployments.record(replace(live, generation=live.generation + 1, reason="mine"))
    assert codes(delivered.run("verify").err) == ["R172"]
    told = delivered.run("status")
    said = "  ! prod: error[R172]: the ledger has an act that nobody entitled signed: promote in "
    assert (told.code, said in told.out) == (5, True), told.out
    for command in (
        ["serve", "--port", "0"],
        ["predict", "--input", "data/sales.parquet", "--output", "out.parquet"],
        ["refresh"],
        ["deliver"],
    ):
        ran = delivered.run(*command)
        assert (ran.code, codes(ran.err)) == (5, ["R172"]), (command, ran.err)
    assert not (delivered.folder / "out.parquet").exists()
    pointer = delivered.state / "environments" / "prod" / "houses.json"
    assert json.loads(pointer.read_bytes())["generation"] == live.generation
