import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.train.answer import AnswerSpec, answer, answer_one
from interlock.train.decision import Decision

COSTS = ((0.0, 1.0, 9.0), (1.0, 0.0, 9.0), (5.0, 5.0, -0.5))
shares = st.floats(0, 1)
any_shares = st.one_of(shares, st.sampled_from([0.0, 1.0, 0.3, math.nan]))


@given(st.lists(any_shares, min_size=1, max_size=30), shares)
@settings(max_examples=200, deadline=None)
def test_a_threshold_decides_many_rows_as_it_decides_one(second, threshold):
    odds = np.column_stack([1 - np.array(second), second])
    decision = Decision(threshold=threshold)
    found = decision.classes(odds)
    assert found.tolist() == [decision.class_one(tuple(row)) for row in odds.tolist()]
    known = ~np.isnan(odds[:, 1])
    assert (found[known] == (odds[known, 1] >= threshold)).all()


@given(st.lists(st.tuples(any_shares, any_shares, any_shares), min_size=1, max_size=30))
@settings(max_examples=200, deadline=None)
def test_costs_decide_many_rows_as_they_decide_one(rows):
    odds, decision = np.array(rows), Decision(costs=COSTS)
    found = decision.classes(odds)
    assert found.tolist() == [decision.class_one(row) for row in rows]
    for row, place in zip(odds, found, strict=True):
        if np.isfinite(row).all():
            expected = row @ np.array(COSTS)
            assert expected[place] <= expected.min() + 1e-12


@pytest.mark.parametrize("decision", [Decision(threshold=0.21), Decision(costs=((0, 3), (2, 0)))])
def test_a_release_answers_by_its_decision_and_keeps_its_probabilities(decision):
    plain = AnswerSpec(task="binary", link="logit", classes=(False, True))
    decided = AnswerSpec(task="binary", link="logit", classes=(False, True), decision=decision)
    raw = np.linspace(-3, 3, 101)[:, None]
    before, after = answer(raw, plain), answer(raw, decided)
    assert (before.probabilities == after.probabilities).all()
    assert (before.value != after.value).any()
    for number, row in enumerate(raw.tolist()):
        one = answer_one(row, decided)
        assert one.value == after.value[number]
        assert one.probabilities == tuple(after.probabilities[number].tolist())


@pytest.mark.parametrize(
    "decision", [None, Decision(threshold=0.21), Decision(costs=((0.0, 3.0), (2.0, 0.0)))]
)
def test_a_decision_survives_being_written_down(decision):
    spec = AnswerSpec(task="binary", link="logit", classes=(False, True), decision=decision)
    row = json.loads(json.dumps(spec.to_row()))
    assert AnswerSpec.from_row(row) == spec
    assert ("decision" in row) == (decision is not None)


def test_the_spec_of_an_old_bundle_still_loads():
    row = {
        "task": "binary",
        "link": "logit",
        "transform": None,
        "classes": [False, True],
        "interval": None,
    }
    spec = AnswerSpec.from_row(row)
    assert spec.decision is None
    assert spec.to_row() == row
    assert answer_one([0.1], spec).value == 1


@pytest.mark.parametrize("parts", [{}, {"threshold": 0.5, "costs": ((0.0, 1.0), (1.0, 0.0))}])
def test_a_decision_is_one_thing_or_the_other(parts):
    with pytest.raises(ValueError, match="either a threshold or costs"):
        Decision(**parts)
