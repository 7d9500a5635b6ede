from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.clock import DAY
from interlock.errors import AuthorError
from interlock.train.split import PARTS, HashSplit, TimeSplit


@given(
    days=st.lists(st.integers(0, 200), min_size=1, max_size=60),
    delay=st.integers(0, 40),
    spans=st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 90)),
)
def test_no_part_sees_a_label_that_came_after_the_next_part_began(days, delay, spans):
    times = np.array(days) * DAY
    known = times + delay * DAY
    tune, calibrate, test = (f"{span}d" for span in spans)
    split = TimeSplit(tune=tune, calibrate=calibrate, test=test).cut(times, known)
    rows = np.concatenate([getattr(split, part) for part in PARTS])
    assert len(set(rows.tolist())) == len(rows)
    assert len(rows) + sum(split.purged.values()) == len(days)
    assert split.boundaries["test"][1] == times.max() + 1
    for part, following in itertools.pairwise(PARTS):
        start, end = split.boundaries[part]
        assert end == split.boundaries[following][0]
        own = getattr(split, part)
        assert ((times[own] >= start) & (times[own] < end)).all()
        assert (known[own] <= end).all()


def test_purged_rows_are_counted_by_part():
    times = np.arange(10) * DAY
    split = TimeSplit(tune="2d", calibrate="2d", test="2d").cut(times, times + DAY)
    assert split.counts == {"train": 3, "tune": 1, "calibrate": 1, "test": 2}
    assert split.purged == {"train": 1, "tune": 1, "calibrate": 1}
    assert split.to_row() == {
        "rows": {"train": 3, "tune": 1, "calibrate": 1, "test": 2},
        "boundaries": {
            "train": [0, 3 * DAY + 1],
            "tune": [3 * DAY + 1, 5 * DAY + 1],
            "calibrate": [5 * DAY + 1, 7 * DAY + 1],
            "test": [7 * DAY + 1, 9 * DAY + 1],
        },
        "purged": {"train": 1, "tune": 1, "calibrate": 1},
    }


def test_no_rows_make_empty_parts():
    empty = np.empty(0, dtype=np.int64)
    assert set(TimeSplit().cut(empty, empty).counts.values()) == {0}
    assert set(HashSplit().cut([]).counts.values()) == {0}


def test_a_span_that_cannot_be_read_is_refused_when_declared():
    with pytest.raises(AuthorError, match="C102"):
        TimeSplit(test="a month").validate()


@given(units=st.lists(st.text(max_size=4), max_size=80), more=st.lists(st.text(max_size=4)))
def test_a_unit_is_never_divided_and_never_moves(units, more):
    def parts_of(ids):
        split = HashSplit().cut(ids)
        return {(ids[row], part) for part in PARTS for row in getattr(split, part)}

    before, after = parts_of(units), parts_of(units + more)
    assert len(before) == len(set(units))
    assert before <= after


def test_shares_of_units_are_as_declared():
    counts = (
        HashSplit(tune=0.1, calibrate=0.0, test=0.3).cut([str(i) for i in range(20_000)]).counts
    )
    assert counts["calibrate"] == 0
    assert counts["test"] / 20_000 == pytest.approx(0.3, abs=0.01)
    assert counts["tune"] / 20_000 == pytest.approx(0.1, abs=0.01)


def test_shares_that_leave_nothing_are_refused():
    with pytest.raises(AuthorError) as caught:
        HashSplit(tune=0.3, calibrate=0.3, test=0.4).validate()
    assert str(caught.value) == (
        "error[T106]: the shares of a split leave nothing to train on\n"
        "  where: HashSplit\n"
        "  expected: shares of at least 0 that add up to less than 1\n"
        "  got: tune=0.3, calibrate=0.3, test=0.4\n"
        "  fix: for example HashSplit(tune=0.1, calibrate=0.1, test=0.2)"
    )
