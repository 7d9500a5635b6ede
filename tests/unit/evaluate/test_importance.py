"""Permutation importance: what shuffling an input costs."""

import numpy as np
import pytest

from interlock.evaluate.importance import REPEATS, permutation_importance
from interlock.evaluate.metrics import metric_named

N = 400
Y = np.arange(float(N))


def importance(columns, predict, *, metric="mae", y=Y, seed=0, **more):
    return permutation_importance(metric_named(metric), y, columns, predict, seed=seed, **more)


def test_what_the_model_leans_on_is_worth_what_the_metric_loses():
    found = importance({"x": Y, "noise": Y[::-1].copy()}, lambda c: c["x"])
    assert set(found) == {"x", "noise"}
    assert (found["noise"].mean, found["noise"].least, found["noise"].most) == (0, 0, 0)
    # two independent draws of 0 … N−1 are N/3 apart on average
    assert found["x"].mean == pytest.approx(N / 3, rel=0.1)
    assert found["x"].least <= found["x"].mean <= found["x"].most


def test_the_heavier_input_is_the_more_important():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=N), rng.normal(size=N)
    found = importance({"a": a, "b": b}, lambda c: 3 * c["a"] + c["b"], y=3 * a + b)
    assert found["a"].mean > 2 * found["b"].mean > 0


def test_more_is_more_important_also_where_a_higher_metric_is_better():
    found = importance({"x": Y, "noise": Y}, lambda c: c["x"], metric="r2")
    assert found["x"].mean > 1
    assert found["noise"].mean == 0


def test_texts_are_shuffled_in_order_of_the_same_rows():
    kinds = ["a", "b"] * (N // 2)
    y = np.array([1.0 if kind == "a" else 0.0 for kind in kinds])

    def predict(columns):
        p = np.array([0.9 if kind == "a" else 0.1 for kind in columns["kind"]])
        return np.column_stack([1 - p, p])

    found = importance({"kind": kinds}, predict, metric="log_loss", y=y)
    assert found["kind"].mean > 0.5
    assert kinds == ["a", "b"] * (N // 2)


def test_the_same_seed_gives_the_same_and_the_columns_stay_as_they_were():
    columns = {"x": Y.copy()}
    first, again, other = (importance(columns, lambda c: c["x"], seed=s) for s in (3, 3, 4))
    assert first == again
    assert first != other
    assert np.array_equal(columns["x"], Y)


def test_a_misleading_input_has_a_negative_importance():
    found = importance({"x": Y}, lambda c: N - 1 - c["x"])
    assert found["x"].most < 0


def test_every_repeat_is_one_prediction_a_column():
    asked = []

    def predict(columns):
        asked.append(1)
        return columns["x"]

    importance({"x": Y, "z": Y}, predict)
    assert len(asked) == 1 + 2 * REPEATS
    asked.clear()
    importance({"x": Y}, predict, repeats=1)
    assert len(asked) == 2
