"""Intervals and probabilities: measured by the gate, kept as JSON, told to the report."""

import json
from dataclasses import replace

import numpy as np
import pytest

from interlock.evaluate.metrics import METRICS
from interlock.evaluate.predicted import Predicted
from interlock.gates.model.measurement import ModelMeasurement
from interlock.pipeline.judging.promises import measured_calibration, measured_intervals
from interlock.pipeline.telling.promises import with_calibration, with_intervals
from interlock.report import content as report

N = 1_000
DAY = 86_400_000_000
RNG = np.random.default_rng(8)
Y = RNG.uniform(100, 200, N)
WHERE = ["town", "lake"] * 500


def _measurement(**changes):
    known = {
        "metric": "mae",
        "y": Y,
        "predictions": {"boosting": Y * 1.01},
        "winner": "boosting",
        "baselines": (),
        "seed": 3,
        "champion": None,
        "champion_prediction": None,
        "champion_rows": None,
        "columns": {"where": WHERE},
        "automatic": ("where",),
        "low": Y - 10.0,
        "high": np.where(np.arange(N) % 5, Y + 10.0, Y - 1.0),
        "promised": 0.8,
    }
    return ModelMeasurement(**(known | changes))


def _told(found, **summary):
    made = report.RegressionSummary(
        target="price", unit="USD", n=N, unusable=0, relative=True, **summary
    )
    return with_intervals(made, json.loads(json.dumps(found)))


def test_coverage_and_widths_of_all_rows_by_slice_and_over_time():
    instants = np.arange(N) * 300 * DAY // N
    told = _told(measured_intervals(_measurement(), instants))
    whole = told.intervals.whole
    assert (told.intervals.level, told.intervals.unit) == (0.8, "USD")
    assert told.coverage == whole.coverage
    assert (whole.n, whole.coverage.value) == (N, 0.8)
    assert whole.coverage.interval.low < 0.8 < whole.coverage.interval.high
    assert whole.width == pytest.approx((9.0, 20.0, 20.0))
    assert 0.1 < whole.relative_width < 0.15
    slices = {f"{p.column} = {p.label}": p for p in told.intervals.slices}
    assert list(slices) == ["where = lake", "where = town"]
    assert sum(p.n for p in told.intervals.periods) == N
    assert [p.label for p in told.intervals.periods][:2] == ["1970-01", "1970-02"]
    assert [p.label for p in told.coverage_periods] == [p.label for p in told.intervals.periods]


def test_a_gap_in_time_is_a_gap():
    instants = np.where(np.arange(N) < 500, 0, 300 * DAY)
    told = _told(measured_intervals(_measurement(), instants))
    counts = [p.n for p in told.intervals.periods]
    assert counts == [500, *[0] * 8, 500]
    assert told.intervals.periods[3].coverage is None
    assert told.intervals.periods[3].width is None


def test_widths_are_relative_only_where_predictions_are_above_zero():
    below = np.append(np.full(N - 1, 5.0), -1.0)
    found = measured_intervals(_measurement(predictions={"boosting": below}), None)
    assert found["whole"]["relative_width"] is None
    assert found["periods"] == []


@pytest.mark.parametrize(
    "change",
    [{"low": None}, {"promised": None}, {"high": np.full(N, np.nan)}, {"low": Y + 90.0}],
)
def test_nothing_is_told_of_intervals_that_are_none(change):
    assert measured_intervals(_measurement(**change), None) is None
    assert _told(None).intervals is None


def _classes():
    odds = RNG.uniform(0, 1, N)
    y = (RNG.random(N) < odds).astype(float)
    said = Predicted.of(np.column_stack([1 - odds, odds]))
    return _measurement(y=y, predictions={"boosting": said}, low=None, high=None, promised=None)


def test_the_reliability_curve_and_its_error():
    measurement = _classes()
    found = json.loads(json.dumps(measured_calibration(measurement)))
    made = report.ClassesSummary(target="late", n=N, unusable=0, classes=("no", "yes"))
    told = with_calibration(made, found)
    said = measurement.predictions["boosting"]
    assert told.calibration.value == pytest.approx(METRICS["ece"].value(measurement.y, said))
    assert told.calibration_error == told.calibration.value
    assert told.calibration.interval.low == 0.0
    assert len(told.reliability) == 10
    assert sum(b.observed.n for b in told.reliability) == N


def test_nothing_is_told_of_probabilities_that_are_none():
    assert measured_calibration(_measurement()) is None
    spoiled = _classes()
    values = spoiled.predictions["boosting"].values.copy()
    values[0, 0] = np.nan
    spoiled = replace(spoiled, predictions={"boosting": Predicted.of(values)})
    made = report.ClassesSummary(target="late", n=N, unusable=0, classes=("no", "yes"))
    told = with_calibration(made, json.loads(json.dumps(measured_calibration(spoiled))))
    assert told == made
    assert with_calibration(made, None) == made
