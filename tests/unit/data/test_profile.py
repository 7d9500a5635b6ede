"""Profiles: bins of about a tenth, the frequent values, missing apart."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.data.profile import CategoricalProfile, NumericProfile, Profile, profile
from interlock.data.request import Field


def numeric(values: list[float]) -> NumericProfile:
    found = profile([Field(name="x", kind="float")], {"x": np.array(values, np.float64)}).inputs[0]
    assert isinstance(found, NumericProfile)
    return found


def categorical(values: list[str | None]) -> CategoricalProfile:
    found = profile([Field(name="x", kind="str")], {"x": values}).inputs[0]
    assert isinstance(found, CategoricalProfile)
    return found


def test_a_numeric_profile_cuts_at_the_deciles() -> None:
    found = numeric([*map(float, range(1, 101)), float("nan")])
    assert found.edges == (10, 20, 30, 40, 50, 60, 70, 80, 90)
    assert found.counts == (10,) * 10
    assert (found.n, found.missing, found.minimum, found.maximum, found.mean) == (
        101,
        1,
        1.0,
        100.0,
        50.5,
    )
    assert found.counts_of([-1.0, 10.0, 10.5, 999.0, float("nan")]) == (2, 1, *[0] * 7, 1, 1)


def test_repeated_values_share_a_bin() -> None:
    found = numeric([0.0] * 95 + [1.0] * 5)
    assert (found.edges, found.counts) == ((0.0,), (95, 5))
    assert numeric([7.0, 7.0]).counts == (2,)


def test_a_column_without_values_has_no_numbers() -> None:
    found = numeric([float("nan")] * 2)
    assert (found.missing, found.minimum, found.mean, found.reference) == (2, None, None, (0, 2))


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-1e9, 1e9)), max_size=60))
def test_training_rows_fall_into_their_own_bins(values: list[float]) -> None:
    found = numeric(values)
    assert found.counts_of(values) == found.reference
    assert sum(found.reference) == len(values)


def test_a_categorical_profile_keeps_the_fifty_most_frequent() -> None:
    values: list[str | None] = [f"v{i:02}" for i in range(60) for _ in range(60 - i // 2 * 2)]
    found = categorical([*values, None])
    assert len(found.top) == 50
    assert found.top[:3] == (("v00", 60), ("v01", 60), ("v02", 58))
    assert (found.other, found.missing, found.n) == (60, 1, len(values) + 1)
    assert sum(found.reference) == found.n
    assert found.counts_of(["v01", "new", None, "v59"]) == (0, 1, *[0] * 48, 2, 1)


def test_a_profile_survives_json() -> None:
    inputs = [Field(name="a", kind="bool"), Field(name="b", kind="category")]
    found = profile(inputs, {"a": np.array([0.0, 1.0]), "b": ["x", None]})
    assert Profile.from_row(json.loads(json.dumps(found.to_row()))) == found
    assert [p.kind for p in found.inputs] == ["bool", "category"]
