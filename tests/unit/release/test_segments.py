"""Segments: which rows belong to which, and which have rows enough."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.digest import canonical_json
from interlock.release.segments import Axis, Segments, number_text

ZONE = Axis(name="zone", kind="str")
AREA = Axis(name="area", kind="float", edges=(0.0, 1_000.0, 2_500.5))
OPEN = Axis(name="age", kind="int", edges=(-math.inf, 10.0, math.inf))


def segments(*by, **changes):
    parts = {"min_rows": 30, "rows": {}} | changes
    return Segments(by=by, **parts)


def test_reasons_say_what_is_there_and_what_is_needed():
    found = segments(ZONE, rows={("a",): (30, 0), ("b",): (29, 4), ("c",): (1, 0)})
    why = found.reader(["zone"])
    assert [why((zone,)) for zone in ("a", "b", "c", "d", None)] == [
        "",
        "zone b: 29 rows of training, 30 needed",
        "zone c: 1 row of training, 30 needed",
        "zone d: no row of training, 30 needed",
        "zone is missing",
    ]


def test_a_window_and_a_test_part_are_named():
    day = 86_400_000_000
    found = segments(ZONE, within=365 * day, min_test=5, rows={("a",): (30, 4), ("b",): (3, 9)})
    why = found.reader(["zone"])
    assert why(("a",)) == "zone a: 4 rows of test, 5 needed"
    assert why(("b",)) == "zone b: 3 rows of training in its last 365d, 30 needed"
    assert found.asked == "at least 30 rows of training in its last 365d and 5 of test"


def test_several_values_name_a_segment_together():
    found = segments(ZONE, AREA, rows={("a", 0): (40, 0), ("a", 1): (4, 0)})
    why = found.reader(["price", "area", "zone"])
    assert why((1, 999.9, "a")) == ""
    assert why((1, 1_000.0, "a")) == "zone a, area 1,000 to 2,500: 4 rows of training, 30 needed"
    assert why((1, 2_500.5, "b")) == "zone b, area 1,000 to 2,500: no row of training, 30 needed"
    assert why((1, 2_500.6, "a")) == "area 2,501 is outside 0 to 2,500"
    assert why((1, -0.1, "a")) == "area -0.1 is outside 0 to 2,500"
    assert why((1, None, "a")) == "area is missing"
    assert why((1, math.nan, "a")) == "area is missing"
    assert found.name == "zone × area"


def test_edges_may_be_open():
    assert [OPEN.place(v) for v in (-(10**9), 9, 10, 10**9)] == [0, 0, 1, 1]
    assert [OPEN.label(0), OPEN.label(1)] == ["age below 10", "age from 10"]
    assert Axis.from_row(json.loads(canonical_json(OPEN.to_row()))) == OPEN


def test_a_long_value_is_cut_where_it_is_repeated():
    reason = segments(ZONE).reader(["zone"])(("x" * 4_096,))
    assert len(reason) < 120
    assert "x…: no row" in reason


def test_rows_are_counted_by_segment():
    found = segments(ZONE).counted([("b",), ("a",), None, ("a",)], [("c",), None])
    assert dict(found.rows) == {("a",): (2, 0), ("b",): (1, 0), ("c",): (0, 1)}
    assert list(found.rows) == [("a",), ("b",), ("c",)]


@given(
    st.lists(st.one_of(st.none(), st.floats(), st.integers(-3_000, 3_000))),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, unique=True),
)
def test_a_number_lies_in_the_bin_whose_edges_hold_it(values, edges):
    axis = Axis(name="x", kind="float", edges=tuple(sorted(edges)))
    for value in values:
        place = axis.place(value)
        inside = value is not None and axis.edges[0] <= value <= axis.edges[-1]
        assert (place is not None) == inside
        if place is not None:
            assert axis.edges[place] <= value <= axis.edges[place + 1]
            assert value < axis.edges[place + 1] or place == len(axis.edges) - 2


@given(
    st.dictionaries(
        st.tuples(st.text(max_size=3), st.integers(0, 1)),
        st.tuples(st.integers(0, 60), st.integers(0, 60)),
    )
)
def test_what_is_written_is_read_again(rows):
    found = segments(ZONE, AREA, rows=rows, min_test=2)
    again = Segments.from_row(json.loads(canonical_json(found.to_row())))
    assert again == found
    assert again.covered == {k for k, (n, m) in rows.items() if n >= 30 and m >= 2}


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(-10, 3_000))),
    st.one_of(st.none(), st.text(), st.just(math.nan)),
    st.one_of(st.none(), st.floats()),
)
def test_missing_and_unseen_values_are_never_covered(rows, zone, area):
    found = segments(ZONE, AREA, min_rows=1)
    found = found.counted([found.key(row) for row in rows], [])
    seen = {(z, AREA.place(a)) for z, a in rows}
    why = found.reader(["zone", "area"])((zone, area))
    covered = (zone, AREA.place(area)) in seen and AREA.place(area) is not None
    assert (why == "") == covered
    assert (found.reason((zone, area)) == "") == covered


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (12_345.6, "12,346"), (0.00012345, "0.0001234"), (math.nan, "no number")],
)
def test_numbers_are_short(value, text):
    assert number_text(value) == text
