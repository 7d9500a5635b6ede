"""The ledger: whole acts in an order that cannot be changed unseen, and one winner a race."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
from ledger_rows import ATTESTATION, DELIVERY, DEPLOYMENT, RELEASE, STAGE
from sqlalchemy import inspect

from interlock.errors import StoreError
from interlock.store import schema
from interlock.store.connect import engine_for
from interlock.store.database import Database
from interlock.store.ledger import Ledger
from interlock.store.migrate import scripts
from interlock.store.rows import Head


def fill(ledger):
    ledger.deliveries.start(DELIVERY)
    ledger.stages.put(STAGE, product="valuation")
    ledger.stages.put(replace(STAGE, output={"rmse": 0.2}), product="valuation")
    ledger.releases.add(RELEASE)
    ledger.attestations.add(ATTESTATION, product="valuation")
    ledger.deployments.record(DEPLOYMENT)
    ledger.deliveries.move(
        "d1", status="passed", at=30, finished=True, bundle="a" * 64, summary={"ok": True}
    )
    ledger.append("noted", subject="s", product="valuation", body={"words": "é"}, at=31)


def everything(ledger):
    return (
        ledger.deliveries.newest(),
        ledger.stages.get(STAGE.key),
        ledger.releases.newest("valuation"),
        ledger.attestations.about("a" * 64),
        ledger.deployments.newest("valuation", "prod"),
    )


def tamper(path, *statements):
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_events_are_found_by_what_they_are_about(ledger):
    fill(ledger)
    every = ledger.events()
    assert [e.sequence for e in every] == list(range(1, 9))
    assert every[-1].body == {"words": "é"}
    assert ledger.events(kind="noted") == every[-1:]
    assert ledger.events(subject="d1") == [every[0], every[6]]
    assert ledger.events(product="other") == []
    assert ledger.events(after=6, limit=1) == [every[6]]


def test_an_act_that_fails_leaves_nothing(ledger):
    ledger.append("noted", subject="s", product="p", body={}, at=1)
    head = ledger.head()
    with pytest.raises(ValueError, match="JSON"):
        ledger.append("noted", subject="s", product="p", body={"x": float("nan")}, at=2)
    with pytest.raises(StoreError):
        ledger.deliveries.start(replace(DELIVERY, status=None))
    assert ledger.head() == head
    assert ledger.deliveries.newest() == []
    assert ledger.verify_chain() is None


def test_projections_can_be_made_again_from_the_events(ledger, path):
    fill(ledger)
    before = everything(ledger)
    tamper(
        path,
        "DELETE FROM deliveries",
        "DELETE FROM attestations",
        "UPDATE stage_results SET output='{}'",
        "UPDATE deployments SET bundle='evil'",
        "DELETE FROM releases",
    )
    assert ledger.altered_projections() == (
        "deliveries", "stage_results", "deployments", "attestations", "releases",
    )  # fmt: skip
    assert ledger.deployments.last("valuation", "prod").bundle == "evil"
    ledger.rebuild()
    assert ledger.altered_projections() == ()
    after = everything(ledger)
    assert after == before


@pytest.mark.parametrize("sequence", range(1, 9))
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM events WHERE sequence={n}",
        "UPDATE events SET at=at+1 WHERE sequence={n}",
        "UPDATE events SET kind='other' WHERE sequence={n}",
        "UPDATE events SET subject='other' WHERE sequence={n}",
        "UPDATE events SET product='other' WHERE sequence={n}",
        "UPDATE events SET body='{{}}' WHERE sequence={n}",
        "UPDATE events SET body=' '||body WHERE sequence={n}",
        "UPDATE events SET body=x'00ff' WHERE sequence={n}",
        "UPDATE events SET kind=x'00ff' WHERE sequence={n}",
        "UPDATE events SET previous='{zeros}1' WHERE sequence={n}",
        "UPDATE events SET hash='{zeros}1' WHERE sequence={n}",
        "UPDATE events SET sequence=-{n} WHERE sequence={n}",
    ],
)
def test_an_edited_or_deleted_event_is_found(tmp_path, filled, statement, sequence):
    path = shutil.copy(filled, tmp_path / "copy.db")
    tamper(path, statement.format(n=sequence, zeros="0" * 63))
    assert Ledger.open(path).verify_chain() == (1 if "sequence=-" in statement else sequence)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    path = tmp_path_factory.mktemp("filled") / "ledger.db"
    fill(Ledger.open(path))
    return path


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        (["UPDATE events SET sequence=sequence+100 WHERE sequence IN (3,4)",
          "UPDATE events SET sequence=4 WHERE sequence=103",
          "UPDATE events SET sequence=3 WHERE sequence=104"], 3),
        (["DELETE FROM events WHERE sequence>5"], 6),
        (["DELETE FROM events"], 1),
        (["INSERT INTO events SELECT 9,at,kind,subject,product,body,previous,hash FROM events "
          "WHERE sequence=8"], 9),
        (["DELETE FROM chain_head"], 1),
        (["UPDATE chain_head SET sequence=7"], 8),
        ([f"UPDATE chain_head SET hash='{'0' * 64}'"], 9),
    ],
    ids=["reorder", "truncate", "empty", "insert", "no head", "short head", "other head"],
)  # fmt: skip
def test_reordering_cutting_and_inserting_are_found(tmp_path, filled, statements, broken):
    path = shutil.copy(filled, tmp_path / "copy.db")
    assert Ledger.open(path).verify_chain() is None
    tamper(path, *statements)
    assert Ledger.open(path).verify_chain() == broken


def test_a_chain_cut_by_one_who_can_write_everything_is_found_by_an_anchor(tmp_path, filled):
    anchor = Ledger.open(filled).head()
    path = shutil.copy(filled, tmp_path / "copy.db")
    hash_of_5 = Ledger.open(path).events()[4].hash
    tamper(
        path,
        "DELETE FROM events WHERE sequence>5",
        f"UPDATE chain_head SET sequence=5, hash='{hash_of_5}'",
    )
    assert Ledger.open(path).verify_chain() is None
    assert Ledger.open(path).verify_chain(anchor) == 6
    assert Ledger.open(filled).verify_chain(anchor) is None
    assert Ledger.open(filled).verify_chain(Head(sequence=4, hash="f" * 64)) == 4


KILLED = textwrap.dedent("""
    import sys
    from interlock.store.ledger import Ledger
    from interlock.store.rows import StageRow

    ledger = Ledger.open(sys.argv[1])
    print("begun", flush=True)
    for k in range(10_000):
        stage = StageRow(key=f"{k:064d}", stage="train", output={}, seconds=0.0, at=k)
        ledger.stages.put(stage, product="p")
        print(k, flush=True)
""")


def test_killed_at_any_moment_every_act_is_whole_and_none_is_lost(path):
    for milliseconds in (30, 50, 70):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "begun\n"
        time.sleep(milliseconds / 1000)
        child.kill()
        said = child.communicate()[0].split("\n")[:-1]
        assert child.returncode == -signal.SIGKILL
        ledger = Ledger.open(path)
        assert ledger.verify_chain() is None
        assert ledger.altered_projections() == ()
        assert all(ledger.stages.get(f"{int(k):064d}") for k in said)


def test_opening_again_needs_no_alembic(path, ledger):
    script = (
        "import sys; from interlock.store.ledger import Ledger\n"
        "Ledger.open(sys.argv[1]); print('alembic' in sys.modules)"
    )
    command = [sys.executable, "-c", script, str(path)]
    assert subprocess.run(command, capture_output=True, text=True).stdout == "False\n"


def test_the_migrations_make_the_declared_tables(ledger):
    assert scripts().get_current_head() == schema.REVISION
    found = inspect(ledger.database.engine)
    assert set(found.get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    for name, table in schema.metadata.tables.items():
        columns = {
            c["name"]: (str(c["type"]), c["nullable"], bool(c["primary_key"]))
            for c in found.get_columns(name)
        }
        assert columns == {
            c.name: (c.type.compile(ledger.database.engine.dialect), c.nullable, c.primary_key)
            for c in table.columns
        }
        assert {i["name"] for i in found.get_indexes(name)} == {i.name for i in table.indexes}
        assert {u["name"] for u in found.get_unique_constraints(name)} == {
            c.name for c in table.constraints if str(c.name).startswith("one_")
        }
        assert len(found.get_foreign_keys(name)) == len(table.foreign_keys)


def test_a_crash_in_a_migration_leaves_the_old_schema(path, monkeypatch):
    module = scripts().get_revision("0001").module

    def crash():
        raise RuntimeError("power cut")

    broken = type("Script", (), {"module": module, "revision": "0001"})
    monkeypatch.setattr(module, "_releases", crash)
    monkeypatch.setattr(
        "interlock.store.migrate.ScriptDirectory.iterate_revisions", lambda *a, **k: [broken]
    )
    with pytest.raises(RuntimeError, match="power cut"):
        Ledger.open(path)
    monkeypatch.undo()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()
    Ledger.open(path).deliveries.start(DELIVERY)


def test_a_ledger_of_a_newer_version_is_left_alone(path, ledger):
    tamper(path, "UPDATE alembic_version SET version_num='9999'")
    before = path.read_bytes()
    with pytest.raises(StoreError) as caught:
        Ledger.open(path)
    assert caught.value.code == "L112"
    assert "install the version of Interlock" in str(caught.value)
    assert path.read_bytes() == before


def test_a_locked_ledger_says_so(path, ledger):
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        for act in (
            lambda: Ledger.open(path, busy_seconds=0.05),
            lambda: Ledger(Database(engine_for(path, busy_seconds=0.05))).append(
                "noted", subject="s", product="p", body={}, at=1
            ),
        ):
            with pytest.raises(StoreError) as caught:
                act()
            assert caught.value.code == "L110"
            assert "wait for the other command to end" in str(caught.value)
    finally:
        holder.close()


@pytest.mark.parametrize("damage", ["header", "page", "not a database"])
def test_a_damaged_ledger_says_so(path, ledger, damage):
    fill(ledger)
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:16] = bytes(16)
    elif damage == "page":
        data[4096:] = b"\xa5" * (len(data) - 4096)
    else:
        data = bytearray(b"these are not the rows you are looking for" * 100)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        Ledger.open(path).verify_chain()
    assert caught.value.code == "L111"
    assert "restore it from a backup" in str(caught.value)


def test_a_place_that_cannot_be_is_said_plainly(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError) as caught:
        Ledger.open(tmp_path / "file" / "ledger.db")
    assert caught.value.code == "L102"
    with pytest.raises(StoreError) as caught:
        Ledger.open(tmp_path)
    assert caught.value.code == "L113"
    for url in ("nonsense://:::", "nonsense://secret@host/x", "oracle://ada:secret@host/x", "://"):
        with pytest.raises(StoreError) as caught:
            Ledger.open(url)
        assert caught.value.code == "L113"
        assert "secret" not in str(caught.value)


def test_sqlite_keeps_a_rollback_journal_and_its_foreign_keys(ledger):
    with ledger.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    assert not Path(f"{ledger.database.engine.url.database}-wal").exists()
