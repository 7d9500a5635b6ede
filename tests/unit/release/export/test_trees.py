import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from interlock.release.export.exported import Refusal
from interlock.release.export.exporter import exact, export
from interlock.release.scorers.opening import open_scorer
from interlock.train.raw import raw_scores

FOREST = {"n_estimators": 9, "random_state": 0, "min_samples_leaf": 2}


def numbers(seed, n=400):
    """Columns that single precision rounds, among them values around its own steps."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1, 1e-30, 1e6, 1e30]
    X[:, 1] += 1.0
    return X


@pytest.mark.parametrize(
    "model",
    [
        DecisionTreeRegressor(random_state=0),
        RandomForestRegressor(**FOREST),
        RandomForestRegressor(**FOREST, criterion="poisson"),
        ExtraTreesRegressor(**FOREST),
        GradientBoostingRegressor(n_estimators=20, random_state=0),
        GradientBoostingRegressor(n_estimators=20, loss="absolute_error", random_state=0),
        GradientBoostingRegressor(n_estimators=20, loss="huber", init="zero", random_state=0),
    ],
    ids=str,
)
def test_regressors_agree_to_the_bit(parity, encoder, model):
    X = numbers(1)
    model.fit(X, np.abs(X[:, 0]) + np.sin(X[:, 2]) + 2)
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.link, exported.tolerance) == ("onnx", "identity", 0.0)
    assert parity(model, exported, X).within(0.0)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    ("model", "link"),
    [
        (DecisionTreeClassifier(max_depth=4, random_state=0), "probability"),
        (RandomForestClassifier(**FOREST), "probability"),
        (ExtraTreesClassifier(**FOREST), "probability"),
        (GradientBoostingClassifier(n_estimators=12, random_state=0), ""),
    ],
    ids=str,
)
def test_classifiers_agree_to_the_bit(parity, encoder, model, link, n_classes):
    X = numbers(2)
    y = np.digitize(X[:, 0] + X[:, 3] / 1e30, np.linspace(-1, 1, n_classes - 1))
    model.fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    assert exported.format == "onnx"
    assert exported.link == (link or ("logit" if n_classes == 2 else "softmax"))
    assert parity(model, exported, X).within(0.0)


def test_missing_values_go_where_the_forest_sends_them(parity, encoder):
    X = numbers(3)
    X[::5, 0] = np.nan
    y = np.isnan(X[:, 0]) * 3.0 + np.nan_to_num(X[:, 0])
    model = RandomForestRegressor(**FOREST).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert exported.edges.missing
    assert parity(model, exported, X).within(0.0)


def test_boosting_that_starts_from_a_model_is_kept_native(encoder):
    X = numbers(4)
    model = GradientBoostingRegressor(n_estimators=3, init=LinearRegression()).fit(X, X[:, 0])
    with pytest.raises(Refusal, match="it starts from the predictions of another model"):
        exact(model)
    assert export(model, encoder, task="regression").format == "skops"


def test_several_targets_are_refused():
    X = numbers(5)
    with pytest.raises(Refusal, match="it predicts 2 targets at once"):
        exact(RandomForestRegressor(**FOREST).fit(X, X[:, :2]))


X_SMALL = numbers(6, n=120)
MODEL = ExtraTreesRegressor(**FOREST).fit(X_SMALL, X_SMALL[:, 0])
EXPORTED = exact(MODEL)
SCORER = open_scorer("onnx", EXPORTED.payload, n_columns=4)
ON_THRESHOLD = st.sampled_from(EXPORTED.edges.thresholds[0]).flatmap(
    lambda t: st.sampled_from([t, np.nextafter(t, np.inf), np.nextafter(t, -np.inf)])
)
SINGLE = st.floats(-1e38, 1e38) | ON_THRESHOLD


@given(st.lists(st.tuples(SINGLE, SINGLE, SINGLE, SINGLE), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_agrees_to_the_bit(rows):
    matrix = np.array(rows, dtype=np.float64)
    assert raw_scores(MODEL, matrix).tobytes() == SCORER.raw(matrix).tobytes()
