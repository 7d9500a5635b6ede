"""A process that compacts is killed again and again: every record stays, and none comes twice."""

import random
import subprocess
import sys
import time

import pytest

from interlock.clock import DAY
from interlock.serve.log.archive import archive_for
from interlock.serve.log.compaction import compact
from interlock.serve.log.erasing import apply, begin, end, of_unit
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.log.record import Record, read_record, record_bytes
from interlock.serve.log.shipping import locked, read_all, ship
from interlock.serve.log.view import Asked, viewed

FIRST = 1_717_200_000_000_000
KILLS = 4
COMPACTS = """
import sys
from pathlib import Path
from interlock.serve.log.archive import archives
from interlock.serve.log.compaction import compact
import deltalake, pyarrow.dataset
print("ready", flush=True)
compact(Path(sys.argv[1]), before=2**51)
"""


def rows(log):
    return sorted((e.worker, e.segment, e.offset, e.payload) for e in read_all(log))


def shipped(log, kind, days):
    for day in days:
        with PredictionLog.open(log, "w0", LogOptions(segment_bytes=5_000)) as writer:
            for n in range(150):
                known = {"id": f"{day}-{n}", "time": FIRST + day * DAY + n, "product": "p"}
                writer.append([record_bytes(Record(**known, status=200, entity=(n % 7,)))])
    with PredictionLog.open(log, "w0"), locked(log, alone=True):
        ship(log, archive_for(log, kind, log.parent / kind))


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_killed_at_random_moments(tmp_path, kind):
    log, chance, killed = tmp_path / "log", random.Random(7), 0
    for turn in range(KILLS):
        shipped(log, kind, range(2 * turn, 2 * turn + 2))
        known = rows(log)
        process = subprocess.Popen(
            [sys.executable, "-c", COMPACTS, str(log)], stdout=subprocess.PIPE
        )
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0, 0.25))
        process.kill()
        killed += process.wait() != 0
        process.stdout.close()
        assert rows(log) == known
        with viewed(log) as view:
            assert view.count(Asked()) == len(known)
    assert killed, "they all ended before they were killed"
    with locked(log, alone=True):
        apply(log, begin(log, of_unit(("3",)), "log.erased", {}))
        end(log)
    left = [row for row in known if read_record(row[3]).entity != (3,)]
    assert len(left) < len(known)
    assert rows(log) == left
    compact(log, before=2**51)
    assert rows(log) == left
