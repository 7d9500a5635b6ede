"""An exported release is served where no training library can be imported at all."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from interlock.release.keys import SigningKey
from interlock.serve.plan import plan_bytes, read_plan

FORBIDDEN = (
    "sklearn", "lightgbm", "pandas", "optuna", "duckdb", "pyarrow", "scipy", "joblib", "onnx",
    "skops", "sqlalchemy", "alembic", "sqlglot", "fsspec", "jinja2", "cyclopts", "rich",
    "threadpoolctl", "interlock.train.fit", "interlock.product", "interlock.pipeline",
)  # fmt: skip
HOOK = f"""
import sys

FORBIDDEN = {FORBIDDEN!r}


class Wall:
    def find_spec(self, name, path=None, target=None):
        if any(name == f or name.startswith(f + ".") for f in FORBIDDEN):
            raise ModuleNotFoundError(f"there is no {{name}} here", name=name)
        return None


sys.meta_path.insert(0, Wall())
"""


def plan_as_documented():
    """The lines of docs/serving.md that make a plan of an exported release."""
    text = (Path(__file__).parents[2] / "docs" / "serving.md").read_text("utf-8")
    return text.partition("```python\nfrom pathlib import Path\n")[2].partition("```")[0]


def test_without_any_training_library(delivered, tmp_path, monkeypatch):
    out, wall = tmp_path / "release", tmp_path / "wall"
    ran = delivered.run("export", "--out", out)
    assert ran.code == 0, ran.err
    held_to_known_keys(delivered, out, tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(plan_as_documented(), {"Path": Path})
    plan = msgspec.structs.replace(read_plan(Path("plan.json")), log=str(tmp_path / "log"))
    assert (plan.product, plan.digest) == ("houses", delivered.live())
    (tmp_path / "plan.json").write_bytes(plan_bytes(plan))
    wall.mkdir()
    (wall / "sitecustomize.py").write_text(HOOK)
    source = Path(__file__).parent.parent.parent / "src"
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{wall}:{source}"}
    walled = subprocess.run(
        [sys.executable, "-c", "import pandas"], env=environ, capture_output=True, text=True
    )
    assert "there is no pandas here" in walled.stderr
    worker = subprocess.Popen(
        [sys.executable, "-m", "interlock.serve", str(tmp_path / "plan.json")],
        cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        line = worker.stdout.readline()
        assert line, worker.stderr.read()
        url = re.match(r"ready (http://\S+)", line)[1]
        house = {
            "valued_on": datetime.now(UTC).date().isoformat(), "year_built": 1950,
            "living_area_sqft": 1_400, "lot_sqft": 6_000, "exterior_wall": "wood",
            "full_baths": 1, "easting_m": 503_922.0, "northing_m": 211_769.0,
        }  # fmt: skip
        request = urllib.request.Request(
            f"{url}/v1/predict", json.dumps(house).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = json.load(reply)
        assert answer["digest"] == plan.digest
        assert 10_000 < answer["interval"]["low"] < answer["prediction"]
        assert answer["prediction"] < answer["interval"]["high"] < 1_000_000
    finally:
        worker.terminate()
        assert worker.wait(60) == 0, worker.stderr.read()


def held_to_known_keys(delivered, out, folder):
    """An export brings its own keys: it is worth as much as the key that it is held to."""
    ran = delivered.run("verify", out)
    (own,) = (out / "keys").glob("*.pem")
    assert (ran.code, f"signed by {own.stem}\n" in ran.out) == (0, True)
    assert "! by the keys that lie beside it: whoever made the folder chose them" in ran.out
    for known in (own.stem, str(own)):
        ran = delivered.run("verify", out, "--key", known)
        assert (ran.code, "beside it" in ran.out) == (0, False), ran.err
    other = SigningKey.generate().public
    (folder / "other.pem").write_bytes(other.pem())
    ran = delivered.run("verify", out, "--key", folder / "other.pem")
    assert (ran.code, "error[R122]" in ran.err) == (5, True)
    ran = delivered.run("verify", out, "--key", other.keyid)
    assert (ran.code, "error[R169]" in ran.err) == (5, True)
    ran = delivered.run("verify", out, "--key", folder / "gone.pem")
    assert (ran.code, "error[R132]: there is no such file of a key" in ran.err) == (2, True)
    ran = delivered.run("verify", "--key", own.stem)
    assert (ran.code, "error[C161]: --key is for an exported folder" in ran.err) == (2, True)


def test_out_of_nothing_but_a_release(delivered, tmp_path):
    ran = delivered.run("export", "--out", tmp_path / "release", "--json")
    assert ran.code == 0, ran.err
    again = delivered.run("export", "--out", tmp_path / "release")
    assert again.code == 2
    assert "error[E134]: the folder to export to is not empty" in again.err
    away = tmp_path / "elsewhere"
    away.mkdir()
    (tmp_path / "release").rename(away / "r")
    service = subprocess.Popen(
        [sys.executable, "-m", "interlock", "serve", "--bundle", str(away / "r"), "--json"],
        cwd=away, env=delivered.environ(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        ready = json.loads(service.stdout.readline())
        with urllib.request.urlopen(f"{ready['url']}/v1/status", timeout=60) as reply:
            assert json.load(reply)["digest"] == delivered.live()
    finally:
        service.terminate()
        assert service.wait(60) == 0
    assert list((away / "r" / "log").iterdir()), "what it answers is kept with the release"
    assert delivered.run("verify", away / "r").code == 0


def test_a_client_is_written_from_what_is_live(delivered, tmp_path):
    said = json.loads(delivered.run("client", "--out", str(tmp_path / "client"), "--json").out)
    files = {Path(name) for name in said["files"]}
    assert {"pyproject.toml", "schema.json", "curl.sh"} <= {str(path) for path in files}
    for path in files:
        if path.suffix == ".py":
            compile((tmp_path / "client" / path).read_text("utf-8"), str(path), "exec")
    again = delivered.run("client", "--out", str(tmp_path / "client"))
    assert (again.code, "error[E134]" in again.err) == (2, True)
