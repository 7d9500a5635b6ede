"""What one input reveals: copies in any dress are seen, honest inputs are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.evaluate.leakage import Target, revealed

N = 4_000
RNG = np.random.default_rng(5)
PRICE = RNG.lognormal(12, 0.5, N)
LATE = (RNG.random(N) < 0.1).astype(int)
KIND = RNG.choice(5, N, p=[0.5, 0.3, 0.15, 0.049, 0.001])
TARGETS = {
    "regression": Target(y=PRICE, task="regression"),
    "binary": Target(y=LATE, task="binary", n_classes=2),
    "multiclass": Target(y=KIND, task="multiclass", n_classes=5),
}


def strength(kind, values, task):
    return revealed("x", kind, values, TARGETS[task]).strength


GIVEN_AWAY = [
    ("float", -3 * PRICE + 7, "regression"),
    ("float", np.log(PRICE), "regression"),
    ("float", np.round(PRICE, -3), "regression"),
    ("float", PRICE * RNG.lognormal(0, 0.02, N), "regression"),
    ("float", np.where(RNG.random(N) < 0.9, np.nan, PRICE), "regression"),
    ("str", [str(round(p, -4)) for p in PRICE], "regression"),
    ("bool", LATE, "binary"),
    ("bool", 1 - LATE, "binary"),
    ("float", np.where(LATE == 1, np.nan, 5.0), "binary"),
    ("float", np.where(LATE == 1, RNG.choice([-1.0, 1.0], N), 0.0), "binary"),
    ("str", [None if late else "on time" for late in LATE], "binary"),
    ("str", [f"code {k}" for k in KIND], "multiclass"),
    ("int", np.array([3, 1, 4, 0, 2])[KIND], "multiclass"),
]


@pytest.mark.parametrize(("kind", "values", "task"), GIVEN_AWAY)
def test_a_copy_in_any_dress_is_seen(kind, values, task):
    assert strength(kind, values, task) >= 0.99


HONEST = [
    ("float", PRICE * RNG.lognormal(0, 0.15, N), "regression"),
    ("float", RNG.normal(size=N), "regression"),
    ("str", [f"house {k}" for k in range(N)], "regression"),
    ("str", [f"street {k}" for k in RNG.integers(0, 400, N)], "regression"),
    ("float", LATE * 2 + RNG.normal(size=N), "binary"),
    ("float", RNG.normal(size=N), "binary"),
    ("int", np.arange(N), "binary"),
    ("str", [f"house {k}" for k in range(N)], "binary"),
    ("bool", KIND == 2, "multiclass"),
    ("float", RNG.normal(size=N), "multiclass"),
]


@pytest.mark.parametrize(("kind", "values", "task"), HONEST)
def test_an_honest_input_is_not(kind, values, task):
    assert strength(kind, values, task) < 0.98


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("kind", ["float", "str"])
def test_a_constant_or_a_hole_reveals_nothing_and_says_so(kind, task):
    for values in ([1.0 if kind == "float" else "one"] * N, [None] * N):
        found = revealed("x", kind, values, TARGETS[task])
        assert found.strength <= 0.55
        assert not found.varies
    assert revealed("x", "float", np.full(N, np.inf), TARGETS[task]).strength <= 0.55


@given(st.integers(0, 10_000), st.sampled_from([150, 300, 1_000]))
@settings(max_examples=25, deadline=None)
def test_chance_does_not_look_like_a_leak(seed, n):
    rng = np.random.default_rng(seed)
    for target in (
        Target(y=rng.normal(size=n), task="regression"),
        Target(y=(np.arange(n) % 12 == 0).astype(int), task="binary", n_classes=2),
    ):
        assert revealed("x", "float", rng.normal(size=n), target).strength < 0.9
        assert revealed("x", "str", rng.integers(0, n // 4, n).astype(str), target).strength < 0.9


@pytest.mark.parametrize(
    ("target", "varies"),
    [
        (Target(y=np.array([]), task="regression"), False),
        (Target(y=np.ones(50), task="regression"), False),
        (Target(y=np.array([1.0, np.nan]), task="regression"), False),
        (Target(y=np.arange(5.0), task="regression"), True),
        (Target(y=np.zeros(50, int), task="binary", n_classes=2), False),
        (Target(y=np.arange(50) % 10 // 9, task="binary", n_classes=2), False),
        (Target(y=np.arange(100) % 10 // 9, task="binary", n_classes=2), True),
    ],
)
def test_a_target_that_is_the_same_everywhere_has_nothing_to_reveal(target, varies):
    assert target.varies is varies
