"""Permutation importance: what shuffling an input costs, and how sure that is."""

from dataclasses import replace

import numpy as np
import pytest

from interlock.evaluate.importance import permutation_importance
from interlock.evaluate.metrics import metric_named
from interlock.stats.bootstrap import Means

N = 400
Y = np.arange(float(N))


def importance(columns, predict, *, metric="mae", y=Y, seed=0, **more):
    rows = np.column_stack(list(columns.values()))
    groups = {name: [i] for i, name in enumerate(columns)}
    asked = metric_named(metric) if isinstance(metric, str) else metric
    return permutation_importance(asked, y, rows, groups, predict, seed=seed, **more)


def first(rows):
    return rows[:, 0].astype(float)


def test_what_the_model_leans_on_is_worth_what_the_metric_loses():
    found = importance({"x": Y, "noise": Y[::-1]}, first)
    assert list(found) == ["x", "noise"]
    noise = found["noise"]
    assert (noise.value, noise.interval.low, noise.interval.high) == (0, 0, 0)
    # two independent draws of 0 … N−1 are N/3 apart on average
    assert found["x"].value == pytest.approx(N / 3, rel=0.1)
    assert found["x"].interval.low < N / 3 < found["x"].interval.high
    assert (found["x"].n, found["x"].units) == (N, N)


def test_the_heavier_input_is_the_more_important():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=N), rng.normal(size=N)
    found = importance({"a": a, "b": b}, lambda r: 3 * r[:, 0] + r[:, 1], y=3 * a + b)
    assert found["a"].interval.low > 2 * found["b"].interval.high > 0


def test_more_is_more_important_also_where_a_higher_metric_is_better():
    found = importance({"x": Y, "noise": Y}, first, metric="r2")
    assert found["x"].interval.low > 1
    assert found["noise"].value == 0


def test_an_undefined_metric_has_no_value_and_no_interval():
    found = importance({"x": Y + 1}, lambda r: np.full(len(r), np.nan))
    assert np.isnan(found["x"].value)
    assert found["x"].interval is None
    found = importance({"x": Y}, first, metric="mape")  # a truth of 0
    assert (np.isnan(found["x"].value), found["x"].interval) == (True, None)


def test_texts_are_shuffled_in_order_of_the_same_rows():
    kinds = np.array(["a", "b"] * (N // 2), dtype=object)
    y = (kinds == "a").astype(float)

    def predict(rows):
        p = np.where(rows[:, 0] == "a", 0.9, 0.1)
        return np.column_stack([1 - p, p])

    found = importance({"kind": kinds}, predict, metric="log_loss", y=y)
    assert found["kind"].interval.low > 0.5


def test_inputs_of_a_group_are_shuffled_together():
    """Two inputs that always agree: alone neither matters as much as both."""
    rows = np.column_stack([Y, Y])
    groups = {"one": [0], "both": [0, 1]}
    found = permutation_importance(
        metric_named("mae"), Y, rows, groups, lambda r: r.mean(axis=1), seed=0
    )
    assert found["both"].value == pytest.approx(2 * found["one"].value)
    assert np.array_equal(rows, np.column_stack([Y, Y])), "the rows stay as they were"


def test_the_same_seed_gives_the_same():
    once, again, other = (importance({"x": Y.copy()}, first, seed=s) for s in (3, 3, 4))
    assert once == again
    assert once != other


def test_a_misleading_input_has_a_negative_importance():
    found = importance({"x": Y}, lambda r: N - 1 - r[:, 0])
    assert found["x"].interval.high < 0


def test_all_shuffles_of_all_inputs_are_scored_in_one_call():
    asked = []

    def predict(rows):
        asked.append(len(rows))
        return first(rows)

    importance({"x": Y, "z": Y}, predict, repeats=3)
    assert asked == [N, 2 * 3 * N]


def test_large_rows_are_scored_in_parts_to_the_same_result(monkeypatch):
    columns = {"x": Y, "z": Y[::-1]}
    whole = importance(columns, lambda r: r[:, 0] + r[:, 1])
    monkeypatch.setattr("interlock.evaluate.importance._MOST_CELLS", 1)
    assert importance(columns, lambda r: r[:, 0] + r[:, 1]) == whole


def test_rows_that_depend_on_each_other_make_it_less_sure():
    repeated = np.repeat(np.arange(40.0), 10)
    alone = importance({"x": repeated}, first, y=repeated)["x"]
    units = importance({"x": repeated}, first, y=repeated, clusters=repeated)["x"]
    assert units.units == 40
    widths = [e.interval.high - e.interval.low for e in (alone, units)]
    assert widths[1] > 1.2 * widths[0]


def test_the_interval_covers_what_it_estimates():
    """Squared error of y = 2x + z + noise by 2x + z: shuffling x costs 2·β²·σ² = 8, z 2."""
    squared = replace(
        metric_named("mae"), statistic=lambda y, prediction: Means(((prediction - y) ** 2)[:, None])
    )
    covered = {"x": 0, "z": 0}
    runs = 200
    for run in range(runs):
        rng = np.random.default_rng(run)
        x, z, noise = rng.normal(size=(3, 300))
        found = importance(
            {"x": x, "z": z},
            lambda r: 2 * r[:, 0] + r[:, 1],
            metric=squared,
            y=2 * x + z + noise,
            seed=run,
            resamples=400,
        )
        for name, truth in (("x", 8), ("z", 2)):
            covered[name] += found[name].interval.low <= truth <= found[name].interval.high
    assert 0.9 * runs <= min(covered.values()) <= max(covered.values()) <= 0.985 * runs
