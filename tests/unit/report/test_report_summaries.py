"""Summaries of test rows, against counts by hand and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from interlock.clock import DAY, parse_instant
from interlock.report import estimates
from interlock.report.classes import summarise_classes
from interlock.report.residuals import summarise_regression


def test_the_median_lies_between_order_statistics_that_cover_it() -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        found = estimates.median(rng.exponential(size=60))
        assert found is not None
        assert found.interval is not None
        held += found.interval.low <= np.log(2) <= found.interval.high
    assert 0.93 <= held / 400 <= 0.995
    assert estimates.median(np.array([])) is None
    few = estimates.median(np.array([1.0, 2.0, 9.0]))
    assert few is not None
    assert (few.value, few.interval, few.n) == (2.0, None, 3)


@given(n=st.integers(1, 500), data=st.data())
def test_a_share_lies_in_its_interval(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    found = estimates.share(hits, n)
    assert found is not None
    assert found.interval is not None
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_every_row_is_counted_once_in_each_picture() -> None:
    rng = np.random.default_rng(0)
    y = np.exp(rng.normal(11, 1, 2_000))
    answer = y * np.exp(rng.normal(0, 0.3, 2_000))
    answer[:7] = np.nan
    instants = parse_instant("1996-01-01T00:00:00Z") + np.arange(2_000) * DAY // 4
    made = summarise_regression(
        y, answer, target="price", instants=instants, slices={"side": ["a", None] * 1_000}
    )
    assert (made.n, made.unusable, made.relative) == (1_993, 7, True)
    assert made.residuals is not None
    bins = made.residuals
    assert sum(bins.counts) + bins.below + bins.above == 1_993
    assert made.cloud is not None
    assert made.cloud.logarithmic
    assert sum(count for _, _, count in made.cloud.cells) == 1_993
    assert sum(group.n for group in made.deciles) == 1_993
    assert sum(period.n for period in made.periods) == 1_993
    assert made.periods[0].label == "1996-01"
    assert {(s.label, s.error.n) for s in made.slices} == {("a", 996), ("missing", 997)}


def test_errors_are_absolute_where_a_truth_is_not_above_zero() -> None:
    made = summarise_regression(np.array([0.0, 2.0]), np.array([1.0, 5.0]), target="t", unit="°C")
    assert not made.relative
    assert made.overall is not None
    assert made.overall.value == 2.0


def test_a_gap_in_time_stays_a_gap() -> None:
    start = parse_instant("2024-01-01T00:00:00Z")
    instants = np.array([start, start + 21 * DAY], dtype=np.int64)
    made = summarise_regression(np.ones(2), np.ones(2), target="t", instants=instants)
    assert [(p.label, p.n) for p in made.periods] == [
        ("2024-01-01", 1),
        ("2024-01-08", 0),
        ("2024-01-15", 0),
        ("2024-01-22", 1),
    ]
    assert made.periods[1].error is None


def test_no_usable_row_is_a_summary_of_nothing() -> None:
    made = summarise_regression(np.array([1.0]), np.array([np.inf]), target="t")
    assert (made.n, made.unusable, made.residuals, made.cloud) == (0, 1, None, None)
    classes = summarise_classes(
        ["a"], np.array([[np.nan, 0.5]]), classes=["a", "b"], target="t", slices={"s": [1]}
    )
    assert (classes.n, classes.unusable, classes.roc, classes.reliability) == (0, 1, None, ())


def test_one_value_alone_has_a_picture() -> None:
    made = summarise_regression(np.full(5, 3.0), np.full(5, 3.0), target="t")
    assert made.cloud is not None
    assert made.cloud.low < 3.0 < made.cloud.high


def test_coverage_counts_a_missing_end_as_outside() -> None:
    y = np.array([1.0, 2.0, 3.0, 4.0])
    low, high = np.array([0.0, np.nan, 3.0, 5.0]), np.array([1.0, 9.0, 3.0, 6.0])
    made = summarise_regression(y, y, target="t", low=low, high=high, promised=0.8)
    assert made.coverage is not None
    assert made.coverage.value == 0.5


def test_columns_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="all columns must have 2 rows, got 1"):
        summarise_regression(np.ones(2), np.ones(2), target="t", slices={"s": [1]})
    with pytest.raises(ValueError, match=r"shape \(1, 2\), got \(1, 3\)"):
        summarise_classes(["a"], np.ones((1, 3)), classes=["a", "b"], target="t")
    with pytest.raises(ValueError, match=r"must be a class, got \['c'\]"):
        summarise_classes(["c"], np.ones((1, 2)), classes=["a", "b"], target="t")


def test_curves_and_table_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(5)
    score = np.round(rng.random(800), 2)  # with many ties
    truth = rng.random(800) < score
    made = summarise_classes(
        truth.tolist(),
        np.stack([1 - score, score], axis=1),
        classes=[False, True],
        target="late",
        instants=np.arange(800, dtype=np.int64) * DAY,
    )
    assert made.roc is not None
    assert made.precision_recall is not None
    assert made.roc.area == pytest.approx(roc_auc_score(truth, score), abs=1e-12)
    wanted = average_precision_score(truth, score)
    assert made.precision_recall.area == pytest.approx(wanted, abs=1e-12)
    answered = score > 0.5
    assert np.array(made.confusion).tolist() == confusion_matrix(truth, answered).tolist()
    assert sum(b.observed.n for b in made.reliability) == 800
    assert made.calibration_error is not None
    assert made.calibration_error < 0.06
    assert len(made.roc.points) <= 80
    assert made.roc.points[0] == (0.0, 0.0)
    assert made.roc.points[-1] == (1.0, 1.0)


def test_one_class_alone_has_no_curve() -> None:
    made = summarise_classes(
        ["a", "a"], np.array([[0.9, 0.1], [0.2, 0.8]]), classes=["a", "b"], target="t"
    )
    assert made.roc is None
    assert made.precision_recall is None
    assert made.confusion == ((1, 1), (0, 0))
