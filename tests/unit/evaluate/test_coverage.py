import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interlock.evaluate.coverage import ServedIntervals, coverage, coverages, widths
from interlock.evaluate.parts import Part, parts_of
from interlock.stats.resamples import Resamples

RNG = np.random.default_rng(3)


def _served(hit, width=2.0):
    y = RNG.normal(size=len(hit))
    low = np.where(hit, y - width / 2, y + 1)
    return ServedIntervals(y=y, low=low, high=low + width)


def test_the_share_of_rows_covered_with_an_interval_as_wide_as_it_must_be():
    hit = np.arange(2_000) % 5 > 0
    found = coverage(_served(hit), Resamples.of(2_000, seed=1))
    assert (found.value, found.n, found.units) == (0.8, 2_000, 2_000)
    spread = np.sqrt(0.16 / 2_000)
    assert found.interval.low == pytest.approx(0.8 - 1.96 * spread, abs=0.002)
    assert found.interval.high == pytest.approx(0.8 + 1.96 * spread, abs=0.002)


def test_clusters_widen_it():
    hit = np.repeat(np.arange(100) % 5 > 0, 20)
    found = coverage(_served(hit), Resamples.of(2_000, seed=1, clusters=np.arange(2_000) // 20))
    assert found.units == 100
    spread = np.sqrt(0.16 / 100)
    assert found.interval.low == pytest.approx(0.8 - 1.96 * spread, abs=0.02)


@pytest.mark.parametrize("misses", [0, 1, 9])
def test_few_misses_have_an_interval_all_the_same(misses):
    hit = np.arange(500) >= misses
    found = coverage(_served(hit), Resamples.of(500, seed=1))
    low, high = stats.beta(500 - misses + 0.5, misses + 0.5).ppf([0.025, 0.975])
    assert found.interval.low == pytest.approx(low, abs=5e-4)
    assert found.interval.high == pytest.approx(high if misses else 1.0, abs=5e-4)


def test_few_misses_in_clusters_rest_on_as_many_rows_as_there_are_clusters():
    hit = np.ones(500, dtype=bool)
    found = coverage(_served(hit), Resamples.of(500, seed=1, clusters=np.arange(500) // 10))
    assert found.interval.low == pytest.approx(stats.beta(50.5, 0.5).ppf(0.025), abs=5e-4)


def test_parts_are_seen_one_by_one():
    hit = np.arange(600) % 10 > 0
    where = ["north"] * 300 + ["south"] * 300
    hit[300:] = np.arange(300) % 2 == 0
    parts = parts_of("where", where)
    found = coverages(_served(hit), parts, Resamples.of(600, seed=2))
    assert [round(e.value, 3) for e in found] == [0.9, 0.5]
    empty = Part(column="where", label="east", rows=np.zeros(600, dtype=bool))
    (nothing,) = coverages(_served(hit), [empty], Resamples.of(600, seed=2))
    assert np.isnan(nothing.value)
    assert nothing.interval is None


@given(st.lists(st.booleans(), min_size=1, max_size=80))
@settings(max_examples=40, deadline=None)
def test_an_interval_holds_its_share(hits):
    hit = np.array(hits)
    found = coverage(_served(hit), Resamples.of(len(hit), seed=1, count=200))
    assert found.value == hit.mean()
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


@pytest.mark.parametrize("name", ["y", "low", "high"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_end_that_is_no_number_is_a_flaw(name, bad):
    sound = _served(np.ones(10, dtype=bool))
    arrays = {"y": sound.y, "low": sound.low, "high": sound.high}
    arrays[name] = arrays[name].copy()
    arrays[name][3] = bad
    served = ServedIntervals(**arrays)
    assert served.flaw == "1 row has an end or a truth that is not finite"
    with pytest.raises(ValueError, match="not finite"):
        coverage(served, Resamples.of(10, seed=1))


def test_an_interval_that_ends_before_it_begins_is_a_flaw():
    served = ServedIntervals(y=np.zeros(3), low=np.ones(3), high=np.array([2.0, 0.5, 1.0]))
    assert served.flaw == "1 interval ends before it begins"
    assert ServedIntervals(y=np.zeros(3), low=np.ones(2), high=np.ones(3)).flaw == (
        "there is not one interval for each row"
    )


def test_widths_are_quantiles():
    served = ServedIntervals(y=np.zeros(101), low=np.zeros(101), high=np.arange(101.0))
    found = widths(served, np.ones(101, dtype=bool))
    assert (found.tenth, found.median, found.nine_tenths) == (10.0, 50.0, 90.0)
    assert np.isnan(widths(served, np.zeros(101, dtype=bool)).median)
