"""Sampled Shapley values: the axioms, and the exact values they estimate."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.stats.shapley import Walks


def explained(function, background, row, walks):
    """Contributions of ``function``, (n, n_inputs) → (n, n_outputs), at ``row``."""
    starts, taken = walks.stops(0, walks.n_stops)
    between = np.where(taken, row, background[starts])
    return walks.contributions(function(background), function(between), function(row[None])[0])


def exact(function, background, row):
    """By enumeration of every subset, weighted as Shapley's formula has it; (n_inputs, n_outputs).

    Nothing in it is shared with the code under test.
    """
    n = len(row)

    def worth(members):
        mixed = background.copy()
        mixed[:, list(members)] = row[list(members)]
        return function(mixed).mean(axis=0)

    found = []
    for i in range(n):
        others = [j for j in range(n) if j != i]
        total = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - size - 1) / math.factorial(n)
            for subset in itertools.combinations(others, size):
                total = total + weight * (worth((*subset, i)) - worth(subset))
        found.append(total)
    return np.array(found)


def every_order(background):
    """Walks in every order from every background row, and the rows in that order."""
    orders = np.array(list(itertools.permutations(range(background.shape[1]))))
    n = len(background)
    return Walks(orders=np.tile(orders, (n, 1))), np.repeat(background, len(orders), axis=0)


def interactions(coefficients):
    """A function with interactions of every degree."""

    def function(rows):
        found = np.zeros((len(rows), 2))
        for members, (a, b) in coefficients.items():
            found += np.prod(rows[:, list(members)], axis=1)[:, None] * [a, b]
        return np.hstack([found, np.maximum(found[:, :1], 0)])

    return function


@st.composite
def games(draw, most_inputs=5):
    n = draw(st.integers(1, most_inputs))
    numbers = st.floats(-3, 3).map(lambda v: round(v, 3))
    members = st.frozensets(st.integers(0, n - 1), min_size=1)
    coefficients = draw(st.dictionaries(members, st.tuples(numbers, numbers), max_size=5))
    rows = st.lists(st.lists(numbers, min_size=n, max_size=n), min_size=1, max_size=3)
    background = np.array(draw(rows), dtype=float)
    row = np.array(draw(st.lists(numbers, min_size=n, max_size=n)), dtype=float)
    return coefficients, background, row


@given(game=games(), seed=st.integers(0, 2**32 - 1))
def test_efficiency_they_add_up_to_the_value_less_the_base(game, seed):
    coefficients, background, row = game
    function = interactions(coefficients)
    walks = Walks.drawn(len(background), len(row), seed=seed)
    found = explained(function, background, row, walks)
    value = function(row[None])[0]
    assert found.base == pytest.approx(function(background).mean(axis=0), rel=1e-12, abs=1e-12)
    assert found.base + found.values.sum(axis=0) == pytest.approx(value, rel=1e-9, abs=1e-9)


@given(game=games(), seed=st.integers(0, 2**32 - 1), place=st.integers(0, 4))
def test_dummy_an_input_that_changes_nothing_has_exactly_none(game, seed, place):
    coefficients, background, row = game
    unused = place % len(row)
    kept = {members: c for members, c in coefficients.items() if unused not in members}
    walks = Walks.drawn(len(background), len(row), seed=seed)
    found = explained(interactions(kept), background, row, walks)
    assert (found.values[unused] == 0).all()
    assert len(background) == 1 or (found.errors[unused] == 0).all()


@given(game=games(), seed=st.integers(0, 2**32 - 1))
def test_linearity_in_the_function(game, seed):
    coefficients, background, row = game
    one = interactions(coefficients)
    walks = Walks.drawn(len(background), len(row), seed=seed)
    single = explained(one, background, row, walks).values
    both = explained(lambda rows: 3 * one(rows) + rows.sum(axis=1)[:, None], background, row, walks)
    own = explained(lambda rows: rows.sum(axis=1)[:, None], background, row, walks).values
    assert both.values == pytest.approx(3 * single + own, rel=1e-9, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(game=games(most_inputs=4))
def test_walks_in_every_order_give_the_exact_values(game):
    coefficients, background, row = game
    function = interactions(coefficients)
    walks, starts = every_order(background)
    found = explained(function, starts, row, walks).values
    assert found == pytest.approx(exact(function, background, row), rel=1e-9, abs=1e-9)


def test_symmetry_inputs_that_do_the_same_share_alike():
    background, row = np.array([[0.0, 0.0, 1.0], [0.5, 0.5, 2.0]]), np.array([2.0, 2.0, 3.0])
    walks, starts = every_order(background)
    found = explained(
        lambda r: (r[:, 0] * r[:, 1] + r[:, 0] + r[:, 1] * r[:, 2] * r[:, 0] + r[:, 1])[:, None],
        starts, row, walks,
    )  # fmt: skip
    assert found.values[0, 0] == pytest.approx(found.values[1, 0], rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_a_sample_lies_within_its_error_of_the_exact_values(seed):
    """Six inputs, interactions of up to four: the errors claimed are those found."""
    rng = np.random.default_rng(seed)
    background, row = rng.normal(size=(400, 6)), rng.normal(size=6) + 1

    def function(rows):
        a, b, c, d, e, _ = rows.T
        return np.column_stack([a * b * c * d + np.sin(a) + e**2, np.maximum(a + b, c - e)])

    found = explained(function, background, row, Walks.drawn(400, 6, seed=seed))
    off = np.abs(found.values - exact(function, background, row))
    assert (off <= 4 * found.errors + 1e-12).all()
    assert (found.values[5], found.errors[5]) == (pytest.approx([0, 0]), pytest.approx([0, 0]))


def test_an_additive_function_needs_no_luck():
    """Each walk gives an input the same, whatever the order: only the background row counts."""
    background, row = np.arange(12.0).reshape(4, 3), np.array([1.0, 2.0, 3.0])
    found = explained(
        lambda r: (r * [1.0, 10.0, 100.0]).sum(axis=1)[:, None],
        background, row, Walks.drawn(4, 3, seed=0),
    )  # fmt: skip
    expected = (row - background.mean(axis=0)) * [1, 10, 100]
    assert found.values[:, 0] == pytest.approx(expected)


def test_antithetic_orders_cancel_what_turns_on_the_order():
    """x·y is worth half to each: one random order gives all to one, a pair of them half."""
    background, row = np.zeros((2, 2)), np.ones(2)
    found = explained(
        lambda r: (r[:, 0] * r[:, 1])[:, None], background, row, Walks.drawn(2, 2, seed=3)
    )
    assert found.values[:, 0].tolist() == [0.5, 0.5]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_orders_are_permutations_in_reversed_pairs(n_walks, n_inputs, seed):
    orders = Walks.drawn(n_walks, n_inputs, seed=seed).orders
    assert orders.shape == (n_walks, n_inputs)
    assert (np.sort(orders, axis=1) == np.arange(n_inputs)).all()
    assert (orders[1::2] == orders[0::2][: n_walks // 2, ::-1]).all()
    assert (Walks.drawn(n_walks, n_inputs, seed=seed).orders == orders).all()


def test_the_orders_of_a_seed_are_for_ever():
    """A release explains alike as long as it is served: these may never change."""
    assert Walks.drawn(4, 5, seed=7).orders.tolist() == [
        [3, 4, 0, 2, 1],
        [1, 2, 0, 4, 3],
        [1, 4, 3, 2, 0],
        [0, 2, 3, 4, 1],
    ]


def test_one_input_has_all_of_the_difference():
    found = explained(
        lambda r: r**2, np.array([[1.0], [3.0]]), np.array([4.0]), Walks.drawn(2, 1, seed=0)
    )
    assert (found.base.tolist(), found.values.tolist()) == ([5.0], [[11.0]])


@pytest.mark.parametrize("shape", [(0, 2), (2, 0)])
def test_without_rows_or_inputs_there_are_no_walks(shape):
    with pytest.raises(ValueError, match="walks need rows and inputs"):
        Walks.drawn(*shape, seed=0)
