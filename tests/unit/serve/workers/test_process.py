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
