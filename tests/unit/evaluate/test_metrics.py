import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from interlock.errors import AuthorError
from interlock.evaluate.metrics import METRICS, format_value, metric_named
from interlock.stats.bootstrap import bootstrap
from interlock.stats.resamples import Resamples

positive = st.floats(0.01, 1e6)
pairs = st.lists(st.tuples(positive, positive), min_size=2, max_size=50)
REGRESSION = {
    "mae": oracle.mean_absolute_error,
    "rmse": oracle.root_mean_squared_error,
    "mape": oracle.mean_absolute_percentage_error,
    "mdape": lambda y, p: np.median(np.abs(p - y) / y),
    "rmsle": oracle.root_mean_squared_log_error,
    "r2": oracle.r2_score,
    "bias": lambda y, p: abs(np.mean(p - y)),
    "within_10": lambda y, p: np.mean(np.abs(p - y) <= 0.1 * y),
}
BINARY = {
    "log_loss": lambda y, p: oracle.log_loss(y, p, labels=[0, 1]),
    "brier": lambda y, p: oracle.brier_score_loss(y, p[:, 1]),
    "accuracy": lambda y, p: oracle.accuracy_score(y, np.argmax(p, axis=1)),
    "roc_auc": lambda y, p: oracle.roc_auc_score(y, p[:, 1]),
    "average_precision": lambda y, p: oracle.average_precision_score(y, p[:, 1]),
}


@pytest.mark.parametrize("name", REGRESSION)
@given(pairs)
@settings(max_examples=40, deadline=None)
def test_regression_metrics_agree_with_scikit_learn(name, rows):
    y, prediction = np.array(rows).T
    assume(np.std(y) > 1e-3 * np.mean(y))
    expected = REGRESSION[name](y, prediction)
    assert METRICS[name].value(y, prediction) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def _odds(rows):
    second = np.array([odds for _, odds in rows])
    return np.array([float(y) for y, _ in rows]), np.column_stack([1 - second, second])


@pytest.mark.parametrize("name", BINARY)
@given(
    # few distinct scores, so that ties are common
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0])), min_size=2)
)
@settings(max_examples=60, deadline=None)
def test_binary_metrics_agree_with_scikit_learn(name, rows):
    y, odds = _odds(rows)
    assume(0 < y.sum() < len(y))
    assert METRICS[name].value(y, odds) == pytest.approx(BINARY[name](y, odds), abs=1e-9)


@given(st.integers(3, 6), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_multiclass_metrics_agree_with_scikit_learn(n_classes, seed):
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet(np.ones(n_classes), size=40)
    y = rng.integers(0, n_classes, size=40)
    labels = list(range(n_classes))
    expected = {
        "log_loss": oracle.log_loss(y, odds, labels=labels),
        "brier": oracle.brier_score_loss(y, odds, labels=labels, scale_by_half=False),
        "accuracy": oracle.accuracy_score(y, odds.argmax(axis=1)),
    }
    for name, value in expected.items():
        assert METRICS[name].value(y, odds) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("name", BINARY)
def test_a_resample_is_scored_as_its_rows_written_out(name):
    rng = np.random.default_rng(3)
    y = (rng.random(60) < 0.4).astype(float)
    second = np.round(rng.random(60), 1)
    odds = np.column_stack([1 - second, second])
    resamples = Resamples.of(60, seed=1, clusters=np.arange(60) // 2, count=25)
    drawn = bootstrap([METRICS[name].on(y, odds)], resamples)[:, 0]
    counts = np.vstack([c.copy() for c in resamples.chunks()])[:, resamples.unit_of_row]
    for value, row in zip(drawn, counts.astype(int), strict=True):
        expected = BINARY[name](np.repeat(y, row), np.repeat(odds, row, axis=0))
        assert value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", REGRESSION)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_one_bad_number_leaves_a_regression_metric_undefined(name, bad, side):
    arrays = [np.array([1.0, 2.0, 3.0]), np.array([1.1, 2.1, 3.5])]
    arrays[side][1] = bad
    assert METRICS[name].on(*arrays) is None
    assert math.isnan(METRICS[name].value(*arrays))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(
    "odds", [[[0.5, 0.5], [math.nan, 0.5]], [[0.5, 0.5], [0.7, 0.7]], [[0.5, 0.5], [-0.1, 1.1]]]
)
def test_probabilities_that_are_none_leave_a_metric_undefined(name, odds):
    assert math.isnan(METRICS[name].value(np.array([0.0, 1.0]), np.array(odds)))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("y", [[0.0, 2.0], [0.5, 1.0], [-1.0, 1.0]])
def test_truths_that_are_no_class_leave_a_metric_undefined(name, y):
    assert math.isnan(METRICS[name].value(np.array(y), np.full((2, 2), 0.5)))


@pytest.mark.parametrize(
    ("name", "y", "prediction"),
    [
        ("mape", [0.0, 1.0], [1.0, 1.0]),
        ("mdape", [0.0, 1.0], [1.0, 1.0]),
        ("rmsle", [-1.0, 1.0], [1.0, 1.0]),
        ("rmsle", [1.0, 1.0], [-2.0, 1.0]),
        ("r2", [0.1, 0.1, 0.1], [0.1, 0.2, 0.3]),
        ("roc_auc", [1.0, 1.0], [[0.5, 0.5], [0.1, 0.9]]),
        ("roc_auc", [0.0, 0.0], [[0.5, 0.5], [0.1, 0.9]]),
        ("average_precision", [0.0, 0.0], [[0.5, 0.5], [0.1, 0.9]]),
    ],
)
def test_what_has_no_value_is_nan(name, y, prediction):
    assert math.isnan(METRICS[name].value(np.array(y), np.array(prediction)))


@pytest.mark.parametrize(
    ("name", "prediction", "shape"),
    [
        ("mae", np.ones((2, 1)), r"\(n_rows,\) for 2 rows, got \(2, 1\)"),
        ("mae", np.ones(3), r"\(n_rows,\) for 2 rows, got \(3,\)"),
        ("brier", np.ones(2), r"\(n_rows, n_classes\) for 2 rows, got \(2,\)"),
    ],
)
def test_a_prediction_of_the_wrong_shape_is_refused(name, prediction, shape):
    with pytest.raises(ValueError, match=f"{name} needs predictions of shape {shape}"):
        METRICS[name].value(np.array([0.0, 1.0]), prediction)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match=r"needs truth of shape \(n_rows,\)"):
        METRICS["mae"].value(np.array([]), np.array([]))


def test_metrics_are_found_by_name_and_task():
    assert metric_named("roc_auc", task="binary").better == "higher"
    with pytest.raises(AuthorError) as unknown:
        metric_named("mappe", task="regression")
    assert str(unknown.value) == (
        "error[M201]: no such metric\n"
        "  expected: mae, rmse, mape, mdape, rmsle, r2, bias, within_10\n"
        "  got: 'mappe'\n"
        "  fix: name one of the metrics above"
    )
    with pytest.raises(AuthorError) as misfit:
        metric_named("roc_auc", task="multiclass")
    assert str(misfit.value) == (
        "error[M202]: the metric roc_auc does not fit the task\n"
        "  expected: for a multiclass target one of log_loss, brier, accuracy\n"
        "  got: roc_auc\n"
        "  fix: choose a metric that fits the target"
    )


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.14239, "%", "14.24 %"),
        (123_456.7, "USD", "123,457 USD"),
        (-0.001234, "", "-0.001234"),
        (math.inf, "%", "undefined"),
    ],
)
def test_values_are_shown_with_their_unit(value, unit, text):
    assert format_value(value, unit) == text


def test_a_metric_shows_the_targets_unit_where_it_has_it():
    assert METRICS["mae"].unit_shown("USD") == "USD"
    assert METRICS["mdape"].unit_shown("USD") == "%"
    assert METRICS["r2"].unit_shown("USD") == "1"
