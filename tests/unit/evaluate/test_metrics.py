import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as oracle

from interlock.errors import AuthorError
from interlock.evaluate.compare import estimate
from interlock.evaluate.metrics import METRICS, find_metric, format_value, metric_named
from interlock.evaluate.predicted import Predicted
from interlock.stats.bootstrap import bootstrap
from interlock.stats.resamples import Resamples
from interlock.train.decision import Decision

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
    "mean_error": lambda y, p: np.mean(p - y),
    "median_relative_error": lambda y, p: np.median((p - y) / y),
    "within_5": lambda y, p: np.mean(np.abs(p - y) <= 0.05 * y),
    "within_10": lambda y, p: np.mean(np.abs(p - y) <= 0.1 * y),
    "within_20": lambda y, p: np.mean(np.abs(p - y) <= 0.2 * y),
    "median_ratio": lambda y, p: np.median(p / y),
    "cod": lambda y, p: np.mean(np.abs(p / y - np.median(p / y))) / np.median(p / y),
    "prd": lambda y, p: np.mean(p / y) / (p.sum() / y.sum()),
}
BINARY = {
    "log_loss": lambda y, p: oracle.log_loss(y, p, labels=[0, 1]),
    "brier": lambda y, p: oracle.brier_score_loss(y, p[:, 1]),
    "accuracy": lambda y, p: oracle.accuracy_score(y, np.argmax(p, axis=1)),
    "roc_auc": lambda y, p: oracle.roc_auc_score(y, p[:, 1]),
    "average_precision": lambda y, p: oracle.average_precision_score(y, p[:, 1]),
    "recall_at_fpr_5": lambda y, p: _recall_at(y, p, 0.05),
    "recall_at_fpr_40": lambda y, p: _recall_at(y, p, 0.4),
    "ece": lambda y, p: _ece(p[:, 1], y == 1),
    "f1": lambda y, p: oracle.f1_score(y, np.argmax(p, axis=1)),
    "f2": lambda y, p: oracle.fbeta_score(y, np.argmax(p, axis=1), beta=2),
    "f0.5": lambda y, p: oracle.fbeta_score(y, np.argmax(p, axis=1), beta=0.5),
    "precision": lambda y, p: _share_or_nan(oracle.precision_score, y, np.argmax(p, axis=1)),
    "recall": lambda y, p: oracle.recall_score(y, np.argmax(p, axis=1)),
}


def _recall_at(y, p, rate):
    wrongly, found, _ = oracle.roc_curve(y, p[:, 1], drop_intermediate=False)
    return found[wrongly <= rate + 1e-12].max()


def _ece(promised, came_true):
    """Equal mass: the deciles of the promises, equal ones together."""
    edges = np.quantile(promised, np.arange(1, 10) / 10)
    bins = np.searchsorted(np.unique(edges), promised, side="right")
    gaps = [abs((promised - came_true)[bins == b].sum()) for b in np.unique(bins)]
    return sum(gaps) / len(promised)


def _share_or_nan(score, y, answered):
    return score(y, answered, zero_division=np.nan)


@pytest.mark.parametrize("name", REGRESSION)
@given(pairs)
@settings(max_examples=40, deadline=None)
def test_regression_metrics_agree_with_scikit_learn(name, rows):
    y, prediction = np.array(rows).T
    assume(np.std(y) > 1e-3 * np.mean(y))
    expected = REGRESSION[name](y, prediction)
    assert metric_named(name).value(y, prediction) == pytest.approx(expected, rel=1e-9, abs=1e-9)


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
    expected = pytest.approx(BINARY[name](y, odds), abs=1e-9, nan_ok=True)
    assert metric_named(name).value(y, odds) == expected


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
        "ece": _ece(odds.max(axis=1), odds.argmax(axis=1) == y),
    }
    if len(np.unique(y)) == n_classes == len(np.unique(odds.argmax(axis=1))):
        expected |= {
            f"{name}{ending}": score(y, odds.argmax(axis=1), average=average)
            for name, score in (
                ("precision", oracle.precision_score),
                ("recall", oracle.recall_score),
                ("f1", oracle.f1_score),
            )
            for ending, average in (("", "macro"), ("_weighted", "weighted"))
            if name + ending != "recall_weighted"  # which is the accuracy
        }
        expected |= {
            "roc_auc": oracle.roc_auc_score(y, odds, multi_class="ovr"),
            "roc_auc_weighted": oracle.roc_auc_score(
                y, odds, multi_class="ovr", average="weighted"
            ),
            "average_precision": oracle.average_precision_score(y, odds),
            "average_precision_weighted": oracle.average_precision_score(
                y, odds, average="weighted"
            ),
            "f2": oracle.fbeta_score(y, odds.argmax(axis=1), beta=2, average="macro"),
        }
    for name, value in expected.items():
        assert metric_named(name).value(y, odds) == pytest.approx(value, rel=1e-9)


def test_macro_averages_are_undefined_without_a_class_and_weighted_ones_are_not():
    y, odds = np.array([0.0, 1.0, 1.0]), np.eye(3)[[0, 1, 0]]
    for name in ("roc_auc", "average_precision", "recall", "f1"):
        assert math.isnan(metric_named(name).value(y, odds))
    assert metric_named("roc_auc_weighted").value(y, odds) == pytest.approx(0.75)
    assert metric_named("f1_weighted").value(y, odds) == pytest.approx(2 / 3)


def test_the_price_related_bias_is_that_of_the_standards_formula():
    """IAAO, Standard on Ratio Studies, appendix D: regress (ratio − median) ÷ median on
    ln(half of price + value ÷ median) ÷ ln 2. Ratios 1.2, 1.1, 1.0, 0.9, 0.8, median 1."""
    price = np.array([50_000.0, 100_000.0, 200_000.0, 400_000.0, 800_000.0])
    value = price * np.array([1.2, 1.1, 1.0, 0.9, 0.8])
    proxy = [55_000, 105_000, 200_000, 380_000, 720_000]
    slope = stats.linregress(np.log(proxy) / np.log(2), [0.2, 0.1, 0.0, -0.1, -0.2]).slope
    assert metric_named("prb").value(price, value) == pytest.approx(slope, rel=1e-12)
    assert slope == pytest.approx(-0.10780, abs=1e-5)
    assert metric_named("median_ratio").value(price, value) == 1
    assert metric_named("cod").value(price, value) == pytest.approx(0.6 / 5)
    mean, weighted = 1.0, (60 + 110 + 200 + 360 + 640) / 1_550
    assert metric_named("prd").value(price, value) == pytest.approx(mean / weighted)


def test_valuations_that_only_differ_in_level_have_no_price_related_bias():
    price = np.geomspace(40_000, 900_000, 200)
    for level in (0.5, 1.0, 3.0):
        assert metric_named("prb").value(price, level * price) == pytest.approx(0, abs=1e-9)
        assert metric_named("prd").value(price, level * price) == pytest.approx(1)
        assert metric_named("cod").value(price, level * price) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["cod", "prd", "prb", "median_ratio", "mean_error"])
def test_a_resample_of_valuations_is_scored_as_its_rows_written_out(name):
    rng = np.random.default_rng(4)
    y = rng.lognormal(12, 0.5, 90)
    prediction = y * rng.lognormal(0, 0.2, 90)
    resamples = Resamples.of(90, seed=1, clusters=np.arange(90) // 3, count=25)
    drawn = bootstrap([metric_named(name).on(y, prediction)], resamples)[:, 0]
    counts = np.vstack([c.copy() for c in resamples.chunks()])[:, resamples.unit_of_row]
    for value, row in zip(drawn, counts.astype(int), strict=True):
        alone = metric_named(name).value(np.repeat(y, row), np.repeat(prediction, row))
        assert value == pytest.approx(alone, rel=1e-9)


ANY = [m for m in METRICS.values() if "regression" in m.tasks]
OF_CLASSES = [m for m in METRICS.values() if "regression" not in m.tasks]


@pytest.mark.parametrize("metric", ANY, ids=lambda m: m.name)
@given(rows=pairs, seed=st.integers(0, 1_000))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_never_matters_to_a_regression(metric, rows, seed):
    y, prediction = np.array(rows).T
    order = np.random.default_rng(seed).permutation(len(y))
    expected = pytest.approx(metric.value(y, prediction), rel=1e-6, abs=1e-9, nan_ok=True)
    assert metric.value(y[order], prediction[order]) == expected


@pytest.mark.parametrize("metric", OF_CLASSES, ids=lambda m: m.name)
@given(k=st.integers(2, 4), n=st.integers(1, 30), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_metrics_of_classes_are_bounded_and_know_no_order(metric, k, n, seed):
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet(np.ones(k), size=n).round(2)
    odds[:, -1] = 1 - odds[:, :-1].sum(axis=1)
    assume((odds >= 0).all())
    y, order = rng.integers(0, k, size=n).astype(float), rng.permutation(n)
    found = metric.value(y, odds)
    again = metric.value(y[order], odds[order])
    assert again == pytest.approx(found, rel=1e-9, abs=1e-12, nan_ok=True)
    highest = {"log_loss": 37, "brier": 2}.get(metric.name, 1)
    assert math.isnan(found) or -1e-12 <= found <= highest + 1e-12


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_truth_itself_is_as_good_as_it_gets(metric):
    rng = np.random.default_rng(1)
    if "regression" in metric.tasks:
        truth = rng.lognormal(10, 1, 60)
        best, worse = metric.value(truth, truth), metric.value(truth, truth * 1.1)
    else:
        k = 2 if "binary" in metric.tasks else 3
        truth = np.arange(60.0) % k
        right = np.eye(k)[truth.astype(int)]
        best, worse = metric.value(truth, right), metric.value(truth, np.roll(right, 1, axis=0))
    assert not metric.is_better(worse, best)
    if metric.target is not None:
        assert best == pytest.approx(metric.target, abs=1e-12)


def test_what_was_answered_decides_metrics_of_answers_and_no_others():
    y = np.array([0.0, 0.0, 1.0, 1.0])
    odds = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.2, 0.8]])
    low = Predicted(odds, Decision(threshold=0.2).classes(odds))
    for name, plain, decided in (
        ("recall", 0.5, 1.0),
        ("precision", 1.0, 2 / 3),
        ("accuracy", 0.75, 0.75),
        ("brier", 0.125, 0.125),
        ("roc_auc", 1.0, 1.0),
    ):
        assert metric_named(name).value(y, odds) == pytest.approx(plain)
        assert metric_named(name).value(y, low) == pytest.approx(decided)
    part = low[np.array([True, False, True, True])]
    assert metric_named("precision").value(y[[0, 2, 3]], part) == 1.0


def test_a_metric_in_another_unit_is_the_same_times_a_factor():
    y, prediction = np.array([1_000.0, 2_000.0]), np.array([1_500.0, 2_000.0])
    kilo = metric_named("mae").shown_in("kUSD", 0.001)
    assert (kilo.value(y, prediction), kilo.unit_shown("USD")) == (0.25, "kUSD")
    found = estimate(kilo, np.tile(y, 100), np.tile(prediction, 100), seed=1)
    plain = estimate(METRICS["mae"], np.tile(y, 100), np.tile(prediction, 100), seed=1)
    assert found.interval.high == pytest.approx(plain.interval.high / 1_000)
    assert metric_named("prd").shown_in("%", 100).target == 100


@pytest.mark.parametrize(
    "name", ["f", "f0", "f-1", "within_0", "within_100", "recall_at_fpr_", "F1"]
)
def test_a_family_has_its_bounds(name):
    assert find_metric(name) is None


@pytest.mark.parametrize("name", [name for name in BINARY if name != "ece"])  # keeps its bins
def test_a_resample_is_scored_as_its_rows_written_out(name):
    rng = np.random.default_rng(3)
    y = (rng.random(60) < 0.4).astype(float)
    second = np.round(rng.random(60), 1)
    odds = np.column_stack([1 - second, second])
    resamples = Resamples.of(60, seed=1, clusters=np.arange(60) // 2, count=25)
    drawn = bootstrap([metric_named(name).on(y, odds)], resamples)[:, 0]
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
    assert metric_named(name).on(*arrays) is None
    assert math.isnan(metric_named(name).value(*arrays))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(
    "odds", [[[0.5, 0.5], [math.nan, 0.5]], [[0.5, 0.5], [0.7, 0.7]], [[0.5, 0.5], [-0.1, 1.1]]]
)
def test_probabilities_that_are_none_leave_a_metric_undefined(name, odds):
    assert math.isnan(metric_named(name).value(np.array([0.0, 1.0]), np.array(odds)))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("y", [[0.0, 2.0], [0.5, 1.0], [-1.0, 1.0]])
def test_truths_that_are_no_class_leave_a_metric_undefined(name, y):
    assert math.isnan(metric_named(name).value(np.array(y), np.full((2, 2), 0.5)))


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
        ("recall_at_fpr_5", [1.0, 1.0], [[0.5, 0.5], [0.1, 0.9]]),
        ("recall_at_fpr_5", [0.0, 0.0], [[0.5, 0.5], [0.1, 0.9]]),
        ("precision", [0.0, 1.0], [[0.9, 0.1], [0.9, 0.1]]),
        ("recall", [0.0, 0.0], [[0.5, 0.5], [0.1, 0.9]]),
        ("f1", [0.0, 0.0], [[0.9, 0.1], [0.9, 0.1]]),
        ("cod", [0.0, 1.0], [1.0, 1.0]),
        ("cod", [1.0, 1.0, 1.0], [-1.0, -1.0, 2.0]),
        ("prd", [-1.0, 1.0], [1.0, 1.0]),
        ("prb", [1.0, 2.0], [0.0, 2.0]),
        ("prb", [1.0, 1.0], [1.0, 1.0]),
        ("median_ratio", [0.0, 1.0], [1.0, 1.0]),
        ("median_relative_error", [0.0, 1.0], [1.0, 1.0]),
    ],
)
def test_what_has_no_value_is_nan(name, y, prediction):
    assert math.isnan(metric_named(name).value(np.array(y), np.array(prediction)))


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
        "  expected: mae, rmse, mape, mdape, rmsle, r2, bias, mean_error, median_relative_error, "
        "within_5, within_10, within_20, median_ratio, cod, prd, prb\n"
        "  got: 'mappe'\n"
        "  fix: name one of the metrics above"
    )
    with pytest.raises(AuthorError) as misfit:
        metric_named("recall_at_fpr_5", task="multiclass")
    assert str(misfit.value) == (
        "error[M202]: the metric recall_at_fpr_5 does not fit the task\n"
        "  expected: for a multiclass target one of log_loss, brier, ece, roc_auc, "
        "average_precision, accuracy, precision, recall, f1, f2, roc_auc_weighted, "
        "average_precision_weighted, precision_weighted, f1_weighted\n"
        "  got: recall_at_fpr_5\n"
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
