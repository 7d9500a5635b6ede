"""Whether a process goes on, by what it says of itself and by when its parent looks."""

import os
import signal
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_runs import wait_for

from interlock.serve.plan import Limits
from interlock.serve.workers import process as module
from interlock.serve.workers.process import start
from interlock.serve.workers.pulse import Pulse, heard


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e4)), max_size=30))
def test_no_silence_is_longer_than_it_was_nor_than_it_was_looked_at(looks):
    pulse, now, last, since = Pulse(seconds=1.0), 0.0, None, 0
    for beat, passed in looks:
        now += passed
        since = 0 if beat else since + 1
        last = now if beat else last
        silent = pulse.silent(beat=beat, now=now)
        assert 0 <= silent <= since
        assert silent <= (0.0 if last is None else now - last) + 1e-6
        assert (silent == 0) or not beat


def test_one_that_must_be_heard_of_is_missed_from_the_first_look_on():
    pulse = Pulse(seconds=1.0, since=5.0)
    assert [pulse.silent(beat=False, now=now) for now in (5.5, 6.0, 9.0)] == [0.5, 1.0, 2.0]


def test_what_was_heard_is_heard_once():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    assert not heard(reading)
    os.write(writing, b"\n" * 10_000)
    assert (heard(reading), heard(reading)) == (True, False)
    os.close(writing)
    assert not heard(reading)
    os.close(reading)


LOOPS = """
import faulthandler, signal, sys
{first}
print("ready http://127.0.0.1:1", flush=True)
sys.stdin.readline()
def loops():
    print(flush=True)
    while True:
        pass
loops()
"""


@pytest.mark.parametrize(
    ("first", "status", "words"),
    [
        ("faulthandler.enable(2)", -signal.SIGABRT, "in loops"),
        ("signal.signal(signal.SIGABRT, signal.SIG_IGN)", -signal.SIGKILL, ""),
    ],
)
def test_one_that_is_stuck_is_ended_and_shows_where_if_it_can(
    support, tmp_path, monkeypatch, first, status, words
):
    (tmp_path / "loops.py").write_text(LOOPS.format(first=first))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(module, "ABORT_SECONDS", 0.2 if status == -signal.SIGKILL else 60.0)
    plan = support.plan_for(tmp_path, limits=Limits(stuck_seconds=0.3))
    with start(plan, module="loops") as service:
        service.process.stdin.write(b"\n")
        service.process.stdin.flush()
        wait_for(lambda: service.end_if_stuck() or not service.running)
        assert (service.stuck, service.stop()) == (True, status)
        assert words in service.said()


def test_one_that_never_said_that_it_goes_on_is_not_missed(support, tmp_path, monkeypatch):
    (tmp_path / "silent.py").write_text(
        "import sys\nprint('ready http://127.0.0.1:1', flush=True)\nsys.stdin.read()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    clock, now = module.clock, iter(range(10_000))
    with start(support.plan_for(tmp_path), module="silent") as service:
        monkeypatch.setattr(module, "clock", type(sys)("clock"))
        module.clock.monotonic = lambda: float(next(now))
        for _ in range(200):
            service.end_if_stuck()
        monkeypatch.setattr(module, "clock", clock)
        assert (service.stuck, service.running) == (False, True)
        service.process.stdin.close()
        service.process.wait(60)
