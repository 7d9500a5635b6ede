"""Groups compared, held against fairlearn's MetricFrame and against plain resampling."""

import fairlearn.metrics as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.evaluate.fairness import by_group, compared, fairlearn_values
from interlock.evaluate.metrics import metric_named
from interlock.evaluate.parts import parts_of
from interlock.evaluate.predicted import Predicted
from interlock.stats.resamples import Resamples
from interlock.verdict import Verdict

RNG = np.random.default_rng(12)
N = 3_000
GROUPS = np.array(["EWR", "JFK", "LGA"])[RNG.integers(0, 3, N)]
Y = (RNG.random(N) < 0.35).astype(float)
ODDS = np.clip(0.2 + 0.4 * Y + RNG.normal(0, 0.15, N) + 0.15 * (GROUPS == "JFK"), 0.01, 0.99)
SAID = Predicted(np.column_stack([1 - ODDS, ODDS]), answered=(ODDS >= 0.5).astype(int))
PARTS = parts_of("origin", GROUPS.tolist())
DRAWN = Resamples.of(N, seed=5)


@pytest.mark.parametrize(
    ("measure", "function"),
    [
        ("selection_rate", oracle.selection_rate),
        ("true_positive_rate", oracle.true_positive_rate),
        ("false_positive_rate", oracle.false_positive_rate),
    ],
)
def test_rates_are_those_of_fairlearn(measure, function):
    found = by_group(measure, None, Y, SAID, PARTS, DRAWN)
    frame = oracle.MetricFrame(
        metrics=function, y_true=Y.astype(int), y_pred=SAID.answered, sensitive_features=GROUPS
    )
    values = {g.label: g.value for g in found.groups}
    assert values == pytest.approx(frame.by_group.to_dict())
    assert values == pytest.approx(fairlearn_values(measure, None, Y, SAID, PARTS))
    furthest = max(p.value for p in compared(found, limit=0.1, ratio=False))
    assert furthest == pytest.approx(frame.difference())
    lowest = min(p.value for p in compared(found, limit=0.8, ratio=True))
    assert lowest == pytest.approx(frame.ratio())


def test_a_metric_by_group_is_that_of_fairlearn():
    mae = metric_named("mae")
    y = RNG.uniform(100, 200, N)
    said = y + RNG.normal(0, 5, N) * np.where(GROUPS == "LGA", 2, 1)
    found = by_group("mae", mae, y, said, PARTS, DRAWN)
    frame = oracle.MetricFrame(
        metrics=lambda t, p: float(np.abs(t - p).mean()),
        y_true=y,
        y_pred=said,
        sensitive_features=GROUPS,
    )
    assert {g.label: g.value for g in found.groups} == pytest.approx(frame.by_group.to_dict())
    assert fairlearn_values("mae", mae, y, said, PARTS) == pytest.approx(frame.by_group.to_dict())
    furthest = max(p.value for p in compared(found, limit=1.0, ratio=False))
    assert furthest == pytest.approx(frame.difference())


def test_an_interval_of_a_difference_is_that_of_two_shares():
    found = by_group("selection_rate", None, Y, SAID, PARTS, DRAWN)
    values = {g.label: g for g in found.groups}
    for pair in compared(found, limit=0.1, ratio=False):
        high, low = values[pair.higher], values[pair.lower]
        spread = np.sqrt(sum(g.value * (1 - g.value) / g.n for g in (high, low)))
        if pair.value > 3 * spread:
            assert pair.interval.low == pytest.approx(pair.value - 1.96 * spread, abs=0.01)
            assert pair.interval.high == pytest.approx(pair.value + 1.96 * spread, abs=0.01)


def test_a_rate_rests_on_the_rows_it_is_about():
    found = by_group("true_positive_rate", None, Y, SAID, PARTS, DRAWN)
    for group in found.groups:
        assert group.rows == int(((group.label == GROUPS) & (Y == 1)).sum())
        assert group.n == int((group.label == GROUPS).sum())


def test_groups_with_few_rows_or_few_positives_are_not_judged():
    labels = np.where(np.arange(N) < 60, "few", GROUPS)
    y = np.where(labels == "LGA", 0.0, Y)
    found = by_group("true_positive_rate", None, y, SAID, parts_of("g", labels.tolist()), DRAWN)
    reasons = {g.label: g.reason for g in found.groups}
    assert reasons == {"EWR": "", "JFK": "", "LGA": "too few", "few": "too few"}
    assert found.judged_share == pytest.approx(np.isin(labels, ["EWR", "JFK"]).mean())


def test_equal_groups_are_seldom_told_apart():
    rng = np.random.default_rng(3)
    alarms = 0
    for seed in range(60):
        labels = rng.integers(0, 5, 2_000).astype(str).tolist()
        hit = rng.random(2_000) < 0.3
        said = Predicted(np.column_stack([1.0 - hit, hit]), answered=hit.astype(int))
        y = (rng.random(2_000) < 0.5).astype(float)
        drawn = Resamples.of(2_000, seed=seed, count=400)
        found = by_group("selection_rate", None, y, said, parts_of("g", labels), drawn)
        pairs = compared(found, limit=1e-9, ratio=False)
        alarms += any(p.verdict is Verdict.FAILED for p in pairs)
    assert alarms / 60 <= 0.1


@given(seed=st.integers(0, 200), limit=st.floats(0.01, 0.4))
@settings(max_examples=25, deadline=None)
def test_pairs_are_ordered_and_their_intervals_hold_their_values(seed, limit):
    rng = np.random.default_rng(seed)
    hit = rng.random(N) < rng.uniform(0.1, 0.9)
    said = Predicted(np.column_stack([1.0 - hit, hit]), answered=hit.astype(int))
    drawn = Resamples.of(N, seed=seed, count=300)
    found = by_group("selection_rate", None, Y, said, PARTS, drawn)
    values = {g.label: g.value for g in found.groups}
    for pair in compared(found, limit=limit, ratio=False):
        assert values[pair.higher] >= values[pair.lower]
        assert 0 <= pair.interval.low <= pair.interval.high
        assert pair.value == pytest.approx(values[pair.higher] - values[pair.lower])
        if pair.verdict is Verdict.PASSED:
            assert pair.interval.high <= limit
        if pair.verdict is Verdict.FAILED:
            assert pair.interval.low > limit
            assert pair.q <= 0.05


def test_a_ratio_of_nothing_is_refused():
    said = Predicted(np.tile([1.0, 0.0], (N, 1)), answered=np.zeros(N, dtype=int))
    found = by_group("selection_rate", None, Y, said, PARTS, DRAWN)
    with pytest.raises(ValueError, match="values above 0"):
        compared(found, limit=0.8, ratio=True)
    assert {p.verdict for p in compared(found, limit=0.05, ratio=False)} == {Verdict.PASSED}


def test_a_rate_needs_answers_of_two_classes():
    for said in (ODDS, np.column_stack([ODDS, ODDS, ODDS])):
        with pytest.raises(ValueError, match="two classes"):
            by_group("selection_rate", None, Y, said, PARTS, DRAWN)
