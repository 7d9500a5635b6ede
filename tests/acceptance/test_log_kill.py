"""The prediction log under kill -9, and on a disk that is really full."""

import os
import signal
import subprocess
import sys

import pytest

from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.log.read import read_log

WRITER = """
import sys
from pathlib import Path
from interlock.serve.log.prediction_log import PredictionLog, LogOptions

log = PredictionLog.open(Path(sys.argv[1]), "w0", LogOptions(segment_bytes=20_000))
number = int(sys.argv[2])
while True:
    numbers = range(number, number + 1 + number % 4)
    batch = [b"%d " % n + b"x" * (37 * n % 900) for n in numbers]
    log.append(batch)
    number += len(batch)
    sys.stdout.buffer.write(b"%d\\n" % number)
    sys.stdout.buffer.flush()
"""


def test_kill_minus_nine_loses_and_doubles_nothing_acknowledged(tmp_path):
    answered = 0
    for round_ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(1_000_000 * round_)],
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(100 + 37 * round_)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
        writer.wait()
        acknowledged = int([line for line in lines if line.endswith(b"\n")][-1])
        answered += acknowledged - 1_000_000 * round_
        numbers = [int(r.payload.split()[0]) for r in read_log(tmp_path)]
        assert len(set(numbers)) == len(numbers)
        assert set(range(1_000_000 * round_, acknowledged)) <= set(numbers)
    assert answered > 1_000
    sequences = [r.sequence for r in read_log(tmp_path)]
    assert sequences == sorted(set(sequences))
    with PredictionLog.open(tmp_path, "w0") as log:
        assert log.tally.next_sequence > sequences[-1]


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 kB, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    yield place if mounted else None
    if mounted:
        subprocess.run(["umount", str(place)], check=True)


FILL = """
import sys
from pathlib import Path
from interlock.serve.log.prediction_log import LogFull, LogOptions, PredictionLog
from interlock.serve.log.read import read_log

directory = Path(sys.argv[1])
log = PredictionLog.open(directory, "w0", LogOptions(full=sys.argv[2], segment_bytes=40_000))
answered = refused = 0
for number in range(2_000):
    try:
        log.append([b"%d " % number + b"x" * 700])
        answered += 1
    except LogFull:
        refused += 1
log.close()
logged = [int(r.payload.split()[0]) for r in read_log(directory)]
assert len(set(logged)) == len(logged)
print(answered, refused, len(logged), log.tally.dropped)
"""


def fill(directory, full):
    command = [sys.executable, "-c", FILL, str(directory), full]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return map(int, done.stdout.split())


def test_on_a_full_disk_logged_and_counted_drops_are_all_that_was_answered(tiny_disk):
    if tiny_disk is None:  # no right to mount: the unit tests' faulty disk stands in for it
        return
    answered, refused, logged, dropped = fill(tiny_disk, "refuse")
    assert (answered, dropped) == (logged, 0)
    assert refused > 1_000
    for path in tiny_disk.iterdir():
        path.unlink()
    answered, refused, logged, dropped = fill(tiny_disk, "drop")
    assert (answered, refused) == (2_000, 0)
    assert logged + dropped == answered
    assert dropped > 1_000
