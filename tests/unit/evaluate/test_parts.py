import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evaluate.parts import parts_of


def test_categories_come_largest_first_and_missing_last():
    column = ["town"] * 300 + ["lake"] * 100 + ["hill"] * 10 + [None] * 90
    found = parts_of("where", column)
    assert [(p.label, p.n, p.share) for p in found] == [
        ("town", 300, 0.6),
        ("lake", 100, 0.2),
        ("hill", 10, 0.02),
        ("missing", 90, 0.18),
    ]
    assert found[1].named == "where = lake"


def test_numbers_are_cut_into_ranges():
    column = np.arange(1_000.0)
    column[:20] = np.nan
    assert [(p.label, p.n) for p in parts_of("size", column, ranges=4)] == [
        ("20 to below 264.75", 245),
        ("264.75 to below 509.5", 245),
        ("509.5 to below 754.25", 245),
        ("754.25 to 999", 245),
        ("missing", 20),
    ]


@pytest.mark.parametrize(("rows", "ranges"), [(250, 2), (500, 3), (5_000, 5)])
def test_few_rows_make_few_ranges(rows, ranges):
    assert len(parts_of("size", np.arange(float(rows)))) == ranges


def test_few_distinct_numbers_are_taken_by_value():
    floats = np.array([k % 3 for k in range(500)], dtype=float)
    for column in (floats, floats.astype(int).tolist(), floats.tolist()):
        assert [(p.label, p.n) for p in parts_of("k", column)] == [
            ("0", 167),
            ("1", 167),
            ("2", 166),
        ]


@given(
    st.one_of(
        st.lists(st.one_of(st.none(), st.sampled_from("abc")), min_size=1),
        st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1),
        st.lists(st.booleans(), min_size=1),
    )
)
def test_every_row_is_in_one_part(column):
    rows = np.array([p.rows for p in parts_of("any", column)])
    assert (rows.sum(axis=0) == 1).all()


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=400))
def test_an_array_is_cut_like_the_list_of_its_values(values):
    listed, array = parts_of("x", values), parts_of("x", np.array(values))
    assert [p.label for p in listed] == [p.label for p in array]
    assert all((a.rows == b.rows).all() for a, b in zip(listed, array, strict=True))


@pytest.mark.parametrize(
    "column",
    [
        np.r_[np.arange(990.0), [np.inf] * 10],
        np.r_[[-np.inf] * 400, np.arange(600.0)],
        np.r_[np.zeros(900), np.arange(1.0, 101.0)],
        np.r_[np.full(900, 7.0), np.arange(-50.0, 50.0)],
        1e9 + np.arange(1_000) / 20,
        ["missing", None] * 500,
    ],
)
def test_every_row_lies_in_one_part_of_a_label_of_its_own(column):
    found = parts_of("x", column)
    assert (np.sum([part.rows for part in found], axis=0) == 1).all()
    assert len({part.label for part in found}) == len(found) > 1


def test_a_value_that_fills_the_ranges_is_a_part():
    found = parts_of("x", np.r_[np.zeros(900), np.arange(1.0, 101.0)])
    assert [(part.label, part.n) for part in found] == [("0", 900), ("above 0", 100)]
