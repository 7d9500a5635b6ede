"""Failures that become too frequent: seldom claimed where they are not, soon where they are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.stats.onset import Onset

ENOUGH = 1e6


def onset_of(trials, tolerated=0.01):
    onset = Onset(tolerated=tolerated)
    for failed in trials:
        onset.add(bool(failed))
    return onset


def first_alarm(trials):
    """After how many trials the evidence is enough; None if it never is."""
    onset = Onset(tolerated=0.01)
    for failed in trials:
        onset.add(bool(failed))
        if onset.evidence >= ENOUGH:
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


def test_long_runs_at_what_is_tolerated_raise_no_alarm():
    courses = np.random.default_rng(1).random((100, 5_000)) < 0.01
    assert [first_alarm(course) for course in courses] == [None] * 100


@pytest.mark.parametrize(("before", "failures"), [(0, 4), (10, 5), (1_000, 8), (100_000, 10)])
def test_one_that_begins_to_fail_is_found_soon_also_after_a_long_good_time(before, failures):
    assert first_alarm([0] * before + [1] * 20) == before + failures


def test_one_failure_in_ten_is_found_and_one_now_and_then_is_not():
    assert first_alarm(([0] * 9 + [1]) * 100) < 200
    assert first_alarm(([0] * 199 + [1]) * 100) is None


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 59))
def test_a_failure_in_place_of_a_success_never_lowers_it(trials, place):
    if place < len(trials):
        worse = [*trials[:place], True, *trials[place + 1 :]]
        assert onset_of(worse).evidence >= onset_of(trials).evidence


@pytest.mark.parametrize("tolerated", [0.0, 0.03, 1.0, float("nan")])
def test_what_it_cannot_mean_is_refused(tolerated):
    with pytest.raises(ValueError, match="tolerated"):
        Onset(tolerated=tolerated)
