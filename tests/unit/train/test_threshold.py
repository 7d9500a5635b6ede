import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from interlock.errors import AuthorError
from interlock.train.cuts import MOST_GROUPS, Cuts
from interlock.train.decision_rule import Costs, MaxFBeta, MinCost, rule_row
from interlock.train.threshold import Chosen, choose

CLASSES = (False, True)
RULE = MinCost(false_positive=1, false_negative=5, unit="USD")


def sample(n=3_000, seed=0, calibrated=True):
    rng = np.random.default_rng(seed)
    chance = rng.beta(1.5, 3, n)
    y = (rng.random(n) < chance).astype(int)
    said = chance if calibrated else chance**2
    return y, np.column_stack([1 - said, said])


def cost_at(y, odds, threshold, rule=RULE):
    answered = (odds[:, 1] >= threshold).astype(int)
    return np.array(rule.costs)[y, answered].mean()


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0.0, 0.01, 0.2, 0.25, 0.7, 0.99, 1.0])),
        min_size=1,
        max_size=60,
    )
)
@settings(max_examples=150, deadline=None)
def test_every_cut_marks_what_its_threshold_marks(rows):
    positive, scores = np.array([p for p, _ in rows]), np.array([s for _, s in rows])
    cuts = Cuts.of(scores, positive)
    assert (np.diff(cuts.thresholds) > 0).all()
    hits = cuts.measured(lambda hits, alarms, positives, negatives: hits, None)[0]
    alarms = cuts.measured(lambda hits, alarms, positives, negatives: alarms, None)[0]
    for threshold, hit, alarm in zip(cuts.thresholds, hits, alarms, strict=True):
        marked = scores >= threshold
        assert (hit, alarm) == ((marked & positive).sum(), (marked & ~positive).sum())
    assert hits[0] + alarms[0] == len(rows)
    if scores.max() < 1:
        assert hits[-1] + alarms[-1] == 0


def test_thresholds_between_scores_are_short_numbers():
    cuts = Cuts.of(np.array([0.1003, 0.2071, 0.2073]), np.array([True, False, True]))
    assert cuts.thresholds.tolist() == [0.0, 0.2, 0.2072, 0.6]


def test_very_many_scores_are_grouped_and_equal_ones_stay_together():
    scores = np.round(np.random.default_rng(0).random(20_000), 3)
    cuts = Cuts.of(scores, scores > 0.5)
    assert len(cuts.thresholds) <= MOST_GROUPS + 1
    marked = cuts.measured(lambda hits, alarms, positives, negatives: hits + alarms, None)[0]
    assert marked.tolist() == [(scores >= t).sum() for t in cuts.thresholds]


def test_the_least_cost_is_found():
    y, odds = sample(calibrated=False)
    found = choose(RULE, y, odds, CLASSES, seed=1)
    threshold = found.decision.threshold
    assert found.value == pytest.approx(cost_at(y, odds, threshold))
    best = min(cost_at(y, odds, t) for t in np.linspace(0, 1, 501))
    assert found.value <= best + 0.002  # lines are drawn between groups of rows
    assert found.low <= threshold <= found.high
    assert found.value_low < found.value < found.value_high
    assert (found.measure, found.unit, found.n) == ("cost", "USD", 3_000)


def test_calibrated_probabilities_are_cut_near_where_theory_says():
    y, odds = sample(20_000)
    found = choose(RULE, y, odds, CLASSES, seed=1)
    assert RULE.due == pytest.approx(1 / 6)
    assert found.low < RULE.due < found.high
    assert found.decision.threshold == RULE.due  # none is shown to be cheaper


def test_probabilities_that_are_off_are_cut_where_it_is_cheapest_for_them():
    y, odds = sample(20_000, calibrated=False)  # says 0.04 where it is 0.2
    found = choose(RULE, y, odds, CLASSES, seed=1)
    assert found.decision.threshold < found.high < RULE.due
    assert found.value < cost_at(y, odds, RULE.due)


def test_the_greatest_f_is_found():
    y, odds = sample()
    for beta in (0.5, 1, 2):
        found = choose(MaxFBeta(beta), y, odds, CLASSES, seed=1)
        answered = odds[:, 1] >= found.decision.threshold
        assert found.value == pytest.approx(oracle.fbeta_score(y, answered, beta=beta))
        best = max(
            oracle.fbeta_score(y, odds[:, 1] >= t, beta=beta) for t in np.linspace(0.01, 0.9, 90)
        )
        assert found.value >= best - 0.003
        assert found.measure == f"f{beta:g}"
        assert found.due is None


def test_the_curve_is_of_the_cost_at_each_threshold():
    y, odds = sample()
    found = choose(RULE, y, odds, CLASSES, seed=1)
    assert 40 <= len(found.curve) <= 60
    assert found.curve[0].threshold == 0
    for point in found.curve:
        assert point.value == pytest.approx(cost_at(y, odds, point.threshold))
        assert point.low <= point.value <= point.high


def test_the_same_rows_choose_the_same_and_dependent_rows_are_less_sure():
    y, odds = sample()
    found = choose(RULE, y, odds, CLASSES, seed=1)
    assert choose(RULE, y, odds, CLASSES, seed=1) == found
    repeated = np.repeat(np.arange(300), 10)
    order = np.argsort(odds[:, 1], kind="stable")
    clustered = choose(RULE, y[order], odds[order], CLASSES, seed=1, clusters=repeated)
    assert clustered.decision == found.decision
    wide, narrow = (c.value_high - c.value_low for c in (clustered, found))
    assert wide > narrow


def test_a_declared_threshold_is_taken_as_it_is():
    y, odds = sample(10)
    found = choose(0.3, y, odds, CLASSES, seed=1)
    assert (found.decision.threshold, found.measure, found.curve) == (0.3, "", ())


@pytest.mark.parametrize(
    ("y", "odds", "got"),
    [
        (np.zeros(100, dtype=int), np.full((100, 2), 0.5), "0 rows of yes and 100 of no"),
        (np.arange(100) < 9, np.full((100, 2), 0.5), "9 rows of yes and 91 of no"),
        (np.arange(100) % 2, np.full((100, 2), np.nan), "no tune row with finite probabilities"),
    ],
)
def test_rows_that_cannot_say_are_refused(y, odds, got):
    with pytest.raises(AuthorError) as refused:
        choose(RULE, y.astype(int), odds, CLASSES, seed=1)
    assert (refused.value.code, refused.value.mistakes[0].got) == ("T130", got)


def test_a_model_that_says_the_same_for_all_still_gets_the_cheaper_answer():
    y, odds = np.arange(100) % 4 == 0, np.tile([0.75, 0.25], (100, 1))
    found = choose(RULE, y.astype(int), odds, CLASSES, seed=1)
    assert found.value == 0.75  # a false alarm for each that is none
    assert found.decision.classes(odds).all()


def test_more_classes_are_answered_by_expected_cost():
    rng = np.random.default_rng(0)
    odds = rng.dirichlet(np.ones(3), size=2_000)
    y = np.array([rng.choice(3, p=row) for row in odds])
    costs = Costs({"c": {"a": 50, "b": 50}}, unit="EUR")
    found = choose(costs, y, odds, ("a", "b", "c"), seed=1)
    answered = found.decision.classes(odds)
    likeliest = odds.argmax(axis=1)
    matrix = np.array(found.decision.costs)
    assert found.value == pytest.approx(matrix[y, answered].mean())
    assert found.value < matrix[y, likeliest].mean()
    assert found.value_low < found.value < found.value_high
    assert (answered == 2).mean() > 2 * (likeliest == 2).mean()
    with pytest.raises(AuthorError, match=r"which class to answer[\s\S]*'d'; the classes are 'a'"):
        choose(Costs({"d": {"a": 1}}), y, odds, ("a", "b", "c"), seed=1)


@pytest.mark.parametrize("rule", [0.3, RULE, MaxFBeta(2), Costs({"a": {"b": 2}})])
def test_what_was_chosen_survives_being_written_down(rule):
    y, odds = sample(500)
    classes = ("a", "b") if isinstance(rule, Costs) else CLASSES
    found = choose(rule, y, odds, classes, seed=1)
    row = json.loads(json.dumps(found.to_row()))
    assert Chosen.from_row(row) == found
    assert row["rule"] == rule_row(rule)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (MinCost(float("nan"), 1), "costs that are finite numbers"),
        (MinCost(1, True), "costs that are finite numbers"),
        (MinCost(0, 1), "a wrong answer to cost more than the right one"),
        (MinCost(1, 2, true_positive=3), "a wrong answer to cost more than the right one"),
        (MinCost(1, 2, unit=""), "unit='…'"),
        (MaxFBeta(0), "a beta above 0"),
        (MaxFBeta("2"), "a beta above 0"),
        (Costs([1]), "{true class: {answered class: cost}}"),
        (Costs({"a": 3}), "{true class: {answered class: cost}}"),
        (Costs({"a": {"b": float("inf")}}), "costs that are finite numbers"),
    ],
)
def test_rules_that_cannot_be_used_say_why(rule, expected):
    assert [problem[0] for problem in rule.problems()] == [expected]


def test_rules_that_can_be_used_have_no_problem():
    for rule in (RULE, MaxFBeta(0.5), Costs(), MinCost(1, -2, true_positive=-5)):
        assert rule.problems() == []
