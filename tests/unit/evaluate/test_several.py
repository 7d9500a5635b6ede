import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.evaluate.judge import Limit, judge
from interlock.evaluate.several import Question, answered
from interlock.verdict import Verdict

RNG = np.random.default_rng(4)


def _asked(excess, units=1_000):
    return Question(excess=excess, resampled=excess + RNG.normal(size=2_000), units=units)


@given(st.lists(st.floats(-6, 6), max_size=12))
@settings(max_examples=30, deadline=None)
def test_an_answer_is_that_of_the_interval_or_more_careful(excesses):
    for answer in answered([_asked(e) for e in excesses]):
        alone = judge(answer.interval, Limit(at_most=0.0))
        assert answer.verdict in (alone, Verdict.INCONCLUSIVE)
        assert answer.verdict is alone or alone is Verdict.FAILED
        assert (answer.verdict is Verdict.FAILED) == (alone is Verdict.FAILED and answer.q <= 0.05)
        assert answer.p <= answer.q


def test_many_harmless_questions_seldom_raise_an_alarm():
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(200):
        estimates = rng.normal(size=40)  # nothing is beyond what is allowed
        asked = [
            Question(excess=e, resampled=e + rng.normal(size=400), units=1_000) for e in estimates
        ]
        alarms += any(a.verdict is Verdict.FAILED for a in answered(asked))
    assert alarms / 200 <= 0.06


def test_one_bad_part_among_hundreds_is_found():
    found = answered([_asked(8.0), *[_asked(-2.0) for _ in range(400)]])
    assert found[0].verdict is Verdict.FAILED


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_undefined_excess_is_an_error(bad):
    (found,) = answered([Question(excess=bad, resampled=np.full(2_000, bad), units=100)])
    assert found.verdict is Verdict.ERROR
