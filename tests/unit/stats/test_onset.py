"""Failures that become too frequent: seldom claimed where they are not, soon where they are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.stats.onset import Onset

ENOUGH = 1e6
FRESH = Onset(tolerated=0.01)


def onset_of(trials):
    onset = FRESH
    for failed in trials:
        onset = onset.after(1, int(failed))
    return onset


def first_alarm(trials, enough=ENOUGH):
    """After how many trials the evidence is enough; None if it never is."""
    onset = FRESH
    for place in np.flatnonzero(trials):
        onset = onset.after(int(place) + 1 - onset.n, 1)
        if onset.evidence >= enough:
            return onset.n
    return None


@pytest.mark.parametrize("p", [0.0, 0.004, 0.01])
def test_its_expectation_is_at_most_one_where_no_more_than_tolerated_fail(p):
    """Over all courses of twelve trials, each with its probability."""
    expected = sum(
        p ** sum(trials) * (1 - p) ** (12 - sum(trials)) * onset_of(trials).evidence
        for trials in product([0, 1], repeat=12)
    )
    assert 0 < expected <= 1


@pytest.mark.parametrize("lots", [(12,), (1, 1, 10), (5, 7), (3, 3, 3, 3)])
def test_so_where_they_come_some_at_a_time(lots):
    expected = 0.0
    for trials in product([0, 1], repeat=12):
        onset, start = FRESH, 0
        for lot in lots:
            onset = onset.after(lot, sum(trials[start : start + lot]))
            start += lot
        expected += 0.01 ** sum(trials) * 0.99 ** (12 - sum(trials)) * onset.evidence
    assert 0 < expected <= 1


def test_where_what_fails_depends_on_what_came_before():
    """Failures come in bursts, and each is as likely as is tolerated: expected is one at most."""

    def expected(onset, calm, left):
        if not left:
            return onset.evidence
        p = 0.01 if calm else 0.0
        after = expected(onset.after(1), not calm, left - 1)
        return (1 - p) * after + (p * expected(onset.after(1, 1), True, left - 1) if p else 0.0)

    assert 0 < expected(FRESH, True, 12) <= 1


def test_long_runs_at_what_is_tolerated_raise_an_alarm_as_seldom_as_said():
    courses = np.random.default_rng(1).random((200, 5_000)) < 0.01
    assert [first_alarm(course) for course in courses] == [None] * 200
    assert sum(first_alarm(course, enough=20) is not None for course in courses) <= 20


@pytest.mark.parametrize(("before", "failures"), [(0, 4), (10, 6), (1_000, 6), (10**8, 6)])
def test_one_that_begins_to_fail_is_found_soon_also_after_a_long_good_time(before, failures):
    onset = FRESH.after(before)
    for _ in range(failures):
        assert onset.evidence < ENOUGH
        onset = onset.after(1, 1)
    assert onset.evidence >= ENOUGH


def test_one_failure_in_ten_is_found_and_one_now_and_then_is_not():
    assert first_alarm(([0] * 9 + [1]) * 100) == 110
    assert first_alarm(([0] * 199 + [1]) * 500) is None


@given(st.lists(st.booleans(), max_size=60), st.data())
def test_trials_without_a_failure_may_be_counted_at_any_time(trials, data):
    """What is counted, not how often one looked: but for a moment after each lot that failed."""
    onset, waiting = FRESH, 0
    for failed in trials:
        if failed or data.draw(st.booleans()):
            onset, waiting = onset.after(waiting + 1, int(failed)), 0
        else:
            waiting += 1
    onset, whole = onset.after(waiting), onset_of(trials)
    assert (onset.n, onset.failures, onset.moments) == (whole.n, whole.failures, whole.moments)
    assert onset.sums == pytest.approx(whole.sums, rel=1e-9)


@given(st.lists(st.booleans(), max_size=60))
def test_a_failure_always_raises_it_and_a_success_never_does(trials):
    onset = onset_of(trials)
    assert onset.after(1, 1).evidence > 3 * onset.evidence * 0.999_999
    assert onset.after(1).evidence <= onset.evidence


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.data())
def test_a_failure_in_place_of_a_success_makes_later_ones_count_a_third_at_least(trials, data):
    """It is a moment more, so those after it have a smaller weight: w(j + 1) ≥ w(j) / 3."""
    place = data.draw(st.integers(0, len(trials) - 1))
    worse = [*trials[:place], True, *trials[place + 1 :]]
    assert onset_of(worse).evidence >= onset_of(trials).evidence / 3 * 0.999_999


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=20))
def test_it_is_a_number_whatever_comes(lots):
    onset = FRESH
    for n, failures in lots:
        onset = onset.after(max(n, failures), min(n, failures))
        assert 0 <= onset.evidence < float("inf")


@pytest.mark.parametrize("tolerated", [0.0, 0.03, 1.0, float("nan")])
def test_what_it_cannot_mean_is_refused(tolerated):
    with pytest.raises(ValueError, match="tolerated"):
        Onset(tolerated=tolerated)


@pytest.mark.parametrize(
    "state",
    [
        {"n": -1},
        {"n": 1, "failures": 2},
        {"n": 1, "failures": 1, "moments": 3},
        {"moments": 0},
        {"sums": (0.5, 0.5)},
        {"sums": (0.5, 0.5, float("nan"))},
        {"sums": (0.5, 0.5, -1.0)},
    ],
)
def test_so_is_what_no_evidence_can_be(state):
    with pytest.raises(ValueError, match="no evidence"):
        Onset(tolerated=0.01, **state)


@pytest.mark.parametrize(("n", "failures"), [(-1, 0), (1, 2), (1, -1)])
def test_so_are_trials_that_cannot_be(n, failures):
    with pytest.raises(ValueError, match="failures"):
        FRESH.after(n, failures)
