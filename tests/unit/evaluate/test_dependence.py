"""Partial dependence: the mean prediction when an input has one value in every row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evaluate.dependence import grid, most_frequent, partial_dependence

ROWS = np.column_stack([np.linspace(0, 1, 100), np.linspace(5, 3, 100)])


def dependence(predict, points, columns=(0,), rows=ROWS, **more):
    return partial_dependence(rows, columns, np.asarray(points), predict, seed=1, **more)


@given(
    slope=st.floats(-5, 5), points=st.lists(st.floats(-9, 9), min_size=1, max_size=5, unique=True)
)
def test_of_an_additive_model_it_is_the_input_s_own_part(slope, points):
    found = dependence(lambda r: slope * r[:, 0] + np.sin(r[:, 1]), np.array(points)[:, None])
    other = np.sin(ROWS[:, 1])
    expected = slope * np.array(points) + other.mean()
    assert found.mean[:, 0] == pytest.approx(expected, abs=1e-9)
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()
    tenth, ninth = np.quantile(other, [0.1, 0.9])
    assert found.decile_low[:, 0] == pytest.approx(slope * np.array(points) + tenth, abs=1e-9)
    assert found.decile_high[:, 0] == pytest.approx(slope * np.array(points) + ninth, abs=1e-9)


def test_an_input_that_is_not_used_gives_a_flat_line():
    found = dependence(lambda r: r[:, 1], [[0.0], [9.0]])
    assert found.mean[0] == found.mean[1]
    assert found.low[0] == found.low[1]


def test_where_rows_go_both_ways_the_deciles_say_so():
    found = dependence(lambda r: np.where(r[:, 1] > 4, 1, -1) * r[:, 0], [[0.0], [2.0]])
    assert found.mean.tolist() == [[0.0], [0.0]]
    assert (found.decile_low[1, 0], found.decile_high[1, 0]) == (-2, 2)


def test_each_class_has_its_own_curve():
    def predict(rows):
        p = rows[:, 0] / 10
        return np.column_stack([1 - p, p])

    found = dependence(predict, [[1.0], [2.0]])
    assert found.mean == pytest.approx(np.array([[0.9, 0.1], [0.8, 0.2]]))


def test_an_input_of_several_columns_is_set_whole():
    one_hot = np.eye(3)
    rows = np.column_stack([one_hot[np.arange(30) % 3], np.zeros(30)])
    found = dependence(lambda r: r[:, :3] @ [1.0, 2.0, 4.0], one_hot, columns=(0, 1, 2), rows=rows)
    assert found.mean[:, 0].tolist() == [1, 2, 4]


def test_rows_of_one_unit_make_the_mean_less_sure():
    rows = np.repeat(np.linspace(0, 1, 20), 10)[:, None] * [0, 1]
    alone = dependence(lambda r: r[:, 1], [[0.0]], rows=rows)
    units = dependence(lambda r: r[:, 1], [[0.0]], rows=rows, clusters=rows[:, 1])
    assert units.high - units.low > 2 * (alone.high - alone.low)


def test_without_rows_there_is_none():
    with pytest.raises(ValueError, match="needs at least one row"):
        dependence(lambda r: r[:, 0], [[0.0]], rows=ROWS[:0])


@given(values=st.lists(st.floats(allow_infinity=False), max_size=60), most=st.integers(2, 25))
def test_a_grid_lies_on_values_that_occur_and_rises(values, most):
    found = grid(np.array(values, dtype=float), most)
    assert len(found) <= most
    assert set(found.tolist()) <= {v for v in values if v == v}
    assert (np.diff(found) > 0).all()
    assert bool(len(found)) == any(v == v for v in values)


def test_a_grid_leaves_the_outermost_values_out():
    found = grid(np.arange(1_000.0))
    assert (len(found), found[0], found[-1]) == (20, 19, 979)


def test_categories_come_most_frequent_first():
    assert most_frequent(["b", "c", "b", None, "a", None, None], 2) == ["b", "a"]
