"""A new project, in a folder with a blank in its name, reaches prod as it stands."""

import json
import subprocess
import sys

import pytest

from interlock.release.attest import verify


@pytest.fixture(scope="module")
def new(rents, tmp_path_factory):
    """As `interlock init` left it, but for the milliseconds of an answer."""
    project = rents.copy(tmp_path_factory.mktemp("new") / "a b")
    project.change('il.P99Below("50ms")', 'il.P99Below("10s")')  # a busy machine that runs tests
    return project


def service_gate(project):
    """What is signed about the service gate of the release that is live."""
    notary = project.workspace().notary()
    envelopes = notary.envelopes(project.live(product="rents"))
    said = [verify(envelope, notary.keys).predicate for envelope in envelopes]
    (found,) = [predicate for predicate in said if predicate.get("gate") == "service"]
    return found


def test_it_checks_and_passes_its_own_tests(new):
    assert new.run("check").out.splitlines()[0] == "✔ rents: the declaration holds together"
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=new.folder, env=new.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tests.returncode == 0, tests.stdout
    assert "6 passed" in tests.stdout


def test_it_reaches_prod_and_every_command_answers(new):
    delivered = new.run("deliver", kill_after=280)
    assert delivered.code == 0, delivered.err
    asked = service_gate(new)
    assert asked["form"] == "full", "as prod's default policy has it"
    passed = {c["name"] for c in asked["checks"] if c["verdict"] == "passed"}
    assert passed >= {"generated requests", "disk full", "worker killed", "online store wrong"}
    assert delivered.out.splitlines()[-1] == "✔ delivered: prod runs 1.0.0"
    assert "post-deploy" in delivered.err

    again = json.loads(new.run("deliver", "--json").out)
    assert again["delivery"]["status"] == "unchanged"

    status = json.loads(new.run("status", "--json").out)
    live = {e["environment"]: e["live"] for e in status["products"][0]["environments"]}
    assert live["prod"]["label"] == live["staging"]["label"] == "1.0.0"
    assert live["dev"] is None

    for command in ("history", "show", "verify", "refresh"):
        done = new.run(command)
        assert done.code == 0, done.err
        assert done.out

    batch = new.run("predict", "--input", "data/rentals.csv", "--output", "out.csv")
    assert batch.out == "✔ 3,000 rows predicted, 0 rejected: out.csv\n"

    exported = new.run("export", "1.0.0", "--out", "../exported")
    assert exported.code == 0, exported.err
    assert new.run("verify", "../exported").code == 0

    nowhere = new.run("rollback")
    assert nowhere.code == 2
    assert nowhere.err.startswith("error[E102]: ")
