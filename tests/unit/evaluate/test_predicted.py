import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evaluate.predicted import Predicted, Rows

ROWS = Rows(
    {"area": np.arange(6.0), "town": np.array(list("abcdef"), dtype=object)},
    unit=np.array(list("uvwxyz"), dtype=object),
    classes=(False, True),
)
ODDS = np.column_stack([np.linspace(1, 0, 6), np.linspace(0, 1, 6)])


def test_an_array_is_a_prediction_whose_answers_are_the_likeliest_classes():
    assert Predicted.of(ODDS).answered.tolist() == [0, 0, 0, 1, 1, 1]
    assert Predicted.of(np.arange(3.0)).answered is None
    kept = Predicted(ODDS, np.zeros(6, dtype=np.intp))
    assert Predicted.of(kept) is kept


def test_it_stands_where_an_array_stands():
    found = Predicted.of(ODDS)
    assert (len(found), found.shape, found.ndim) == (6, (6, 2), 2)
    assert (np.asarray(found) == ODDS).all()
    assert bool(np.all(np.asarray(found)[:1] == ODDS[:1]))


@given(st.lists(st.lists(st.integers(0, 2), min_size=3, max_size=3), min_size=1, max_size=3))
def test_a_part_of_a_part_is_the_same_part_of_everything(parts):
    found = Predicted(ODDS, np.arange(6) % 2).beside(ROWS)
    numbers = np.arange(6)
    for part in parts:
        found, numbers = found[np.array(part)], numbers[np.array(part)]
    assert (found.values == ODDS[numbers]).all()
    assert found.answered.tolist() == (numbers % 2).tolist()
    assert found.rows["area"].tolist() == numbers.tolist()
    assert found.rows["town"].tolist() == [list("abcdef")[n] for n in numbers]
    assert found.rows.unit.tolist() == [list("uvwxyz")[n] for n in numbers]


def test_rows_may_be_chosen_by_a_mask_or_a_slice():
    found = Predicted.of(np.arange(6.0)).beside(ROWS)
    mask = np.array([True, False] * 3)
    assert found[mask].rows["area"].tolist() == found[::2].rows["area"].tolist() == [0, 2, 4]


def test_who_is_given_a_column_may_change_it():
    ROWS["area"][0] = 99
    assert ROWS["area"][0] == 0


def test_rows_know_their_columns_and_what_was_answered():
    assert (list(ROWS), len(ROWS), ROWS.answered) == (["area", "town"], 2, None)
    with pytest.raises(KeyError, match="price: the rows have area, town"):
        ROWS["price"]
    answering = ROWS.answering(np.arange(6)).at(np.array([4, 2]))
    assert answering.answered.tolist() == [4, 2]
    assert answering.classes == (False, True)
