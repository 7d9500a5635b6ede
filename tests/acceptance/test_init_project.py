"""A new project, in a folder with a blank in its name, reaches prod as it stands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new") / "a b"
    assert _interlock(folder.parent, "init", folder.name).returncode == 0
    return folder


def _interlock(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _python(folder, "-m", "interlock", *arguments)


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home = folder if folder.name != "a b" else folder.parent
    environment = {**os.environ, "XDG_CONFIG_HOME": str(home / "config")}
    environment.pop("INTERLOCK_KEY_FILE", None)
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_it_checks_and_passes_its_own_tests(project: Path) -> None:
    assert _interlock(project, "check").stdout == "✔ rents: the declaration holds together\n"
    tests = _python(project, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout
    assert "6 passed" in tests.stdout


def test_it_reaches_prod_and_every_command_answers(project: Path) -> None:
    delivered = _interlock(project, "deliver")
    assert delivered.returncode == 0, delivered.stderr
    assert delivered.stdout.splitlines()[-1] == "✔ delivered: prod runs 1.0.0"
    assert "post-deploy" in delivered.stderr

    again = json.loads(_interlock(project, "deliver", "--json").stdout)
    assert again["delivery"]["status"] == "unchanged"

    status = json.loads(_interlock(project, "status", "--json").stdout)
    live = {e["environment"]: e["live"] for e in status["products"][0]["environments"]}
    assert live["prod"]["label"] == live["staging"]["label"] == "1.0.0"
    assert live["dev"] is None

    for command in ("history", "show", "verify", "refresh"):
        done = _interlock(project, command)
        assert done.returncode == 0, done.stderr
        assert done.stdout

    batch = _interlock(project, "predict", "--input", "data/rentals.csv", "--output", "out.csv")
    assert batch.stdout == "✔ 3,000 rows predicted, 0 rejected: out.csv\n"

    exported = _interlock(project, "export", "1.0.0", "--out", "../exported")
    assert exported.returncode == 0, exported.stderr
    assert _interlock(project, "verify", "../exported").returncode == 0

    nowhere = _interlock(project, "rollback")
    assert nowhere.returncode == 2
    assert nowhere.stderr.startswith("error[E102]: ")
