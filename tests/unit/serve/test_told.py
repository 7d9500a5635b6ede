"""Being told to stop by a signal."""

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from interlock.errors import OperatorError
from interlock.serve.told import told_by_signals
from interlock.serve.workers.waiting import until_told

RUNNING = SimpleNamespace(running=True, end_if_stuck=lambda: None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_tells_and_the_handler_from_before_comes_back(number):
    before = signal.getsignal(number)
    with told_by_signals() as told:
        assert not told.wait(0.0)
        os.kill(os.getpid(), number)
        assert told.wait(60.0)
        assert told.wait(60.0)
    assert signal.getsignal(number) is before


def test_signals_that_rain_into_the_waiting_itself_are_all_taken():
    with told_by_signals() as told:
        rain = threading.Thread(target=lambda: [os.kill(os.getpid(), 15) for _ in range(200)])
        rain.start()
        while rain.is_alive():
            told.wait(0.0)
        rain.join()
        assert told.wait(60.0)


def test_who_reads_that_the_service_answers_may_stop_it_at_once():
    until_told(RUNNING, lambda: os.kill(os.getpid(), signal.SIGINT))


def test_a_worker_that_ends_by_itself_is_told():
    ended = SimpleNamespace(
        running=False, stuck=False, said=lambda: "out of memory", end_if_stuck=lambda: None
    )
    with pytest.raises(OperatorError, match="the service ended") as raised:
        until_told(ended, lambda: None)
    assert raised.value.mistakes[0].code == "S107"
    assert raised.value.mistakes[0].got == "out of memory"


def test_one_that_hung_says_where_first():
    threads = "Thread 0x1:\n" + "  File x\n" * 99
    said = f"before\n{threads}Current thread 0x2:\n  File product.py, line 3 in age\n{threads}"
    hung = SimpleNamespace(running=False, stuck=True, said=lambda: said, end_if_stuck=lambda: None)
    with pytest.raises(OperatorError, match="the service hung and was ended") as raised:
        until_told(hung, lambda: None)
    where = "Current thread 0x2:\n  File product.py, line 3 in age\nThread"
    assert raised.value.mistakes[0].got.startswith(where)
