"""``interlock verify`` looks at the whole: what is missing is found, not only what was changed."""

import base64
import json
import sqlite3
from dataclasses import replace

import pytest

from interlock.store.database import Database
from interlock.store.ledger import Ledger
from interlock.use_cases.verify import verify


def refused(project, code, *arguments):
    ran = project.run("verify", *arguments)
    assert ran.code == 5, ran.err
    assert f"error[{code}]" in ran.err


def test_a_ledger_that_is_gone(delivered):
    (delivered.state / "ledger.sqlite").unlink()
    refused(delivered, "R165")


def test_the_ledger_is_read_once_at_one_moment(delivered, monkeypatch):
    """However much is held to it: what is recorded meanwhile is held to nothing."""
    workspace, read = delivered.workspace(), []
    reading = Database.reading

    def counted(database):
        read.append(str(database.engine.url))
        return reading(database)

    monkeypatch.setattr(Database, "reading", counted)
    assert verify(workspace).events > 0
    assert read.count(str(workspace.ledger.database.engine.url)) == 1


def test_what_is_recorded_meanwhile_is_nothing_wrong(delivered, monkeypatch):
    """A statement that is signed and recorded after the ledger was read is looked at once more."""
    workspace, times = delivered.workspace(), []
    known = Ledger.read

    def late(ledger):
        copy = known(ledger)
        if not times:
            live = workspace.switch("houses").current("prod")
            row = replace(live, generation=live.generation + 1, act="rollback", pinned=True)
            workspace.switch("houses").to(row, live)
        times.append(copy.head.sequence)
        return copy

    monkeypatch.setattr(Ledger, "read", late)
    assert verify(workspace).events == times[1] > times[0]


def test_a_pointer_moved_by_hand(delivered):
    (pointer,) = (delivered.state / "environments" / "prod").glob("*.json")
    pointer.unlink()
    pointer.write_bytes(
        next((delivered.state / "environments" / "staging").glob("*.json")).read_bytes()
    )
    refused(delivered, "R165")


def test_a_chain_that_was_cut(delivered):
    """The end is cut as one who can write the tables would: the head is made to fit."""
    with sqlite3.connect(delivered.state / "ledger.sqlite") as database:
        tables = {name for (name,) in database.execute("select name from sqlite_master")}
        last = database.execute("select max(sequence) from events").fetchone()[0] - 4
        digest = database.execute("select hash from events where sequence = ?", (last,)).fetchone()[
            0
        ]
        database.execute("delete from events where sequence > ?", (last,))
        head = next(name for name in tables if "head" in name)
        database.execute(f"update {head} set sequence = ?, hash = ?", (last, digest))
    assert delivered.run("verify").code == 5


def test_an_attestation_the_ledger_does_not_list(delivered):
    folder = delivered.state / "attestations" / delivered.live()
    (folder / "stranger").mkdir()
    refused(delivered, "R162")


@pytest.mark.parametrize("kept", ["urn:interlock:release:v1", "urn:interlock:build:v1"])
def test_an_export_without_its_proofs(delivered, tmp_path, kept):
    out = tmp_path / "exported"
    assert delivered.run("export", "--out", str(out)).code == 0
    assert delivered.run("verify", str(out)).code == 0
    for path in sorted((out / "attestations").rglob("*.json")):
        payload = json.loads(path.read_bytes())["payload"]
        if json.loads(base64.b64decode(payload))["predicateType"] != kept:
            path.unlink()
    refused(delivered, "R166", str(out))
