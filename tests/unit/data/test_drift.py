"""Rows held to a profile: drift, integrity, and what old profiles cannot say."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.drift import InputDrift, drift
from interlock.data.integrity import FaultRate, integrity
from interlock.data.observed import Numbers, Texts, observe
from interlock.data.profile import Profile, profile
from interlock.data.request import Field
from interlock.stats.drift import Level

ROOMS = Field(name="rooms", kind="int")
WALL = Field(name="wall", kind="str")
FIELDS = [ROOMS, WALL]
RNG = np.random.default_rng(3)


def rows(n, *, mean=0.0, walls=("brick", "wood"), missing=0):
    rooms = RNG.normal(mean, 1.0, n)
    rooms[:missing] = math.nan
    return {"rooms": rooms, "wall": [walls[k % len(walls)] for k in range(n)]}


def released(n=2_000, **kind):
    columns = rows(n, **kind)
    return profile(FIELDS, columns, seen=columns)


def levels(found):
    return {one.name: one.level.value for one in found}


def test_rows_like_those_of_the_release_have_not_drifted():
    found = drift(released(), observe(FIELDS, rows(1_000)))
    assert levels(found) == {"rooms": "ok", "wall": "ok"}
    assert all(one.magnitude < 0.1 for one in found)


def test_a_mean_that_moves_by_four_tenths_of_sigma_is_seen_and_measured():
    (rooms, wall) = drift(released(), observe(FIELDS, rows(1_000, mean=0.4)))
    assert rooms.level is Level.WARNING
    assert rooms.magnitude == pytest.approx(0.4, abs=0.1)
    assert rooms.q <= 0.01
    assert wall.level is Level.OK


def test_new_categories_are_other_and_how_many_rows_changed_is_said():
    walls = ("brick", "straw")
    (_, wall) = drift(released(), observe(FIELDS, rows(1_000, walls=walls)))
    assert (wall.level, wall.magnitude) == (Level.HIGH, 0.5)
    assert dict(zip(wall.labels, wall.now, strict=True)) == {
        "brick": 500,
        "wood": 0,
        "other": 500,
        "missing": 0,
    }


@pytest.mark.parametrize(
    ("n", "level", "advice"),
    [(199, Level.INSUFFICIENT, True), (200, Level.HIGH, True), (500, Level.HIGH, False)],
)
def test_few_rows_are_advice_and_too_few_say_nothing(n, level, advice):
    (rooms, _) = drift(released(), observe(FIELDS, rows(n, mean=2.0)))
    assert (rooms.level, rooms.is_advice) == (level, advice)


def test_an_input_of_another_kind_or_that_is_gone_is_not_compared():
    now = observe([Field(name="rooms", kind="str"), WALL], {"rooms": ["3"], "wall": ["brick"]})
    assert [one.name for one in drift(released(), now)] == ["wall"]
    assert {one.name for one in integrity(released(), now)} == {"wall"}
    assert drift(released(), {}) == ()


def test_one_value_everywhere_shows_nothing():
    columns = {"rooms": [3.0] * 900, "wall": [None] * 900}
    then = profile(FIELDS, columns, seen=columns)
    assert levels(drift(then, observe(FIELDS, columns))) == dict.fromkeys(columns, "insufficient")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_none_are_missing(bad):
    columns = rows(1_000) | {"rooms": np.full(1_000, bad)}
    then = released()
    now = observe(FIELDS, columns)
    (rooms, _) = drift(then, now)
    assert (rooms.level, rooms.now[-1], rooms.magnitude) == (Level.HIGH, 1_000, None)
    rates = {(r.name, r.fault): r.level for r in integrity(then, now)}
    assert rates["rooms", "missing"] is Level.HIGH
    made = profile([ROOMS], {"rooms": [1.0, bad]}, seen={"rooms": [bad]}).inputs[0]
    assert (made.missing, made.mean, made.low, made.outside) == (1, 1.0, None, None)


def test_faults_are_judged_by_how_often_they_were_there_at_release():
    then = profile(FIELDS, rows(1_000, missing=100), seen=rows(1_000))
    limit = 0.1 + 3 * math.sqrt(0.1 * 0.9 / 1_000)
    for missing, level in ((128, Level.OK), (129, Level.HIGH)):
        (found, *_) = integrity(then, observe(FIELDS, rows(1_000, missing=missing)))
        assert (found.fault, found.reference, found.level) == ("missing", 0.1, level)
        assert found.limit == pytest.approx(limit)


def test_unseen_and_out_of_range_go_by_the_training_rows():
    trained = {"rooms": np.linspace(0, 9, 500), "wall": ["brick", "wood"] * 250}
    held_out = {
        "rooms": np.where(np.arange(1_000) % 50 == 0, 10.0, 5.0),
        "wall": ["straw"] * 20 + ["brick"] * 980,
    }
    then = profile(FIELDS, held_out, seen=trained)
    now = {"rooms": np.full(1_000, 12.0), "wall": ["glass"] * 29 + ["wood"] * 971}
    found = {(r.name, r.fault): r for r in integrity(then, observe(FIELDS, now))}
    assert found["rooms", "out of range"].reference == 0.02
    assert found["rooms", "out of range"].level is Level.HIGH
    assert (found["wall", "unseen"].share, found["wall", "unseen"].level) == (0.029, Level.OK)


def test_more_values_than_can_be_kept_are_not_known_to_be_new():
    many = {"wall": [f"w{k}" for k in range(6_000)]}
    (found,) = profile([WALL], many, seen=many).inputs
    assert (found.seen, found.outside) == (None, None)
    _, unseen = integrity(Profile(inputs=(found,)), observe([WALL], {"wall": ["new"] * 1_000}))
    assert (unseen.level, unseen.share) == (Level.INSUFFICIENT, None)


def test_few_rows_are_insufficient_for_integrity_too():
    now = observe(FIELDS, rows(199, missing=199))
    assert {r.level for r in integrity(released(), now)} == {Level.INSUFFICIENT}
    few = released(199)
    assert {r.level for r in integrity(few, observe(FIELDS, rows(900)))} == {Level.INSUFFICIENT}


OLD = {
    "inputs": [
        {
            "name": "rooms",
            "kind": "int",
            "n": 1000,
            "missing": 0,
            "minimum": 1.0,
            "maximum": 2.0,
            "mean": 1.5,
            "edges": [1.0],
            "counts": [500, 500],
        },
        {
            "name": "wall",
            "kind": "str",
            "n": 1000,
            "missing": 0,
            "top": [["brick", 500], ["wood", 500]],
            "other": 0,
        },
    ]
}


def test_a_profile_of_an_older_release_still_answers_what_it_knows():
    then = Profile.from_row(OLD)
    now = observe(FIELDS, {"rooms": [1.0, 2.0] * 300, "wall": ["brick", "straw"] * 300})
    (rooms, wall) = drift(then, now)
    assert (rooms.level, rooms.magnitude, wall.level) == (Level.OK, None, Level.HIGH)
    assert {(r.name, r.fault, r.level.value) for r in integrity(then, now)} == {
        ("rooms", "missing", "ok"),
        ("rooms", "out of range", "insufficient"),
        ("wall", "missing", "ok"),
        ("wall", "unseen", "insufficient"),
    }


def test_what_was_found_survives_json():
    now = observe(FIELDS, rows(1_000, mean=1.0))
    for kind, found in (
        (InputDrift, drift(released(), now)),
        (FaultRate, integrity(released(), now)),
    ):
        again = tuple(kind.from_row(json.loads(json.dumps(one.to_row()))) for one in found)
        assert again == found


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=60))
def test_arrow_and_numpy_columns_are_observed_alike(values):
    as_numbers = [math.nan if v is None else v for v in values]
    one, other = (
        Numbers.of(as_numbers),
        Numbers.of(pa.chunked_array([pa.array(values, pa.float64())])),
    )
    np.testing.assert_array_equal(one.present, other.present)
    assert (
        (one.missing, one.n)
        == (other.missing, other.n)
        == (sum(v is None for v in values), len(values))
    )


@given(st.lists(st.none() | st.sampled_from("abc"), max_size=60))
def test_text_is_counted_alike_whatever_holds_it(values):
    arrow = pa.array(values, pa.string())
    expected = Texts.of(values)
    assert expected.n == len(values)
    for held in (arrow, arrow.dictionary_encode(), pa.chunked_array([arrow, arrow[:0]])):
        assert Texts.of(held) == expected


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=300))
def test_deciles_and_quantiles_are_numpys_values_that_occur(values):
    found = Numbers.of(values)
    cuts = np.unique(np.sort(values)[[-(-k * len(values) // 10) - 1 for k in range(1, 10)]])
    assert found.deciles() == tuple(cuts[cuts < max(values)].tolist())
    assert set(found.quantiles()) <= set(np.asarray(values, dtype=float).tolist())
    low, high = sorted(np.random.default_rng(0).choice(values, 2))
    assert found.outside(low, high) == sum(not low <= v <= high for v in values)
