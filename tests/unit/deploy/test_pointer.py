"""The pointer: whole, never older, and never believed when damaged."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from interlock.deploy.pointer import Challenger, Pointer, pointer_path, publish, read_pointer
from interlock.errors import StoreError
from interlock.store.rows import DeploymentRow, RolloutRow

ROW = DeploymentRow(
    product="valuation", environment="prod", generation=1, bundle="a" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=20,
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return pointer_path(tmp_path, "prod", "valuation")


def test_what_is_published_is_read(tmp_path, path):
    assert read_pointer(path) is None
    assert publish(tmp_path, ROW) == read_pointer(path) == Pointer.of(ROW)
    assert path == tmp_path / "prod" / "valuation.json"


def test_an_older_generation_never_replaces_a_newer_one(tmp_path, path):
    newer = replace(ROW, generation=2, bundle="b" * 64)
    publish(tmp_path, newer)
    assert publish(tmp_path, ROW).generation == 2
    assert read_pointer(path) == Pointer.of(newer)


def trial(revision, act="start", generation=1):
    return RolloutRow(
        product="valuation", environment="prod", generation=generation, revision=revision,
        bundle="c" * 64, label="1.1.0", delivery="d2", act=act, mode="split",
        buckets=100 * revision, salt="5" * 32, reason="", began=0, at=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"bundle": "b" * 64}, {"label": "9.9.9"}, {"product": "rents", "generation": 9}],
    ids=["bundle", "label", "product"],
)
def test_what_the_ledger_does_not_say_of_a_generation_is_written_anew(tmp_path, path, change):
    publish(tmp_path, ROW)
    elsewhere = tmp_path / "elsewhere"
    publish(elsewhere, replace(ROW, **change))
    (forged,) = elsewhere.rglob("*.json")
    path.write_bytes(forged.read_bytes())
    assert publish(tmp_path, ROW) == read_pointer(path) == Pointer.of(ROW)


def test_a_challenger_comes_and_goes_with_its_revision(tmp_path, path):
    publish(tmp_path, ROW, trial(2))
    assert read_pointer(path).challenger == Challenger(
        bundle="c" * 64, label="1.1.0", mode="split", buckets=200, salt="5" * 32, began=0
    )
    for older in (trial(1), None):
        assert publish(tmp_path, ROW, older).revision == 2
    assert publish(tmp_path, ROW, trial(3, "stop")).challenger is None
    newer = replace(ROW, generation=2)
    assert publish(tmp_path, newer, trial(3)).challenger is None, "it was of another generation"
    assert read_pointer(path).order == (2, 0)
    assert publish(tmp_path, newer, trial(1, generation=2)).challenger is not None


def test_many_publish_at_once_and_the_newest_stands(tmp_path, path):
    rows = [replace(ROW, generation=k) for k in range(1, 41)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda row: publish(tmp_path, row), reversed(rows)))
    assert read_pointer(path).generation == 40
    assert {p.name for p in path.parent.iterdir()} == {"valuation.json", "valuation.lock"}


def test_every_single_flipped_bit_is_found(tmp_path, path):
    publish(tmp_path, ROW)
    data = path.read_bytes()
    with path.open("r+b", buffering=0) as stream:
        for bit in range(8 * len(data)):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            stream.seek(0)
            stream.write(flipped)
            with pytest.raises(StoreError) as caught:
                read_pointer(path)
            assert caught.value.code == "L120"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"[" * 70_000, b"{\n}", b"\xff"])
def test_rubbish_is_not_believed_and_is_written_anew(tmp_path, path, data):
    publish(tmp_path, ROW)
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        read_pointer(path)
    assert caught.value.mistakes[0].untouched == "services go on with the last good release"
    publish(tmp_path, ROW)
    assert read_pointer(path) == Pointer.of(ROW)


@pytest.mark.parametrize(("environment", "product"), [("..", "x"), ("prod", "../x"), ("a/b", "x")])
def test_names_that_climb_are_refused(tmp_path, environment, product):
    with pytest.raises(StoreError) as caught:
        publish(tmp_path, replace(ROW, environment=environment, product=product))
    assert caught.value.code == "L104"
    assert list(tmp_path.iterdir()) == []


KILLED = textwrap.dedent("""
    import os, sys
    from dataclasses import replace
    from pathlib import Path
    from interlock.deploy.pointer import publish
    from interlock.store.rows import DeploymentRow

    row = DeploymentRow(
        product="valuation", environment="prod", generation=1, bundle="a" * 64, label="1.0.0",
        act="promote", pinned=False, reason="", delivery="d1", since=20)
    publish(Path(sys.argv[1]), row)
    def die(*_): os.kill(os.getpid(), 9)
    setattr({"os": os, "Path": Path}[sys.argv[2]], sys.argv[3], die)
    publish(Path(sys.argv[1]), replace(row, generation=2))
""")


@pytest.mark.parametrize("step", ["os fsync", "Path replace"])
def test_killed_while_publishing_the_old_pointer_stands_and_the_next_goes_through(
    tmp_path, path, step
):
    child = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), *step.split()])
    assert child.returncode == -9
    assert read_pointer(path).generation == 1
    publish(tmp_path, replace(ROW, generation=3))
    assert read_pointer(path).generation == 3


def test_a_service_reads_it_without_a_database():
    script = (
        "import sys, interlock.deploy.pointer\n"
        "print(sorted({'numpy', 'sqlalchemy', 'alembic', 'fsspec', 'cryptography'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
