"""A call apart: its result, its error, its context; and one that does not come back."""

import os
import subprocess
import sys
from contextvars import ContextVar
from decimal import Decimal

import pytest

from interlock.apart import Apart, Hangs, anything_hangs

ASKED = ContextVar("ASKED", default="nobody")


def test_what_a_call_gives_or_raises_is_had_as_if_it_had_been_made_here():
    assert Apart(lambda: Decimal(2) + 2).result(60) == 4
    with pytest.raises(ZeroDivisionError):
        Apart(lambda: 1 // 0).result(60)
    with pytest.raises(SystemExit):
        Apart(sys.exit).result(60)
    assert not anything_hangs()


def test_it_sees_the_context_of_who_asked():
    token = ASKED.set("the gate")
    try:
        assert Apart(ASKED.get).result(60) == "the gate"
    finally:
        ASKED.reset(token)


def test_one_that_does_not_come_back_is_named_and_may_come_back_later():
    out, into = os.pipe()

    def waits():
        return os.read(out, 1)

    call = Apart(waits)
    with pytest.raises(Hangs, match=r"waits \(test_apart\.py:\d+\)$"):
        call.result(0.05)
    assert anything_hangs()
    os.write(into, b"1")
    assert call.result(60) == b"1"
    assert not anything_hangs()
    os.close(out)
    os.close(into)


INTERRUPTED = """
import random, signal, time
from interlock.apart import Apart

class Stop(BaseException):
    pass

def stop(number, frame):
    if waiting:
        raise Stop

signal.signal(signal.SIGALRM, stop)
stopped = 0
for _ in range(1_000):
    call = Apart(lambda: time.sleep(0.003))
    try:
        waiting = True
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 6e-5))
        call.wait(60)
        waiting = False
    except Stop:
        stopped += 1
    assert call.wait(60)
print("often" if stopped > 500 else stopped)
"""


def test_whoever_is_interrupted_anywhere_in_a_wait_can_wait_again():
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("often\n", "")


COMMAND = """
import os
from concurrent.futures import ThreadPoolExecutor
from interlock.apart import Apart, Hangs
from interlock.cli import main

def hang():
    with ThreadPoolExecutor(1) as threads:  # whose end the interpreter waits for
        threads.submit(os.read, os.pipe()[0], 1).result()

def run(arguments):
    print("told", end="")
    try:
        Apart(hang).result(0.1)
    except Hangs:
        return 3

main.run = run
main.main()
"""


def test_a_command_ends_though_a_call_hangs_and_says_all_it_had_to():
    ran = subprocess.run(
        [sys.executable, "-c", COMMAND], capture_output=True, text=True, timeout=240, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "told", "")
