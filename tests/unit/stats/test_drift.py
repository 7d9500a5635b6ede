"""The index with its χ² test: against SciPy, and by its laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from interlock.stats.chi2 import survival
from interlock.stats.drift import (
    FEWEST_ROWS,
    HIGH_PSI,
    WARNING_PSI,
    Level,
    Shift,
    judge_shifts,
    shift,
)
from interlock.stats.excess import highest_rate
from interlock.stats.multiple import benjamini_hochberg
from interlock.stats.wasserstein import winsorised_distance

counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=55)


@given(st.floats(0, 5_000), st.integers(1, 300))
def test_the_tail_of_chi2_is_scipys(x, degrees):
    assert survival(x, degrees) == pytest.approx(scipy_stats.chi2.sf(x, degrees), rel=1e-10)


def test_the_tail_of_chi2_at_its_ends():
    assert survival(-1.0, 3) == survival(0.0, 3) == 1.0
    assert survival(math.inf, 3) == 0.0
    for x, degrees in ((math.nan, 3), (1.0, 0)):
        with pytest.raises(ValueError, match="degrees ≥ 1"):
            survival(x, degrees)


@given(counts, st.data())
def test_the_index_by_its_definition(before, data):
    now = data.draw(st.lists(st.integers(0, 9_999), min_size=len(before), max_size=len(before)))
    kept = [(a, b) for a, b in zip(before, now, strict=True) if a + b]
    n, m, bins = sum(before), sum(now), len(kept)
    found = shift(before, now)
    assert (found.rows_before, found.rows_now, found.bins) == (n, m, bins)
    if not n or not m or bins < 2:
        assert (found.psi, found.p) == (0.0, 1.0)
        return
    share = [((a + 0.5) / (n + 0.5 * bins), (b + 0.5) / (m + 0.5 * bins)) for a, b in kept]
    psi = math.fsum((p - q) * math.log(p / q) for p, q in share)
    assert found.psi == pytest.approx(psi, abs=1e-12)
    oracle = scipy_stats.chi2.sf(psi / (1 / n + 1 / m), bins - 1)
    assert found.p == pytest.approx(oracle, rel=1e-6, abs=1e-12)


@given(counts, st.data())
def test_the_index_knows_neither_direction_nor_order(before, data):
    now = data.draw(st.lists(st.integers(0, 9_999), min_size=len(before), max_size=len(before)))
    order = data.draw(st.permutations(range(len(before))))
    there, back = shift(before, now), shift(now, before)
    mixed = shift([before[k] for k in order], [now[k] for k in order])
    assert there.psi == pytest.approx(back.psi, abs=1e-12)
    assert there.psi == pytest.approx(mixed.psi, abs=1e-12)
    assert there.psi >= 0
    assert shift(before, before).psi == 0.0


@pytest.mark.parametrize("bad", [[1, math.nan], [1, -1], [1, math.inf], [1], [[1, 2]]])
def test_counts_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="count"):
        shift([1, 2], bad)
    with pytest.raises(ValueError, match="count"):
        shift(bad, [1, 2])


def test_windows_that_did_not_drift_seldom_seem_to():
    """What the fixed limit alone would say of the same windows: nonsense."""
    rng = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    found = [
        shift(rng.multinomial(1_000, shares), rng.multinomial(200, shares)) for _ in range(2_000)
    ]
    assert np.mean([one.psi >= WARNING_PSI for one in found]) > 0.03
    judged = [judge_shifts([one])[0].level for one in found]
    assert np.mean([level is not Level.OK for level in judged]) <= 0.01
    assert np.mean([one.p <= 0.05 for one in found]) == pytest.approx(0.05, abs=0.015)


def made(psi, p=0.0, before=1_000, now=1_000, bins=10):
    return Shift(psi=psi, p=p, rows_before=before, rows_now=now, bins=bins)


@pytest.mark.parametrize(
    ("found", "level"),
    [
        (made(0.0999), Level.OK),
        (made(WARNING_PSI), Level.WARNING),
        (made(HIGH_PSI), Level.HIGH),
        (made(0.9, p=0.01), Level.HIGH),
        (made(0.9, p=0.0101), Level.OK),
        (made(0.9, now=FEWEST_ROWS - 1), Level.INSUFFICIENT),
        (made(0.9, before=FEWEST_ROWS - 1), Level.INSUFFICIENT),
        (made(0.9, now=FEWEST_ROWS), Level.HIGH),
        (made(0.0, p=1.0, bins=1), Level.INSUFFICIENT),
    ],
)
def test_the_level_of_one_column(found, level):
    (judged,) = judge_shifts([found])
    assert judged.level is level
    assert math.isnan(judged.q) == (level is Level.INSUFFICIENT)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30))
def test_columns_with_too_few_rows_are_not_among_those_asked(columns):
    found = [made(0.5, p=p, now=1_000 if enough else 10) for p, enough in columns]
    judged = judge_shifts(found)
    asked = [one.q for one, (_, enough) in zip(judged, columns, strict=True) if enough]
    assert asked == benjamini_hochberg([p for p, enough in columns if enough]).tolist()
    for one, (_, enough) in zip(judged, columns, strict=True):
        assert (one.level is Level.INSUFFICIENT) == (not enough)
        assert enough or math.isnan(one.q)
        assert (one.level is Level.HIGH) == (enough and one.q <= 0.01)


samples = st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=60)


@given(samples, st.data())
def test_the_distance_is_scipys_on_the_winsorised_quantiles(reference, data):
    now = data.draw(
        st.lists(st.floats(-1e6, 1e6), min_size=len(reference), max_size=len(reference))
    )
    reference, now = sorted(reference), sorted(now)
    found = winsorised_distance(reference, now)
    sigma = np.std(reference)
    if not sigma > 0:
        assert found is None
        return
    clipped = np.clip(now, min(reference), max(reference))
    expected = scipy_stats.wasserstein_distance(reference, clipped) / sigma
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_a_wild_value_does_not_speak_for_all():
    reference = np.arange(50.0)
    wild = np.append(reference[:-1], 1e12)
    assert winsorised_distance(reference, wild) == 0.0


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [1.0], [[1.0, 2.0]], [1.0, math.inf]])
def test_quantiles_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="finite quantiles"):
        winsorised_distance([1.0, 2.0], bad)


@given(st.integers(0, 1_000), st.integers(1, 10**7), st.floats(0, 0.1))
@settings(max_examples=200)
def test_the_highest_rate_is_never_within_the_margin(per_mille, rows, margin):
    reference = per_mille / 1_000
    found = highest_rate(reference, rows, margin=margin)
    assert found >= reference + margin
    assert found == pytest.approx(
        reference + max(margin, 3 * scipy_stats.binom.std(rows, reference) / rows), abs=1e-9
    )


@pytest.mark.parametrize(("reference", "rows"), [(math.nan, 5), (-0.1, 5), (1.1, 5), (0.5, 0)])
def test_a_rate_that_is_none_is_refused(reference, rows):
    with pytest.raises(ValueError, match="a rate in"):
        highest_rate(reference, rows, margin=0.01)
