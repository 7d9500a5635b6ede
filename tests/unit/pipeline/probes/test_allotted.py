"""The time of a gate: parts are timed, the end kills, and what it cuts short is named."""

import re
import socket
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from interlock.apart import Apart, anything_hangs
from interlock.errors import OperatorError
from interlock.pipeline.probes.allotted import Allotted, Overdue


@pytest.fixture
def allotted():
    made = []

    def make(seconds, **options):
        made.append(Allotted(seconds, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


LARGE = 4 << 20  # bytes: more than waits between two sockets


def ending(gate, work):
    """What does that work; the end falls into it, and not before it on a busy machine."""

    def ends():
        threading.Timer(0.05, gate._insist).start()
        return work()

    return ends


def begun():
    raise AssertionError("it began")


def test_parts_are_told_of_and_timed(allotted):
    told = []
    gate = allotted(60, told=told.append)
    assert gate.part("start", lambda: "started") == "started"
    gate.part("parity", lambda: None)
    assert told == list(gate.parts) == ["start", "parity"]
    assert all(0 <= seconds < 60 for seconds in gate.parts.values())
    assert (gate.overdue, gate.over) == ("", False)
    assert 0 < gate.remaining <= 60


def test_what_the_end_falls_into_is_cut_short_and_nothing_after_it_begins(allotted):
    gate, killed = allotted(60), threading.Event()
    gate.ends(killed.set)
    with pytest.raises(Overdue):
        gate.part("load", ending(gate, lambda: killed.wait(30)))
    with pytest.raises(Overdue, match="faults: not begun"):
        gate.part("faults", begun)
    assert re.match(r"load: ended after \d+\.\d s", gate.overdue)
    assert list(gate.parts) == ["load"]


def test_an_error_of_what_was_killed_is_that_the_time_was_over(allotted):
    gate = allotted(0.0)
    late = allotted(60)

    def ended():
        raise OperatorError("S107", "the service ended before it was ready")

    with pytest.raises(OperatorError):
        late.part("start", ended)
    assert late.overdue == ""
    with pytest.raises(Overdue):
        gate.part("start", begun)


def test_what_is_started_after_the_end_is_killed_at_once(allotted):
    gate, killed = allotted(0.0), []
    seen = threading.Event()
    gate.ends(seen.set)
    assert seen.wait(30)
    gate.ends(lambda: killed.append(1))
    assert killed == [1]


def test_once_closed_nothing_is_killed(allotted):
    gate, killed = allotted(60), threading.Event()
    gate.ends(killed.set)
    gate.close()
    gate._timer.join(120)
    assert not killed.is_set()


def count_for_ever():
    """As a feature that counts to its argument, whose own faults are taken for the row's."""
    number = 0
    while True:
        with suppress(Exception):
            number += 1


def test_what_only_computes_is_stopped(allotted):
    gate = allotted(60)
    with pytest.raises(Overdue, match="edges: ended after"):
        gate.part("edges", ending(gate, count_for_ever))
    with pytest.raises(Overdue, match="latency: not begun"):
        gate.part("latency", begun)


def test_who_keeps_the_stop_to_himself_is_stopped_again(allotted, monkeypatch):
    monkeypatch.setattr("interlock.pipeline.probes.allotted._INSIST_SECONDS", 0.2)
    gate, kept = allotted(60), []

    def work():
        try:
            count_for_ever()
        except BaseException as error:  # noqa: BLE001 - as a library's callback may
            kept.append(error)
        count_for_ever()

    with pytest.raises(Overdue):
        gate.part("load", ending(gate, work))
    assert len(kept) == 1


def test_nothing_is_stopped_that_is_no_part(allotted):
    """The end falls before, into, or just after a part that is over at once, many times."""
    for number in range(300):
        gate = allotted(number / 100_000)
        with suppress(Overdue):
            for _ in range(20):
                gate.part("short", lambda: None)
        sum(range(2_000))
        gate.close()


def test_what_does_not_come_back_from_a_library_is_left_and_named(allotted, monkeypatch):
    gate, (near, far), after = allotted(60), socket.socketpair(), []

    def predict():
        near.sendall(bytes(LARGE))  # no step of Python until somebody has read it
        after.append("went on")

    class There(Apart):
        """The time is over once the call is in the library, and the grace is short."""

        def result(self, seconds):
            far.recv(1)
            gate._expire()
            return super().result(0.05)

    monkeypatch.setattr("interlock.pipeline.probes.allotted.Apart", There)
    with pytest.raises(Overdue, match=r"^edges: did not come back in \d+\.\d s from ") as late:
        gate.part("edges", predict)
    assert "predict (test_allotted.py:" in str(late.value)
    assert gate.overdue == str(late.value)
    with pytest.raises(Overdue, match="latency: not begun"):
        gate.part("latency", begun)
    (left,) = [thread for thread in threading.enumerate() if thread.name == "apart"]
    assert anything_hangs()
    read = 1
    while read < LARGE:
        read += len(far.recv(LARGE))
    left.join(60)
    assert not anything_hangs()
    assert after == [], "it is stopped as soon as it does come back"
    near.close()
    far.close()


FROZEN = """
import ctypes
import time
from interlock.pipeline.probes import allotted

def predict():
    ctypes.PyDLL(None).pause()  # and no other thread runs meanwhile

allotted._GRACE_SECONDS = allotted._FROZEN_SECONDS = 0.25
allotted.monotonic = lambda: 0.0  # a busy machine takes none of the time
def gate(seconds):
    made = allotted.Allotted(600)
    made._end = seconds
    return made
gate(0.2).part("parity", lambda: None)
time.sleep(0.8)  # until after that part would have been ended
print("goes on", flush=True)
gate(0.25).part("edges", predict)
"""


def test_where_no_thread_can_run_the_process_ends_and_says_where_it_hung():
    ran = subprocess.run(
        [sys.executable, "-c", FROZEN], capture_output=True, text=True, timeout=240, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "goes on\n")
    assert ran.stderr.startswith("Timeout (0:00:0")
    assert "in predict\n" in ran.stderr


INTERRUPTED = """
import os, signal, threading
from interlock.apart import anything_hangs
from interlock.pipeline.probes.allotted import Allotted

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
gate = Allotted(600)
gate.ends(lambda: print("killed"))

def count():
    threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT]).start()
    while True:
        pass

try:
    gate.part("edges", count)
except KeyboardInterrupt:
    print(anything_hangs())
gate.close()
"""


def test_who_interrupts_the_gate_stops_its_part_and_what_it_started():
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "killed\nFalse\n", "")


@pytest.mark.parametrize("work", ["None", "for_ever()"])
def test_nothing_pends_afterwards_that_keeps_a_traced_function_from_beginning(work):
    code = f"""
import itertools, sys
from interlock.pipeline.probes.allotted import Allotted, Overdue

def for_ever():
    for _ in itertools.count():
        pass

gate = Allotted(0.05)
try:
    gate.part("short", lambda: {work})
    print("in time")
except Overdue:
    print("stopped")
gate.close()
sys.settrace(lambda frame, event, argument: None)
(lambda: None)()
print("traced")
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert done.stdout.split("\n")[1] == "traced"
