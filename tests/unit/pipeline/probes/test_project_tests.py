import importlib.util
import os
import signal
import time
from pathlib import Path

import pytest

from interlock.errors import OperatorError
from interlock.pipeline.probes.project_tests import project_tests
from interlock.verdict import Verdict

URL = "http://127.0.0.1:8080"


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch):
    """Those installed here, of which pytest would load each again in every process."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def project(tmp_path, **files):
    folder = tmp_path / "a project" / "post_deploy"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder.parent


def test_a_project_without_tests_has_no_checks(tmp_path):
    assert project_tests(tmp_path, URL) == ()
    assert project_tests(project(tmp_path, conftest="", _shared=""), URL) == ()


def test_each_test_is_a_check_and_knows_the_address(tmp_path):
    place = project(
        tmp_path,
        smoke=(
            "import os\n"
            f"def test_fixture(base_url):\n    assert base_url == {URL!r}\n"
            f"def test_environment():\n    assert os.environ['INTERLOCK_BASE_URL'] == {URL!r}\n"
        ),
        more="def test_more():\n    pass\n",
    )
    checks = project_tests(place, URL)
    assert [(c.name.split(".")[-1], c.verdict) for c in checks] == [
        ("test_more", Verdict.PASSED),
        ("test_fixture", Verdict.PASSED),
        ("test_environment", Verdict.PASSED),
    ]
    assert sorted(p.name for p in place.rglob("*")) == ["more.py", "post_deploy", "smoke.py"]


def test_what_fails_or_raises_or_is_skipped_does_not_pass(tmp_path):
    place = project(
        tmp_path,
        smoke=(
            "import pytest\n"
            "@pytest.fixture\n"
            "def broken():\n    raise RuntimeError('no')\n"
            "def test_fails():\n    assert 1 == 2\n"
            "def test_breaks(broken):\n    pass\n"
            "def test_skips():\n    pytest.skip('not now')\n"
        ),
    )
    found = {c.name.split(".")[-1]: (c.verdict, c.reason) for c in project_tests(place, URL)}
    assert found["test_fails"] == (Verdict.FAILED, "assert 1 == 2")
    assert found["test_breaks"][0] is Verdict.ERROR
    assert found["test_skips"] == (Verdict.INCONCLUSIVE, "not now")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "no test was run"), ("import no_such_module\n", ""), ("import os\nos._exit(0)\n", "")],
)
def test_files_in_which_nothing_ran_are_an_error(tmp_path, text, reason):
    checks = project_tests(project(tmp_path, smoke=text), URL)
    assert checks
    assert all(check.verdict is Verdict.ERROR for check in checks)
    assert reason in checks[-1].reason


def test_a_process_that_dies_behind_good_results_is_an_error(tmp_path):
    place = project(
        tmp_path,
        conftest=("import os\ndef pytest_unconfigure(config):\n    os._exit(3)\n"),
        smoke="def test_fine():\n    pass\n",
    )
    verdicts = [check.verdict for check in project_tests(place, URL)]
    assert Verdict.ERROR in verdicts


def test_tests_that_do_not_end_are_an_error(tmp_path):
    place = project(tmp_path, smoke="def test_hangs():\n    while True:\n        pass\n")
    (check,) = project_tests(place, URL, timeout_seconds=2)
    assert (check.verdict, check.reason) == (Verdict.ERROR, "the tests did not end within 2 s")


def test_what_the_tests_leave_running_is_ended(tmp_path):
    place = project(
        tmp_path,
        smoke="import pathlib, subprocess\n"
        "def test_starts():\n"
        "    null = subprocess.DEVNULL\n"
        "    left = subprocess.Popen(['sleep', '600'], stdin=null, stdout=null, stderr=null)\n"
        "    pathlib.Path('left').write_text(str(left.pid))\n",
    )
    (check,) = project_tests(place, URL)
    assert check.verdict is Verdict.PASSED
    assert not _lives(int((place / "left").read_text()))


def test_one_that_left_their_session_and_may_still_write_is_not_waited_for(tmp_path):
    place = project(
        tmp_path,
        smoke="import pathlib, subprocess\n"
        "def test_starts(capfd):\n"
        "    with capfd.disabled():\n"
        "        left = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "    pathlib.Path('left').write_text(str(left.pid))\n",
    )
    (check,) = project_tests(place, URL)
    left = int((place / "left").read_text())
    assert Path(f"/proc/{left}/cmdline").read_bytes(), "it was waited for"
    os.kill(left, signal.SIGKILL)
    assert check.verdict is Verdict.PASSED


def test_tests_end_with_who_waits_for_them(tmp_path):
    place = project(
        tmp_path,
        smoke="import os, pathlib, signal, time\n"
        "def test_hangs():\n"
        "    pathlib.Path('left').write_text(str(os.getpid()))\n"
        "    os.kill(os.getppid(), signal.SIGUSR1)\n"
        "    time.sleep(600)\n",
    )

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            project_tests(place, URL)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not _lives(int((place / "left").read_text()))


def _lives(pid):
    """Whether the process runs; one that has ended may not have been waited for yet."""
    for _ in range(6_000):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.01)
    return True


def test_without_pytest_tests_do_not_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OperatorError) as caught:
        project_tests(project(tmp_path, smoke="def test_a(): pass\n"), URL)
    assert "fix: pip install pytest" in str(caught.value)
