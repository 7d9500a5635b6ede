"""A service that runs: waiting for what it comes to, and finding its processes."""

import contextlib
import json
import time
from pathlib import Path


def wait_for(condition, seconds=60, *, through=()):
    """What the condition finds, waited for; an error ``through`` which to wait is no answer yet.

    Raises AssertionError when it finds nothing in time.
    """
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(*through):
            if found := condition():
                return found
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def workers_of(parent):
    """The living processes that the process started, by the names of their workers.

    One that is only being started has the command line of its parent, whose plan is of no group.
    """
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, of = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(of) == parent and state != "Z":
                plan = Path((place / "cmdline").read_bytes().split(b"\0")[3].decode())
                told = json.loads(plan.read_bytes())
                if told["group"] is not None:
                    found[told["worker"]] = int(place.name)
    return found
