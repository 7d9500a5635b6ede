import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from interlock.evaluate.judge import Limit, exact, judge
from interlock.verdict import Interval, Verdict

numbers = st.floats(-1e9, 1e9)


@given(numbers, numbers, numbers, st.booleans())
def test_the_law_of_the_judge(one, other, limit, strict):
    low, high = sorted((one, other))
    verdict = judge(Interval(low=low, high=high), Limit(at_most=limit, strict=strict))
    assert (verdict is Verdict.PASSED) == (high < limit or (high == limit and not strict))
    assert (verdict is Verdict.FAILED) == (low > limit or (low == limit and strict))


@given(numbers, numbers, numbers, st.booleans())
def test_at_least_is_at_most_in_a_mirror(one, other, limit, strict):
    low, high = sorted((one, other))
    assert judge(Interval(low=low, high=high), Limit(at_least=limit, strict=strict)) is judge(
        Interval(low=-high, high=-low), Limit(at_most=-limit, strict=strict)
    )


@given(numbers, numbers, numbers, numbers, st.booleans())
def test_two_limits_are_both_limits_at_once(one, other, first, second, strict):
    """Equivalence is two one-sided questions: passed where both pass, failed where one fails."""
    low, high = sorted((one, other))
    at_least, at_most = sorted((first, second))
    assume(at_least < at_most)
    interval = Interval(low=low, high=high)
    apart = {
        judge(interval, Limit(at_least=at_least, strict=strict)),
        judge(interval, Limit(at_most=at_most, strict=strict)),
    }
    both = judge(interval, Limit(at_least=at_least, at_most=at_most, strict=strict))
    assert (both is Verdict.PASSED) == (apart == {Verdict.PASSED})
    assert (both is Verdict.FAILED) == (Verdict.FAILED in apart)


@pytest.mark.parametrize(
    "interval",
    [
        None,
        Interval(low=math.nan, high=1.0),
        Interval(low=0.0, high=math.nan),
        Interval(low=-math.inf, high=0.0),
        Interval(low=0.0, high=math.inf),
        Interval(low=1.0, high=0.0),
    ],
)
@pytest.mark.parametrize(
    "limit", [Limit(at_most=5.0), Limit(at_least=-5.0), Limit(at_least=-5.0, at_most=5.0)]
)
def test_an_interval_that_is_none_is_an_error(interval, limit):
    assert judge(interval, limit) is Verdict.ERROR


@pytest.mark.parametrize(
    "sides",
    [
        {},
        {"at_most": 1.0, "at_least": 1.0},
        {"at_most": 0.0, "at_least": 1.0},
        {"at_most": math.nan},
        {"at_least": math.inf},
        {"at_most": 1.0, "at_least": math.nan},
    ],
)
def test_a_limit_that_is_none_is_refused(sides):
    with pytest.raises(ValueError, match="a limit"):
        Limit(**sides)


@pytest.mark.parametrize(
    ("limit", "glyph"),
    [
        (Limit(at_most=1), "≤"),
        (Limit(at_most=1, strict=True), "<"),
        (Limit(at_least=1), "≥"),
        (Limit(at_least=1, strict=True), ">"),
        (Limit(at_least=1, at_most=2), "in"),
    ],
)
def test_a_limit_shows_its_side(limit, glyph):
    assert limit.glyph == glyph
    assert judge(exact(1.0), limit) is (Verdict.FAILED if limit.strict else Verdict.PASSED)
