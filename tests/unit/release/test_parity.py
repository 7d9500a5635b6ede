import numpy as np
import pytest

from interlock.release.export.exported import Edges
from interlock.release.parity import compare, edge_rows, edge_values

MATRIX = np.random.default_rng(0).normal(size=(50, 3))
UP, DOWN = np.nextafter(1.5, 2), np.nextafter(1.5, 1)


def test_one_unit_in_the_last_place_is_seen():
    found = compare(np.array([[1.5], [2.0]]), np.array([[UP], [2.0]]))
    assert (found.rows, found.bit_identical) == (2, 1)
    assert not found.within(0.0)
    assert found.within(1e-12)


def test_a_row_counts_only_when_all_its_outputs_are_equal():
    found = compare(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.5], [3.0, 4.0]]))
    assert found.bit_identical == 1
    assert found.worst_absolute == 0.5


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_a_value_that_is_finite_on_one_side_only_never_passes(odd):
    found = compare(np.array([[1.0], [2.0]]), np.array([[1.0], [odd]]))
    assert found.worst_relative == np.inf
    assert not found.within(1e6)
    assert found.to_row()["worst_relative"] is None


def test_nothing_compared_never_passes():
    assert not compare(np.empty((0, 1)), np.empty((0, 1))).within(1.0)


def test_a_sum_that_cancels_is_measured_against_the_usual_size():
    found = compare(np.array([[100.0], [100.0], [1e-13]]), np.array([[100.0], [100.0], [2e-13]]))
    assert found.worst_relative == pytest.approx(1e-15)


def test_unequal_shapes_are_an_error():
    with pytest.raises(ValueError, match=r"shapes must be equal, got \(2, 1\) and \(1, 1\)"):
        compare(np.zeros((2, 1)), np.zeros((1, 1)))


def test_edge_values_are_thresholds_with_their_neighbours():
    edges = Edges(thresholds={2: (1.5, np.inf)})
    assert edge_values(edges) == {2: [DOWN, 1.5, UP]}


def test_edge_rows_hold_every_threshold_and_special_value():
    edges = Edges(
        thresholds={0: (1.5, np.inf)}, codes={2: (0.0, 1.0, 4.0)}, missing=True, infinite=True
    )
    rows = edge_rows(edges, MATRIX)
    assert {DOWN, 1.5, UP, np.inf, -np.inf, 1e300, 5e-324} <= set(rows[:, 0])
    assert {0.0, 1.0, 4.0, 5.0} <= set(rows[:, 2])
    assert np.isnan(rows).any(axis=0).all()
    assert not np.isinf(rows[:, 2]).any()


def test_missing_and_infinite_values_only_where_accepted():
    rows = edge_rows(Edges(), MATRIX)
    assert np.isfinite(rows).all()
    assert {1e6, -1e6} <= set(rows[:, 1])


def test_edge_rows_are_bounded_and_the_same_each_time():
    edges = Edges(thresholds={c: tuple(np.linspace(-3, 3, 4_000)) for c in range(3)}, missing=True)
    first, second = edge_rows(edges, MATRIX), edge_rows(edges, MATRIX)
    assert first.shape == (2_000, 3)
    assert first.tobytes() == second.tobytes()


def test_edge_rows_need_a_row_to_start_from():
    with pytest.raises(ValueError, match="edge rows are made from rows of the matrix, got none"):
        edge_rows(Edges(), MATRIX[:0])
