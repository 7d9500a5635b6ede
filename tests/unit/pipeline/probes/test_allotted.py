"""The time of a gate: parts are timed, the end kills, and what it cuts short is named."""

import threading

import pytest

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


def test_parts_are_told_of_and_timed(allotted):
    told = []
    gate = allotted(60, told=told.append)
    with gate.part("start"):
        pass
    with gate.part("parity"):
        pass
    assert told == list(gate.parts) == ["start", "parity"]
    assert all(0 <= seconds < 60 for seconds in gate.parts.values())
    assert (gate.overdue, gate.over) == ("", False)
    assert 0 < gate.remaining <= 60


def test_what_the_end_falls_into_is_cut_short_and_nothing_after_it_begins(allotted):
    gate, killed = allotted(0.05), threading.Event()
    gate.ends(killed.set)
    with pytest.raises(Overdue), gate.part("load"):
        assert killed.wait(30)
    with pytest.raises(Overdue, match="faults: not begun"), gate.part("faults"):
        raise AssertionError("it began")
    assert gate.overdue.startswith("load: ended after 0.")
    assert list(gate.parts) == ["load"]


def test_an_error_of_what_was_killed_is_that_the_time_was_over(allotted):
    gate = allotted(0.0)
    late = allotted(60)
    with pytest.raises(OperatorError), late.part("start"):
        raise OperatorError("S107", "the service ended before it was ready")
    assert late.overdue == ""
    with pytest.raises(Overdue), gate.part("start"):
        raise AssertionError("it began")


def test_what_is_started_after_the_end_is_killed_at_once(allotted):
    gate, killed = allotted(0.0), []
    seen = threading.Event()
    gate.ends(seen.set)
    assert seen.wait(30)
    gate.ends(lambda: killed.append(1))
    assert killed == [1]


def test_once_closed_nothing_is_killed(allotted):
    gate, killed = allotted(0.05), threading.Event()
    gate.ends(killed.set)
    gate.close()
    assert not killed.wait(0.2)
