"""How far apart two profiles are, when the rows are gone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.data.drift import drift
from interlock.data.observed import observe
from interlock.data.profile import Profile, profile
from interlock.data.profile_shift import profile_shifts
from interlock.data.request import Field
from interlock.stats.drift import Level

X = Field(name="x", kind="float")
KIND = Field(name="kind", kind="str")


def of(values, field=X):
    return profile([field], {field.name: values})


def shifts(before, now, field=X):
    return profile_shifts(of(before, field), of(now, field))


@settings(max_examples=40, deadline=None)
@given(move=st.floats(-1.5, 1.5), scale=st.floats(0.5, 2), seed=st.integers(0, 99))
def test_numbers_are_within_two_per_cent_of_what_the_rows_would_say(move, scale, seed):
    rng = np.random.default_rng(seed)
    before, now = rng.normal(size=1_500), move + scale * rng.normal(size=1_200)
    (found,) = shifts(before, now)
    (true,) = drift(of(before), observe([X], {"x": now}))
    assert not found.exact
    assert found.shift.psi == pytest.approx(true.shift.psi, rel=0.5, abs=0.03)
    if true.shift.psi > 0.5 or true.shift.psi < 0.05:
        assert found.level is true.level, "near a limit they may differ, elsewhere not"


@given(values=st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=250, max_size=400))
def test_the_same_cuts_are_counted_exactly(values):
    (found,) = shifts(values, values)
    assert (found.exact, found.shift.psi) == (True, 0)
    assert found.level in (Level.OK, Level.INSUFFICIENT)


def test_missing_values_count():
    full, holes = np.linspace(0, 1, 600), np.linspace(0, 1, 600)
    holes[:200] = np.nan
    (found,) = shifts(full, holes)
    assert found.level is Level.HIGH


def test_categories_are_counted_by_name():
    before, now = ["a"] * 300 + ["b"] * 100, ["a"] * 100 + ["c"] * 300
    (found,) = shifts(before, now, KIND)
    (true,) = drift(of(before, KIND), observe([KIND], {"kind": now}))
    assert found.exact
    assert found.shift == true.shift


def test_of_many_categories_those_that_both_name_are_compared():
    rng = np.random.default_rng(0)
    before, now = ([f"cell {i}" for i in rng.integers(0, 90, 4_000)] for _ in range(2))
    (found,) = shifts(before, now, KIND)
    assert not found.exact
    assert found.level is Level.OK


def test_what_only_one_has_or_in_another_kind_is_left_out():
    both = profile([X, KIND], {"x": [1.0] * 300, "kind": ["a"] * 300})
    other = profile([Field(name="x", kind="str")], {"x": ["1"] * 300})
    assert profile_shifts(both, other) == ()
    assert [s.name for s in profile_shifts(both, both)] == ["x", "kind"]


def test_a_profile_of_before_quantiles_were_kept_is_compared_where_it_can_be():
    before, now = of(np.arange(500.0)), of(np.arange(500.0) + 3)
    old = Profile(inputs=(type(now.inputs[0])(**{**vars(now.inputs[0]), "quantiles": ()}),))
    assert profile_shifts(before, old) == ()
    assert len(profile_shifts(old, old)) == 1


def test_too_few_rows_say_nothing():
    (found,) = shifts(np.arange(50.0), np.arange(50.0) + 100)
    assert found.level is Level.INSUFFICIENT
