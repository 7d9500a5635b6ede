"""The split: the same unit, the same arm; a growing share takes nobody back."""

import json
import math
from datetime import UTC, date, datetime
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.rollout.traffic import (
    CHALLENGER,
    CHAMPION,
    Split,
    arm_of,
    bucket_of,
    entity_key,
)

parts = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=20),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip
units = st.lists(parts, max_size=4).map(tuple)
salts = st.text("0123456789abcdef", min_size=1, max_size=32)


@given(units, salts, st.lists(st.integers(0, 10_000), min_size=2, max_size=6))
def test_a_growing_share_moves_nobody_back(unit, salt, shares):
    arms = [arm_of(unit, Split(salt, buckets)) for buckets in sorted(shares)]
    assert arms == sorted(arms, key=[CHAMPION, CHALLENGER].index)
    assert arm_of(unit, Split(salt, 0)) == CHAMPION
    assert arm_of(unit, Split(salt, 10_000)) == CHALLENGER


@given(units, salts)
def test_a_unit_always_falls_into_the_same_bucket(unit, salt):
    again = tuple(json.loads(json.dumps(unit)))
    assert bucket_of(entity_key(unit), salt) == bucket_of(entity_key(again), salt)


@given(st.lists(st.sampled_from([0.0, -0.0, -0.05, "-0.0", 0, None]), max_size=4))
def test_equal_units_have_one_key(unit):
    without_sign = [0.0 if part == 0.0 and isinstance(part, float) else part for part in unit]
    assert entity_key(tuple(unit)) == entity_key(tuple(without_sign))


@pytest.mark.parametrize("salt", ["0" * 32, "a rollout", "d7" * 16])
@pytest.mark.parametrize("buckets", [1, 100, 1_000, 5_000, 9_990])
def test_shares_are_right_within_binomial_bounds(salt, buckets):
    n, share = 20_000, buckets / 10_000
    got = sum(arm_of((i / 7, f"unit {i}"), Split(salt, buckets)) == CHALLENGER for i in range(n))
    assert abs(got - n * share) <= 4.5 * math.sqrt(n * share * (1 - share)) + 1


def test_every_bucket_is_as_likely_as_another():
    n, cells = 40_000, [0] * 100
    for i in range(n):
        cells[bucket_of(entity_key((i,)), "s") // 100] += 1
    chi_square = sum((c - n / 100) ** 2 / (n / 100) for c in cells)
    assert chi_square < 99 + 5 * math.sqrt(2 * 99)


def test_two_rollouts_choose_independently():
    n = 20_000
    both = sum(
        all(arm_of((i,), Split(salt, 5_000)) == CHALLENGER for salt in ("one", "two"))
        for i in range(n)
    )
    assert abs(both - n / 4) <= 4.5 * math.sqrt(n * 3 / 16)


def test_the_bucket_is_the_documented_function():
    key = b'[503719.2,"12:40",null]'
    assert entity_key((503719.2, "12:40", None)) == key
    digest = blake2b(key, key=b"salt", digest_size=8).digest()
    assert bucket_of(key, "salt") == int.from_bytes(digest, "big") % 10_000


@pytest.mark.parametrize(
    ("unit", "key"),
    [
        ((), b"[]"),
        ((1.0, 1), b"[1.0,1]"),
        ((1e16, 1e-7, 5e-324), b"[1e16,1e-7,5e-324]"),
        (('ü " \n',), '["ü \\" \\n"]'.encode()),
        ((date(1997, 7, 1), True), b'["1997-07-01",true]'),
        ((datetime(1997, 7, 1, 12, tzinfo=UTC),), b'["1997-07-01T12:00:00Z"]'),
    ],
)
def test_keys_are_written_one_way_for_ever(unit, key):
    assert entity_key(unit) == key
