"""What a picture spans: rare classes, quick services and years can be read."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.evaluate.compare import Estimate
from interlock.report.charts.axis import nice_end, tick_labels
from interlock.report.charts.dependence import dependence
from interlock.report.charts.latency import latency
from interlock.report.charts.plane import reliability_end
from interlock.report.charts.series import series
from interlock.report.charts.threshold import threshold, threshold_end
from interlock.report.content import (
    Decision,
    Dependence,
    LatencyWindow,
    Period,
    ReliabilityBin,
    ThresholdPoint,
)
from interlock.verdict import Interval


def texts(drawn) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", str(drawn))


def estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, interval=Interval(low=low, high=high), n=100, units=100)


@given(st.floats(0, 1))
def test_an_axis_of_shares_ends_at_a_round_share_that_is_not_passed(value: float) -> None:
    end = nice_end(value)
    assert value <= end <= 1
    assert end <= max(0.001, 2.51 * value)


def test_a_rare_class_fills_its_picture_of_reliability() -> None:
    rare = ReliabilityBin(predicted=0.102, observed=estimate(0.126, 0.11, 0.143))
    sure = ReliabilityBin(predicted=0.97, observed=estimate(0.96, 0.9, 0.99))
    assert reliability_end([rare]) == 0.2
    assert reliability_end([rare, sure]) == 1


def decision(**changes) -> Decision:
    curve = tuple(
        ThresholdPoint(threshold=at, value=cost, low=cost - 0.01, high=cost + 0.01)
        for at, cost in (
            (0.0, 0.9),
            (0.01, 0.4),
            (0.02, 0.42),
            (0.05, 0.5),
            (0.07, 0.52),
            (0.9, 0.7),
        )
    )
    found = Decision(rule="", n=9, threshold=0.011, low=0.01, high=0.02, due=0.0476, curve=curve)
    return replace(found, **changes)


def test_small_thresholds_are_not_pressed_against_the_axis() -> None:
    assert threshold_end(decision()) == 0.1
    drawn = threshold("cost", decision(), across="threshold", up="cost, USD a row")
    assert "10 %" in texts(drawn)
    assert "100 %" not in texts(drawn)
    assert {"decides at 1.10 %", "theory 4.76 %", "cost, USD a row"} <= set(texts(drawn))


def test_a_curve_that_goes_on_is_cut_at_the_end_of_the_axis() -> None:
    drawn = str(threshold("cost", decision(), across="threshold", up="cost"))
    line = re.search(r'd="M([^"]*)" class="series"', drawn)
    assert line is not None
    across = [float(place.split()[0]) for place in line[1].split("L")]
    assert across == sorted(set(across))
    assert across[-1] == 390


@pytest.mark.parametrize(("chosen", "end"), [(0.3, 1.0), (0.24, 0.5), (0.5, 1.0)])
def test_what_is_named_lies_on_the_nearer_half(chosen: float, end: float) -> None:
    assert threshold_end(decision(threshold=chosen)) == end


@pytest.mark.parametrize(("limit", "logarithmic"), [(20.0, True), (2.0, False), (None, False)])
def test_a_far_limit_does_not_make_one_dot_of_all_percentiles(limit, logarithmic) -> None:
    windows = [LatencyWindow(label=str(i), n=100, p50=0.2, p95=0.5, p99=0.8) for i in range(6)]
    drawn = str(latency("latency", windows, limit=limit))
    assert ("latency, ms (logarithmic)" in texts(drawn)) is logarithmic
    hollow = re.search(r'cy="([\d.]+)"[^>]*class="m-hollow"', drawn)
    full = re.search(r'cy="([\d.]+)"[^>]*class="m-candidate"', drawn)
    assert hollow is not None
    assert full is not None
    assert float(hollow[1]) - float(full[1]) > 10


def test_names_of_periods_stay_inside_the_picture() -> None:
    periods = [
        Period(label=f"1997-06-{day:02}", n=100, error=estimate(0.8, 0.7, 0.9))
        for day in range(1, 14)
    ]
    drawn = series("coverage", periods, axis="rows", percent=True, reference=(0.8, "promised 80 %"))
    places = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(1997|promised)', str(drawn))
    assert all(33 < float(x) < 367 for x, _, word in places if word == "1997")
    assert [float(y) < 26 for _, y, word in places if word == "promised"] == [
        True
    ]  # above the data


def test_years_on_an_axis_have_no_separator() -> None:
    known = (1880.0, 1930.0, 1997.0)
    made = Dependence(
        name="year_built",
        points=known,
        mean=(1.0, 2.0, 3.0),
        low=(0.5, 1.5, 2.5),
        high=(1.5, 2.5, 3.5),
        decile_low=(0.0, 1.0, 2.0),
        decile_high=(2.0, 3.0, 4.0),
    )
    assert "1900" in texts(dependence("price", made, across="year_built", up="price"))
    assert tick_labels((1000.0, 2000.0)) == ("1,000", "2,000")
