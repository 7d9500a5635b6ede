"""Who wins: the best, or one that the rows cannot tell from it and that is cheaper to serve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.evaluate.compare import difference
from interlock.evaluate.metrics import metric_named
from interlock.evaluate.selection import RESAMPLES, rank, winner
from interlock.stats.resamples import Resamples

MAE = metric_named("mae")
RNG = np.random.default_rng(7)
N = 400
TRUTH = RNG.uniform(100, 200, N)
NOISE = RNG.normal(0, 5, (4, N))
GOOD = TRUTH + NOISE[0]
ALSO_GOOD = TRUTH + NOISE[1] * np.abs(NOISE[0]).mean() / np.abs(NOISE[1]).mean() * 1.001
POOR = TRUTH + 4 * NOISE[2]


def ranked(predictions, costs, **more):
    return rank(MAE, TRUTH, predictions, costs, seed=3, **more)


def test_the_cheapest_of_those_that_cannot_be_told_apart():
    costs = {"forest": 9, "ridge": 5, "poor": 1}
    found = ranked({"poor": POOR, "ridge": ALSO_GOOD, "forest": GOOD}, costs)
    assert [(row.name, row.tied, row.chosen, row.because) for row in found] == [
        ("forest", True, False, "best on the tune rows, but ridge is as good and cheaper to serve"),
        (
            "ridge", True, True,
            "400 tune rows do not tell it from forest, and it is cheaper to serve",
        ),
        ("poor", False, False, "worse than forest"),
    ]  # fmt: skip
    assert winner(found) == "ridge"
    assert found[0].difference is None


def test_what_few_rows_cannot_tell_is_given_away_only_if_it_is_little():
    """The noise of 120 rows hides a difference of a tenth; one of a hundredth is a tie."""
    y, noise = TRUTH[:120], NOISE[:, :120]
    best = y + noise[0]
    for loss, wanted in ((1.10, "dear"), (1.01, "cheap")):
        other = y + noise[1] * np.abs(noise[0]).mean() / np.abs(noise[1]).mean() * loss
        found = rank(MAE, y, {"dear": best, "cheap": other}, {"dear": 9, "cheap": 1}, seed=1)
        apart = found[1].difference.interval
        assert apart.low < 0 < apart.high
        assert winner(found) == wanted
        if wanted == "dear":
            assert found[1].because == (
                "not told from dear, but measured worse by over 5% of its value"
            )


def test_the_best_wins_where_nothing_as_good_is_cheaper():
    found = ranked({"best": GOOD, "poor": POOR}, {"best": 9, "poor": 1})
    assert winner(found) == "best"
    assert found[0].because == "best on the tune rows"
    same = ranked({"first": GOOD, "second": GOOD}, {"first": 2, "second": 2})
    assert winner(same) == "first", "of equals the first declared"
    dear = ranked({"first": GOOD, "second": GOOD}, {"first": 2, "second": 3})
    assert dear[1].because == "as good as first, but not the cheapest to serve"


def test_the_difference_is_the_one_a_gate_would_measure():
    found = ranked({"best": GOOD, "poor": POOR}, {"best": 9, "poor": 1})
    drawn = Resamples.of(N, seed=3, count=RESAMPLES)
    assert found[1].difference == difference(MAE, TRUTH, POOR, GOOD, seed=3, resamples=drawn)


def test_higher_is_better_where_the_metric_says_so():
    r2 = metric_named("r2")
    found = rank(r2, TRUTH, {"poor": POOR, "good": GOOD}, {"poor": 1, "good": 2}, seed=1)
    assert [row.name for row in found] == ["good", "poor"]
    assert winner(found) == "good"


@pytest.mark.parametrize("n", [1, 30, 99])
def test_too_few_rows_call_no_tie(n):
    found = rank(MAE, TRUTH[:n], {"a": GOOD[:n], "b": GOOD[:n]}, {"a": 2, "b": 1}, seed=1)
    assert winner(found) == "a"
    assert found[1].because == f"{n} tune rows are too few to call a tie"


def test_too_few_units_call_no_tie():
    few, many = np.arange(N) % 29, np.arange(N) % 30
    for clusters, wanted in ((few, "a"), (many, "b")):
        found = ranked({"a": GOOD, "b": GOOD}, {"a": 2, "b": 1}, clusters=clusters)
        assert winner(found) == wanted


def test_what_has_no_finite_metric_is_not_ranked():
    broken = np.full(N, np.nan)
    found = ranked({"a": broken, "b": POOR}, {"a": 1, "b": 2})
    assert [row.name for row in found] == ["b"]
    assert ranked({"a": broken}, {"a": 1}) == ()
    assert winner(()) is None
    assert rank(MAE, TRUTH[:0], {"a": GOOD[:0]}, {"a": 1}, seed=1) == ()


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(st.tuples(st.floats(0.1, 30), st.integers(0, 5)), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_the_winner_is_tied_with_the_best_and_none_that_is_tied_is_cheaper(drawn, seed):
    names = [f"c{i}" for i in range(len(drawn))]
    predictions = {
        name: TRUTH + spread * NOISE[i % 4]
        for i, (name, (spread, _)) in enumerate(zip(names, drawn, strict=True))
    }
    costs = {name: cost for name, (_, cost) in zip(names, drawn, strict=True)}
    found = rank(MAE, TRUTH, predictions, costs, seed=seed)
    values = [row.value for row in found]
    assert values == sorted(values)
    (chosen,) = [row for row in found if row.chosen]
    assert chosen.tied
    assert costs[chosen.name] == min(costs[row.name] for row in found if row.tied)
    assert found == rank(MAE, TRUTH, predictions, costs, seed=seed)
