import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.stats.grouped import GROUPS, Groups, bin_number, bin_values


def counted(numbers, units, *, n_units):
    group = units % GROUPS
    rows = np.bincount(group, minlength=GROUPS).astype(float)
    bins = np.array([bin_number(float(value)) for value in numbers])
    return Groups.of(rows, units=n_units, seed=1), group, bins


@given(st.floats(min_value=-1e300, max_value=1e300))
def test_a_number_is_told_to_half_a_percent_by_its_bin(value):
    (told,) = bin_values(np.array([bin_number(value)]))
    assert math.isclose(told, value, rel_tol=0.005_01, abs_tol=1e-300)


@given(st.lists(st.floats(min_value=-1e9, max_value=1e9), min_size=2, max_size=2))
def test_bins_are_in_the_order_of_their_numbers(values):
    low, high = sorted(values)
    assert bin_number(low) <= bin_number(high)


def test_quantiles_are_those_of_the_numbers_themselves():
    rng = np.random.default_rng(3)
    numbers = rng.normal(100, 400, 5_000)
    groups, group, bins = counted(numbers, rng.integers(0, 10**9, 5_000), n_units=5_000)
    at = (0.05, 0.25, 0.5, 0.75, 0.95)
    for share, (value, low, high) in zip(
        at, groups.quantiles(group, bins, np.ones(5_000), at), strict=True
    ):
        assert value == pytest.approx(np.quantile(numbers, share), rel=0.02, abs=1)
        assert low <= value <= high


def test_intervals_hold_what_they_should_though_rows_of_a_unit_depend_on_each_other():
    held, rows_alone = np.zeros(3), 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        own = np.repeat(rng.normal(size=300), 8)
        numbers = 0.9 * own + math.sqrt(1 - 0.81) * rng.normal(size=2_400)
        units = np.repeat(rng.integers(0, 2**40, 300), 8)
        groups, group, bins = counted(numbers, units, n_units=300)
        hits = np.bincount(group[numbers > 0], minlength=GROUPS).astype(float)
        share, low, high = groups.share(hits)
        (_, first, last), (_, one, other) = groups.quantiles(
            group, bins, np.ones(2_400), (0.5, 0.9)
        )
        held += [low <= 0.5 <= high, first <= 0 <= last, one <= 1.2816 <= other]
        rows_alone += abs(share - 0.5) <= 1.96 * math.sqrt(0.25 / 2_400)
    assert min(held) >= 50
    assert rows_alone < 40, "as if rows were independent, it would be wrong often"


def test_of_nearly_none_and_nearly_all_the_interval_is_the_binomials_of_the_units():
    groups = Groups.of(np.full(100, 10.0), units=50, seed=1)
    none = np.zeros(100)
    share, low, high = groups.share(none)
    assert (share, low) == (0.0, 0.0)
    assert high == pytest.approx(0.0711, abs=1e-4)
    share, low, high = groups.share(groups.rows)
    assert (share, high) == (1.0, 1.0)
    assert low == pytest.approx(1 - 0.0711, abs=1e-4)


def test_nothing_has_no_share_and_no_quantile():
    with pytest.raises(ValueError, match="at least one row"):
        Groups.of(np.zeros(5), units=0, seed=1)
    groups = Groups.of(np.ones(5), units=5, seed=1)
    empty = np.zeros(0, dtype=np.int64)
    with pytest.raises(ValueError, match="at least one number"):
        groups.quantiles(empty, empty, np.zeros(0), (0.5,))
