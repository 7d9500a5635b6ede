"""Ticks, scales and elements: laws that every drawing rests on."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.report import numbers
from interlock.report.charts import spark
from interlock.report.charts.axis import (
    Scale,
    log_ticks,
    nice_ticks,
    spanning,
    tick_labels,
)
from interlock.report.charts.confusion import confusion
from interlock.report.charts.svg import label, tag
from interlock.report.content import ClassesSummary
from interlock.report.figures.classes import confusions
from interlock.report.names import shown

values = st.floats(-1e12, 1e12, allow_nan=False)


@given(low=values, width=st.floats(1e-6, 1e12))
def test_ticks_are_few_round_and_inside(low: float, width: float) -> None:
    high = low + width
    ticks = nice_ticks(low, high)
    slack = max(abs(low), abs(high)) * 1e-6 + width * 1e-3
    assert len(ticks) <= 11
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert list(ticks) == sorted(ticks)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_one_value_alone_lies_in_the_middle(logarithmic: bool) -> None:
    scale = Scale(low=4.0, high=4.0, start=10, end=20, logarithmic=logarithmic)
    assert scale(4.0) == scale(5.0) == 15


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.13, 0.29, ("0.15", "0.20", "0.25")),
        (0, 100_000, ("0", "20k", "40k", "60k", "80k", "100k")),
        (-1, 1, ("-1.0", "-0.5", "0.0", "0.5", "1.0")),
        (0, 3_000_000, ("0", "1M", "2M", "3M")),
    ],
)
def test_tick_texts(low: float, high: float, expected: tuple[str, ...]) -> None:
    assert tick_labels(nice_ticks(low, high)) == expected


def test_ticks_of_a_logarithmic_scale() -> None:
    assert log_ticks(6_000, 400_000, 6) == (10_000, 20_000, 50_000, 100_000, 200_000)
    assert log_ticks(1, 1e9, 5)[:2] == (1, 10)
    assert log_ticks(110, 180, 5) == (120, 140, 160, 180)


@given(st.lists(values, max_size=5))
def test_a_scale_spans_any_values(found: list[float]) -> None:
    scale = spanning([*found, None, math.nan, math.inf], start=10, end=90)
    assert all(10 <= scale(value) <= 90 for value in [*found, -1e300, 1e300])


def test_a_logarithmic_scale_puts_equal_ratios_at_equal_distances() -> None:
    scale = Scale(low=1, high=100, start=0, end=10, logarithmic=True)
    assert scale(10) == pytest.approx(5)
    assert scale(-3) == 0


@given(st.text(max_size=300))
def test_any_text_makes_a_well_formed_element(text: str) -> None:
    drawn = label(text, 1.0, 2.0, room=60.0)
    element = ET.fromstring(drawn)
    assert len(element.text or "") <= 9
    ET.fromstring(tag("g", tag("title", shown(text)), data_name=shown(text)))


@given(st.text(), st.integers(1, 60))
def test_shown_names_are_visible_and_short(text: str, limit: int) -> None:
    line = shown(text, limit=limit)
    assert len(line) <= limit
    assert line.isprintable() or any(c.isspace() for c in line)
    assert not set(line) & {"\n", "\r", "\x1b", "\u202e", "\u2028"}


@given(st.floats(), st.floats())
def test_what_differs_is_never_shown_as_equal(a: float, b: float) -> None:
    first, second = numbers.pair(a, b)
    assert first
    assert second
    if math.isfinite(a) and math.isfinite(b) and abs(a - b) > 1e-3 * max(abs(a), abs(b), 1e-6):
        assert first != second


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.significant(None), "not measured"),
        (numbers.significant(-0.0), "0"),
        (numbers.significant(float("-inf")), "-infinity"),
        (numbers.percent(0.95), "95 %"),
        (numbers.percent(1.0), "100 %"),
        (numbers.percent(0.9964, 2), "99.6 %"),
        (numbers.percent(0.999_999_9, 2), "99.99999 %"),
        (numbers.measure(0.1424, "%"), "14.2 %"),
        (numbers.measure(12_310.4, "USD"), "12,310 USD"),
        (numbers.between(-0.01, 0.02), "-0.0100 to 0.0200"),
        (numbers.between(12.0, 18.0), "12–18"),
        (numbers.seconds_text(0.35), "0.3 s"),
        (numbers.seconds_text(59.7), "1 min 0 s"),
        (numbers.seconds_text(125), "2 min 5 s"),
        (numbers.seconds_text(None), ""),
        (numbers.seconds_text(7_260), "2 h 1 min"),
        (numbers.span_text(90 * 1_000_000), "1 min"),
    ],
)
def test_numbers_as_people_read_them(text: str, expected: str) -> None:
    assert text == expected


def test_a_far_value_does_not_flatten_a_small_picture() -> None:
    near = spark.density("d", (0, 1, 2, 3, 4), (5, 9, 9, 5))
    far = spark.density("d", (0, 1, 2, 3, 4_000), (5, 9, 9, 5))
    assert "V2H" in near  # the highest bar reaches the top
    assert "V2H" in far
    assert far.count("H") == 4


def test_many_classes_are_merged_and_none_is_lost() -> None:
    k = 30
    counts = tuple(tuple(1 for _ in range(k)) for _ in range(k))
    made = ClassesSummary(
        target="t", n=k * k, unusable=0, classes=tuple(f"c{i}" for i in range(k)), confusion=counts
    )
    figure = confusions(made)
    assert figure is not None
    assert figure.head[-1] == "answered 23 others"
    assert sum(int(cell.replace(",", "")) for row in figure.rows for cell in row[1:]) == k * k
    ET.fromstring(confusion("t", ["a"], [[0]]))
