import numpy as np
import pytest

from interlock.evaluate.compare import estimate
from interlock.evaluate.metrics import METRICS
from interlock.evaluate.slices import slices

MAE = METRICS["mae"]
Y = np.linspace(1, 2, 500)
PREDICTION = Y + np.tile([0.1, 0.3], 250)


def _of(column, **options):
    return slices(MAE, Y, PREDICTION, column, name="where", seed=1, **options)


def test_categories_come_largest_first_and_missing_last():
    column = ["town"] * 300 + ["lake"] * 100 + ["hill"] * 10 + [None] * 90
    found = _of(column)
    assert [(s.label, s.n, s.reason) for s in found] == [
        ("town", 300, ""),
        ("lake", 100, ""),
        ("hill", 10, "too few"),
        ("missing", 90, "too few"),
    ]
    assert [s.share for s in found] == [0.6, 0.2, 0.02, 0.18]
    assert found[0].estimate == estimate(MAE, Y[:300], PREDICTION[:300], seed=1)
    assert found[2].estimate is None


def test_numbers_are_cut_into_ranges_that_hold_every_row_once():
    column = np.arange(500.0)
    column[:20] = np.nan
    found = _of(column, bins=4)
    assert [s.label for s in found] == [
        "20 to below 139.75",
        "139.75 to below 259.5",
        "259.5 to below 379.25",
        "379.25 to 499",
        "missing",
    ]
    assert [s.n for s in found] == [120, 120, 120, 120, 20]


def test_few_distinct_numbers_are_categories():
    found = _of([k % 3 for k in range(500)])
    assert [(s.label, s.n) for s in found] == [("0", 167), ("1", 167), ("2", 166)]


@pytest.mark.parametrize("column", [["one"] * 500, [7.0] * 500, [True, False] * 250])
def test_every_row_is_in_one_slice(column):
    assert sum(s.n for s in _of(column)) == 500


def test_an_undefined_slice_says_so():
    spoiled = PREDICTION.copy()
    spoiled[0] = np.nan
    found = slices(MAE, Y, spoiled, ["a"] * 250 + ["b"] * 250, name="where", seed=1)
    assert [(s.label, s.reason) for s in found] == [("a", "undefined"), ("b", "")]


def test_a_column_of_another_length_is_refused():
    with pytest.raises(ValueError, match="the slice column where has 2 rows, expected 500"):
        _of(["a", "b"])
