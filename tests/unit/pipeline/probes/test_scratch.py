"""What a killed gate left behind is removed by the next one, and nothing else."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from interlock.pipeline.probes.scratch import scratch

_HOLD = """
import sys
from interlock.pipeline.probes.scratch import scratch
with scratch("gate-") as place:
    (place / "rows").write_text("somebody's")
    print(place, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where temporary folders are made, here and in processes."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def aged(place):
    os.utime(place, (0, 0))
    return place


def test_a_folder_is_there_as_long_as_it_is_worked_in(folder):
    with scratch("gate-") as place:
        assert place.parent == folder
        aged(place)
        with scratch("gate-") as other:
            assert place.is_dir()
            assert other != place
    assert list(folder.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(folder):
    command = [sys.executable, "-c", _HOLD]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    left = Path(process.stdout.readline().decode().strip())
    with scratch("gate-"):
        pass
    assert (left / "rows").exists(), "it is worked in, and young"
    aged(left)
    with scratch("gate-"):
        pass
    assert (left / "rows").exists(), "it is worked in"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with scratch("other-"):
        pass
    assert (left / "rows").exists(), "it is of another kind"
    with scratch("gate-"):
        pass
    assert list(folder.iterdir()) == []


def test_nothing_else_of_that_name_is_touched(folder):
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / ".in-use").touch()
    for name in ("gate-without", "gate-young"):
        (folder / name).mkdir()
    (folder / "gate-young" / ".in-use").touch()
    (folder / "gate-link").symlink_to(folder / "elsewhere")
    os.utime(folder / "gate-link", (0, 0), follow_symlinks=False)
    (folder / "gate-file").touch()
    aged(folder / "gate-file")
    aged(folder / "gate-without")
    before = sorted(folder.rglob("*"))
    with scratch("gate-"):
        pass
    assert sorted(folder.rglob("*")) == before
