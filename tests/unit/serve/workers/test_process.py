"""Starting a worker: whatever it does instead of getting ready is an error that says so."""

import subprocess
from pathlib import Path

import pytest
from service_runs import wait_for

from interlock.errors import OperatorError
from interlock.serve.workers import overheard
from interlock.serve.workers import process as module
from interlock.serve.workers.process import start


@pytest.fixture(autouse=True)
def heard_to_the_end(monkeypatch):
    """On a busy machine, too."""
    monkeypatch.setattr(overheard, "END_SECONDS", 60.0)


def test_one_that_closes_its_output_and_goes_on_is_too_slow_and_ended(
    support, tmp_path, monkeypatch
):
    (tmp_path / "silent.py").write_text(
        "import os, sys, time\n"
        "print('it has nothing to say', file=sys.stderr, flush=True)\n"
        "os.close(1)\n"
        "time.sleep(600)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            assert self.stdout.peek() == b""  # it is closed by now

    monkeypatch.setattr(module.subprocess, "Popen", Popen)
    with pytest.raises(OperatorError) as caught:
        start(support.plan_for(tmp_path), seconds=0.2, module="silent")
    (process,) = started
    (said,) = caught.value.mistakes
    assert (said.code, said.expected) == ("S108", "ready within 0.2 seconds")
    assert said.got == "it has nothing to say"
    assert process.returncode == -9
    assert process.stdin.closed
    assert process.stdout.closed


def test_one_that_ends_says_with_which_status_and_what_it_said(support, tmp_path, monkeypatch):
    (tmp_path / "ends.py").write_text("import sys\nsys.exit('no')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OperatorError) as caught:
        start(support.plan_for(tmp_path), module="ends")
    (said,) = caught.value.mistakes
    assert (said.code, said.got) == ("S107", "exit status 1; no")


@pytest.mark.parametrize("aloud", [True, False])
def test_what_a_worker_writes_while_it_runs_is_heard_once(
    support, tmp_path, monkeypatch, capsys, aloud
):
    (tmp_path / "warns.py").write_text(
        "import os, sys\n"
        "print('loading', file=sys.stderr, flush=True)\n"
        "print('ready http://127.0.0.1:1', flush=True)\n"
        "sys.stdin.readline()\n"
        "print('a warning', file=sys.stderr, flush=True)\n"
        "sys.stdin.read()\n"
        "print('last words', file=sys.stderr, flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    service = start(support.plan_for(tmp_path), module="warns", aloud=aloud)
    service.process.stdin.write(b"\n")
    service.process.stdin.flush()
    heard = []
    if aloud:
        wait_for(lambda: heard.append(capsys.readouterr().err) or "warning\n" in "".join(heard))
    wait_for(lambda: service.said() == "loading\na warning\n")
    assert "".join(heard) == ("loading\na warning\n" if aloud else "")
    service.process.stdin.close()
    service.process.wait(60.0)
    assert service.stop() == 0
    assert capsys.readouterr().err == ("last words\n" if aloud else "")
    assert service.said() == "loading\na warning\nlast words\n"


@pytest.mark.parametrize(
    ("said", "code", "heard"),
    [
        ("error[S101]: the port is in use\n  where: there\n", "S101", ""),
        ("Traceback: no\n", "S107", "Traceback: no\n"),
    ],
)
def test_what_one_says_that_ends_is_in_the_error_or_else_handed_on(
    support, tmp_path, monkeypatch, capsys, said, code, heard
):
    (tmp_path / "ends.py").write_text(f"import sys\nsys.stderr.write({said!r})\nsys.exit(2)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(OperatorError) as caught:
        start(support.plan_for(tmp_path), module="ends", aloud=True)
    assert caught.value.code == code
    assert capsys.readouterr().err == heard


@pytest.mark.parametrize("aloud", [True, False])
def test_however_much_a_worker_writes_its_last_words_are_kept_and_little_more(
    support, tmp_path, monkeypatch, capsys, aloud
):
    """All of it is handed on; where nobody hears it, only so much is kept."""
    n = 200_000
    (tmp_path / "talks.py").write_text(
        "import sys\n"
        "print('ready http://127.0.0.1:1', flush=True)\n"
        "sys.stdin.readline()\n"
        f"for n in range({n}):\n"
        "    print(f'{n:07} née', file=sys.stderr)\n"
        "raise SystemExit('why it ended')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONUTF8", "1")
    service = start(support.plan_for(tmp_path), module="talks", aloud=aloud)
    place = Path(service.directory.name)
    service.process.stdin.write(b"\n")
    service.process.stdin.flush()
    service.process.wait(60.0)
    assert sum(path.stat().st_size for path in place.iterdir()) < 10_000
    assert service.stop() == 1
    said = service.said()
    assert said.endswith(f"{n - 1:07} née\nwhy it ended\n")
    assert 10_000 < len(said) <= 20_000
    err = capsys.readouterr().err
    lines = [f"{number:07} née" for number in range(n)]
    assert err.splitlines() == ([*lines, "why it ended"] if aloud else [])


def test_a_process_that_outlives_the_worker_does_not_hold_up_its_end(
    support, tmp_path, monkeypatch
):
    """It has the worker's standard error, too, as one has that a model lives in."""
    (tmp_path / "leaves.py").write_text(
        "import subprocess, sys\n"
        "waits = [sys.executable, '-c', 'import sys; sys.stdin.read()']\n"
        "left = subprocess.Popen(waits, stdin=0, stdout=2)\n"
        "print('last words', file=sys.stderr)\n"
        "print('ready http://127.0.0.1:1', flush=True)\n"
        "import signal\n"
        "signal.pause()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(overheard, "END_SECONDS", 0.1)
    service = start(support.plan_for(tmp_path), module="leaves")
    wait_for(lambda: service.said().endswith("\n"))
    service.process.kill()
    assert service.stop() == -9
    assert service.said() == "last words\n"
