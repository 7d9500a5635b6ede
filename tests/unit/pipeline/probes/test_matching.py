"""What a consumer may expect of an answer."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.pipeline.probes.matching import mismatches

ANSWER = {"prediction": 104.0, "unit": "USD", "covered": True, "interval": {"low": 90, "high": 120}}


@pytest.mark.parametrize(
    "expected",
    [
        {},
        ANSWER,
        {"prediction": {"$type": "number"}, "covered": {"$type": "boolean"}},
        {"prediction": {"$near": 100, "$within": "5%"}},
        {"prediction": {"$near": 100, "$within": 4}},
        {"interval": {"low": {"$between": [80, 90]}}},
        {"unit": {"$one_of": ["EUR", "USD"]}},
        {"unit": {"$matches": "[A-Z]{3}"}},
    ],
)
def test_it_matches(expected):
    assert mismatches(expected, ANSWER) == []


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"price": 1}, "price: is not there"),
        ({"covered": 1}, "covered: expected 1, got true"),
        ({"prediction": {"$near": 100, "$within": "3%"}}, "prediction: expected"),
        ({"prediction": {"$near": 100, "$within": "about"}}, "prediction: expected"),
        ({"prediction": {"$type": "text"}}, "prediction: expected"),
        ({"prediction": {"$typo": "number"}}, "prediction: expected"),
        ({"prediction": {"$type": "number", "$near": 104, "$within": 1}}, "prediction: expected"),
        ({"interval": {"low": {"$between": [91, 99]}}}, "interval.low: expected"),
        ({"unit": {"$matches": "U"}}, "unit: expected"),
        ([ANSWER], "the answer: expected"),
    ],
)
def test_it_says_what_does_not_match(expected, said):
    (found,) = mismatches(expected, ANSWER)
    assert found.startswith(said)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
        ),
    )
)
def test_every_answer_matches_itself(value):
    assert mismatches(value, value) == []


def test_no_number_is_near_what_is_none():
    assert mismatches({"$near": 1, "$within": 1e9}, math.nan)
    assert mismatches({"$near": math.nan, "$within": 1e9}, 1.0)
