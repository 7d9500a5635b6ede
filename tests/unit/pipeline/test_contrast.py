"""Two releases on the same rows: which rows they disagree on most, and what each said."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evaluate.predicted import Predicted
from interlock.pipeline import contrast as module
from interlock.pipeline.contrast import Said, contrast
from interlock.pipeline.judging.champion_score import ChampionScore

NUMBERS = st.floats(1, 1e6)


def pair(before, after):
    return Predicted(np.array(before, dtype=float)), Predicted(np.array(after, dtype=float))


def ranked(before, after, *, relative=False, both=None):
    chosen = np.ones(len(before), dtype=bool) if both is None else np.array(both)
    return list(module._ranked(pair(before, after), chosen, relative=relative))


def test_the_largest_difference_comes_first_and_equal_answers_not_at_all():
    assert ranked([10, 20, 30, 40], [10, 25, 20, 41]) == [(2, -10), (1, 5), (3, 1)]


def test_shares_count_alike_in_both_directions():
    found = ranked([100, 100, 100], [50, 200, 120], relative=True)
    assert [place for place, _ in found] == [0, 1, 2]
    assert [size for _, size in found] == pytest.approx([-0.5, 1.0, 0.2])


def test_of_classes_it_is_the_probability_that_would_have_to_move():
    before = [[0.7, 0.2, 0.1], [0.5, 0.5, 0.0]]
    after = [[0.6, 0.2, 0.2], [0.1, 0.5, 0.4]]
    found = ranked(before, after)
    assert [place for place, _ in found] == [1, 0]
    assert [size for _, size in found] == pytest.approx([0.4, 0.1])


def test_rows_that_one_does_not_answer_are_left_out():
    assert ranked([1, np.nan, 3], [2, 9, 9], both=[True, False, False]) == [(0, 1)]
    assert ranked([1, np.nan], [1, 2]) == []


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.booleans())
def test_who_is_asked_first_changes_the_sign_and_not_the_order(rows, relative):
    before, after = map(list, zip(*rows, strict=True))
    there = ranked(before, after, relative=relative)
    back = ranked(after, before, relative=relative)
    assert {place for place, _ in there} == {place for place, _ in back}
    sizes = dict(back)
    for place, size in there:
        assert (size > 0) == (sizes[place] < 0)


def test_a_class_is_said_with_its_own_probability():
    odds = Predicted(np.array([[0.7, 0.3]]), np.array([1]))
    assert module._said(odds, 0, ("on time", "late")) == Said(value="late", probability=0.3)
    assert module._said(Predicted(np.array([5.0])), 0, ()) == Said(value=5.0)


class Named(str):
    """A release that is no more than its name and what it answers."""

    answer: dict

    def json(self, name):
        assert name == "answer.json"
        return self.answer


def test_rows_that_one_does_not_cover_are_counted_and_not_compared(
    bench, monkeypatch, small_release
):
    """An estimate beyond the coverage is no answer: on it releases may disagree as they like."""
    Named.answer = json.loads(small_release.bundle_files("ridge")["answer.json"])

    def score(bundle, requests, instants, taken, **more):
        said, covered = np.full(len(instants), 10.0), np.ones(len(instants), dtype=bool)
        if bundle == "new":
            said[0], covered[0] = 1_000.0, False
        away = frozenset(np.flatnonzero(~covered).tolist())
        return ChampionScore(prediction=Predicted(said), comparable=covered, not_covered=away)

    monkeypatch.setattr(module, "score_champion", score)
    found = contrast(bench.context(), Named("old"), Named("new"), labels=("1.0.0", "1.1.0"), most=3)
    assert (found.not_covered, found.both) == ((0, 1), found.rows - 1)
    assert found.disagreements == ()


def test_a_release_that_cannot_answer_is_named_with_the_reason(bench, monkeypatch):
    def score(bundle, requests, instants, taken, **more):
        none = np.zeros(len(instants), dtype=bool)
        if bundle == "old":
            return ChampionScore(prediction=None, comparable=none, reason="its classes are others")
        return ChampionScore(prediction=Predicted(np.ones(len(instants))), comparable=~none)

    monkeypatch.setattr(module, "score_champion", score)
    found = contrast(bench.context(), "old", "new", labels=("1.0.0", "1.1.0"), most=3)
    assert found.reason == "1.0.0 cannot answer these rows: its classes are others"
    assert (found.metrics, found.disagreements) == ((), ())
    assert found.rows > 0
