"""The time of a gate: parts are timed, the end kills, and what it cuts short is named."""

import threading
from contextlib import suppress

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


def count_for_ever():
    """As a feature that counts to its argument, whose own faults are taken for the row's."""
    number = 0
    while True:
        with suppress(Exception):
            number += 1


def test_what_only_computes_is_stopped(allotted):
    gate = allotted(0.05)
    with pytest.raises(Overdue, match="edges: ended after"), gate.part("edges"):
        count_for_ever()
    with pytest.raises(Overdue, match="latency: not begun"), gate.part("latency"):
        raise AssertionError("it began")


def test_what_computes_in_another_thread_than_the_first_is_stopped(allotted):
    gate, ended = allotted(0.05), []

    def work():
        with pytest.raises(Overdue), gate.part("edges"):
            count_for_ever()
        ended.append(True)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(30)
    assert ended == [True]


def test_who_keeps_the_stop_to_himself_is_stopped_again(allotted, monkeypatch):
    monkeypatch.setattr("interlock.pipeline.probes.allotted._INSIST_SECONDS", 0.2)
    gate, kept = allotted(0.05), []

    def work():
        try:
            count_for_ever()
        except BaseException as error:  # noqa: BLE001 - as a library's callback may
            kept.append(error)
        count_for_ever()

    with pytest.raises(Overdue), gate.part("load"):
        work()
    assert len(kept) == 1


def test_nothing_is_stopped_that_is_no_part(allotted):
    """The end falls before, into, or just after a part that is over at once, many times."""
    for number in range(300):
        gate = allotted(number / 100_000)
        with suppress(Overdue):
            for _ in range(20):
                with gate.part("short"):
                    pass
        sum(range(2_000))
        gate.close()
