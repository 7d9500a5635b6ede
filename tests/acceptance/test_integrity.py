"""One flipped bit anywhere in a release is found, and what is live goes on."""

import base64
import copy
import json
import pkgutil
import random
import shutil
import urllib.request
from contextlib import contextmanager

import pytest

from interlock.errors import IntegrityError, OperatorError
from interlock.use_cases.exported import verify_directory
from interlock.use_cases.verify import verify

SMALL = 700  # bytes: in smaller files every byte is tried
SAMPLES = 60  # positions in bigger ones


@contextmanager
def flipped(path, place, bit):
    """The file with one bit flipped, for as long as the block lasts."""
    with path.open("r+b", buffering=0) as stream:
        byte = stream.read()[place]
        stream.seek(place)
        stream.write(bytes([byte ^ (1 << bit)]))
        try:
            yield
        finally:
            stream.seek(place)
            stream.write(bytes([byte]))


def files_of(project):
    """Every file of the live bundle, and every attestation about it."""
    digest = project.live()
    bundle = project.state / "artifacts" / "bundles" / digest
    attestations = project.state / "attestations" / digest
    return [p for d in (bundle, attestations) for p in sorted(d.rglob("*")) if p.is_file()]


@pytest.fixture
def erasures_read_once(monkeypatch):
    """What the ledger says of erasures is read once: no file that a test flips changes it."""
    for place in ("erased_of", "KeptSnapshots.of"):
        name = f"interlock.use_cases.verify.{place}"
        monkeypatch.setattr(name, once(pkgutil.resolve_name(name)))


def once(ask):
    """The same function of a ledger; what it finds is asked for the first time, then copied."""
    found = []

    def answer(*given):
        found[:] = found or [ask(*given)]
        return copy.deepcopy(found[0])

    return answer


@pytest.mark.usefixtures("erasures_read_once")
def test_every_file_every_small_byte(delivered):
    workspace, chance = delivered.workspace(), random.Random(1)
    assert verify(workspace, what="1.0.0").checked[0].files >= 9
    files = files_of(delivered)
    names = {path.name for path in files}
    assert {"manifest.json", "model.onnx", "features.json", "golden.json"} <= names
    kept = [row.blob for row in workspace.ledger.attestations.about(delivered.live())]
    assert len(kept) >= 7
    assert {f"{blob}.json" for blob in kept} < names
    tried = 0
    for path in files:
        size = path.stat().st_size
        places = range(size) if size <= SMALL else chance.sample(range(size), SAMPLES)
        for place in places:
            with flipped(path, place, chance.randrange(8)):
                with pytest.raises(IntegrityError):
                    verify(workspace, what="1.0.0")
                tried += 1
    assert tried > 900
    assert verify(workspace).events > 0


def proof_of(project, gate):
    """The attestation of that gate's verdict about the live bundle."""
    for path in (project.state / "attestations" / project.live()).iterdir():
        said = json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))
        if said["predicate"].get("gate") == gate:
            return path
    return None


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json", "packed/product.py"])
def test_a_flipped_bundle_is_refused_by_every_command(delivered, name):
    path = delivered.state / "artifacts" / "bundles" / delivered.live() / name
    with flipped(path, path.stat().st_size // 2, 3):
        for arguments in (
            ["verify"],
            ["serve", "--port", "0"],
            ["predict", "--input", "data/sales.parquet", "--output", "out.parquet"],
            ["export", "--out", "exported"],
        ):
            ran = delivered.run(*arguments)
            assert ran.code == 5, ran.err
            assert "error[R1" in ran.err
            assert "expected:" in ran.err
        assert not (delivered.folder / "out.parquet").exists()
        assert not (delivered.folder / "exported" / "bundle").exists()
    assert delivered.run("verify").code == 0


def test_a_flipped_proof_is_refused(delivered):
    path = proof_of(delivered, "model")
    with flipped(path, path.stat().st_size // 2, 3):
        ran = delivered.run("verify")
        assert ran.code == 5, ran.err
        assert "error[R1" in ran.err
        served = delivered.run("serve", "--port", "0")
        assert served.code == 5, served.err
        assert "error[R12" in served.err


@pytest.mark.parametrize("extra", ["more.json", "packed/more.py"])
def test_a_file_too_many_is_refused(delivered, extra):
    folder = delivered.state / "artifacts" / "bundles" / delivered.live()
    (folder / extra).write_text("{}")
    assert delivered.run("verify").code == 5


def test_what_a_killed_process_had_begun_to_write_is_no_forgery(delivered):
    folder = delivered.state / "attestations" / delivered.live()
    whole = next(folder.glob("*.json")).read_bytes()
    left = folder / ".partial-0123456789abcdef"
    try:
        for size in (0, 100, len(whole)):
            left.write_bytes(whole[:size])
            assert delivered.run("verify").code == 0
    finally:
        left.unlink()


def test_a_missing_file_or_attestation_is_refused(delivered):
    for path in (files_of(delivered)[0], files_of(delivered)[-1]):
        kept = path.read_bytes()
        path.unlink()
        ran = delivered.run("verify")
        assert ran.code == 5, ran.err
        path.write_bytes(kept)
    assert delivered.run("verify").code == 0


def test_a_bundle_that_is_wholly_another(continued, days):
    """Consistent in itself, but not what was signed: another manifest under the old name."""
    one = continued.live()
    assert continued.deliver("--as-of", days[1]).code == 0
    bundles = continued.state / "artifacts" / "bundles"
    shutil.rmtree(bundles / one)
    shutil.copytree(bundles / continued.live(), bundles / one)
    live = continued.live()
    ran = continued.run("rollback")
    assert ran.code == 5, ran.err
    assert continued.live() == live
    assert continued.run("status").code == 0


def test_what_serves_goes_on_serving(continued, days):
    ran = continued.deliver("--as-of", days[1], "--to", "staging")
    assert ran.code == 0, ran.err
    live, other = continued.live(), ran.json["digest"]
    assert live != other
    service = continued.spawn("serve", "--port", "0", "--json")
    try:
        url = json.loads(service.stdout.readline())["url"]
        model = continued.state / "artifacts" / "bundles" / other / "model.onnx"
        with flipped(model, 1_000, 0):
            back = continued.run("rollback", "--to", other[:12])
            assert back.code == 5, back.err
            assert continued.live() == live
            with urllib.request.urlopen(f"{url}/v1/status", timeout=60) as answer:
                assert json.load(answer)["digest"] == live
            with urllib.request.urlopen(f"{url}/health/ready", timeout=60) as answer:
                assert json.load(answer) == {"ready": True}
    finally:
        service.terminate()
        assert service.wait(60) == 0


def test_the_ledger_edited(delivered):
    import sqlite3

    with sqlite3.connect(delivered.state / "ledger.sqlite") as connection:
        changed = connection.execute("update deliveries set status = 'blocked'").rowcount
    assert changed == 1
    ran = delivered.run("verify")
    assert ran.code == 5, ran.err
    assert "error[R161]: the ledger's tables do not say what its events say" in ran.err


def test_an_exported_release(delivered, tmp_path):
    ran = delivered.run("export", "--out", tmp_path / "out")
    assert ran.code == 0, ran.err
    out, chance = tmp_path / "out", random.Random(2)
    verify_directory(out)
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and "online" not in p.parts]
    for path in files:
        for place in chance.sample(range(path.stat().st_size), 5):
            refused = pytest.raises((IntegrityError, OperatorError))  # a key may be unreadable
            with flipped(path, place, chance.randrange(8)), refused as found:
                verify_directory(out)
            assert found.type is IntegrityError or found.value.code == "R132"
