from __future__ import annotations

import numpy as np
import pytest

from interlock.errors import AuthorError
from interlock.train.distribution import choice, float_range, int_range
from interlock.train.search import search

SPACE = {
    "x": float_range(-2, 2),
    "n": int_range(1, 100, log=True),
    "shape": choice("round", "square"),
}


def away(params):
    """A bowl whose lowest point is x=1, n=10, round."""
    score = (params["x"] - 1) ** 2 + np.log(params["n"] / 10) ** 2 + (params["shape"] != "round")
    return dict(params), float(score)


def test_a_search_finds_the_neighbourhood_and_repeats_itself():
    one = search(SPACE, away, trials=60, better="lower", seed=4)
    two = search(SPACE, away, trials=60, better="lower", seed=4)
    assert one == two
    assert len(one.trials) == 60
    assert [trial.number for trial in one.trials] == list(range(60))
    assert away(one.best)[1] == min(trial.score for trial in one.trials) < 0.3
    assert one != search(SPACE, away, trials=60, better="lower", seed=5)


def test_higher_may_be_better():
    found = search(SPACE, lambda p: (p, -away(p)[1]), trials=30, better="higher", seed=1)
    assert -away(found.best)[1] == max(trial.score for trial in found.trials)


def test_of_equals_the_first_is_best():
    found = search(SPACE, lambda p: (dict(p), 1.0), trials=5, better="higher", seed=1)
    assert found.best == found.trials[0].params


def test_trials_that_fail_or_score_nothing_are_kept_with_their_problem():
    def fragile(params):
        if params["x"] < 0:
            raise ValueError("x is cold")
        return away(params)[0], float("nan") if params["x"] < 0.5 else away(params)[1]

    found = search(SPACE, fragile, trials=30, better="lower", seed=2)
    assert found.best["x"] >= 0.5
    problems = {trial.problem for trial in found.trials if trial.score is None}
    assert problems == {"ValueError: x is cold", "scored nan"}
    with pytest.raises(AuthorError) as caught:
        search(SPACE, lambda p: fragile({**p, "x": -1}), trials=3, better="lower", seed=2)
    assert caught.value.code == "T112"
    assert caught.value.mistakes[0].got == "ValueError: x is cold"
