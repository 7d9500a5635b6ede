"""Work on other threads keeps the order of what it was given, and holds little of it."""

import threading

import pytest

from interlock.apart import anything_hangs
from interlock.serve.batch.scoring import in_order, scoring_threads


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
def test_results_stand_beside_their_items_in_order(threads):
    assert list(in_order(range(20), lambda n: n * n, threads=threads)) == [
        (n, n * n) for n in range(20)
    ]
    assert not anything_hangs()


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_items_are_made_than_threads_and_one(threads):
    made = []

    def items():
        for n in range(20):
            made.append(n)
            yield n

    for used, _ in in_order(items(), lambda n: n, threads=threads):
        assert len(made) - used <= threads + 1


def test_items_are_made_on_the_callers_thread_and_worked_on_others():
    here = threading.get_ident()
    items = (threading.get_ident() for _ in range(5))
    for made, worked in in_order(items, lambda _: threading.get_ident(), threads=2):
        assert made == here != worked


def test_what_work_raises_comes_in_the_items_turn():
    results = in_order([2, 1, 0, 1], lambda n: 1 / n, threads=2)
    assert [next(results), next(results)] == [(2, 0.5), (1, 1.0)]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_the_items_raise_ends_the_work():
    def items():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(items(), lambda n: n, threads=1))


def test_a_model_in_its_librarys_own_code_is_asked_by_one_thread():
    assert scoring_threads(object()) == 1


def test_who_is_interrupted_does_not_wait_for_a_model_that_hangs():
    begun, go_on = threading.Event(), threading.Event()

    def hang(_):
        begun.set()
        assert go_on.wait(60)

    def items():
        yield 1
        assert begun.wait(60)
        raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            list(in_order(items(), hang, threads=1))
        assert anything_hangs(), "so that the process does not wait for it either"
    finally:
        go_on.set()
