"""Starting a worker: whatever it does instead of getting ready is an error that says so."""

import subprocess

import pytest

from interlock.errors import OperatorError
from interlock.serve.workers import process as module
from interlock.serve.workers.process import start


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
        "print('warned', flush=True)\n"
        "sys.stdin.read()\n"
        "print('last words', file=sys.stderr, flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    service = start(support.plan_for(tmp_path), module="warns", aloud=aloud)
    service.process.stdin.write(b"\n")
    service.process.stdin.flush()
    assert service.process.stdout.readline() == b"warned\n"
    service.hand_on()
    assert capsys.readouterr().err == ("loading\na warning\n" if aloud else "")
    service.process.stdin.close()
    service.process.wait(60.0)
    assert service.stop() == 0
    assert capsys.readouterr().err == ("last words\n" if aloud else "")
