import numpy as np
import pytest
import xgboost as xgb
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from interlock.errors import AuthorError
from interlock.features.definition import Input
from interlock.release.export.exported import Refusal
from interlock.release.export.exporter import exact, export
from interlock.release.parity import compare
from interlock.release.scorers.opening import open_scorer
from interlock.train.answer import AnswerSpec, answer
from interlock.train.raw import raw_scores
from interlock.train.training_data import frame_of

SMALL = {"n_estimators": 25, "max_depth": 4, "n_jobs": 1, "random_state": 0}


def rows(examples, seed):
    X = examples.matrix(seed)
    return np.where(np.isinf(X), 0.5, X)


@pytest.mark.parametrize(
    ("objective", "link"),
    [
        ("reg:squarederror", "identity"),
        ("reg:absoluteerror", "identity"),
        ("reg:pseudohubererror", "identity"),
        ("count:poisson", "log"),
        ("reg:gamma", "log"),
        ("reg:tweedie", "log"),
    ],
)
def test_regressors_agree_to_the_bit(examples, parity, encoder, objective, link):
    X = rows(examples, 1)
    y = np.abs(examples.target(X, 1)) + 0.1
    model = xgb.XGBRegressor(objective=objective, **SMALL).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.link, exported.tolerance) == ("onnx", link, 0.0)
    assert parity(model, exported, X).within(0.0)


@pytest.mark.parametrize("n_classes", [2, 5])
def test_classifiers_agree_to_the_bit(examples, parity, encoder, n_classes):
    X = rows(examples, 2)
    y = np.digitize(examples.target(X, 2), np.linspace(-1, 3, n_classes - 1))
    model = xgb.XGBClassifier(**SMALL).fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    assert exported.link == ("logit" if n_classes == 2 else "softmax")
    assert parity(model, exported, X).within(0.0)


def test_a_random_forest_of_its_own_and_early_stopping(examples, parity, encoder):
    X = rows(examples, 3)
    y = examples.target(X, 3)
    forest = xgb.XGBRFRegressor(n_estimators=7, random_state=0, n_jobs=1).fit(X, y)
    assert parity(forest, export(forest, encoder, task="regression"), X).within(0.0)
    early = xgb.XGBRegressor(**{**SMALL, "n_estimators": 400}, early_stopping_rounds=3)
    early.fit(X[:300], y[:300], eval_set=[(X[300:], y[300:])], verbose=False)
    assert early.best_iteration < 390
    assert parity(early, export(early, encoder, task="regression"), X).within(0.0)


def test_what_it_cannot_match_is_kept_in_its_own_format(examples, encoder):
    X = rows(examples, 4)
    y = examples.target(X, 4)
    model = xgb.XGBRegressor(**SMALL, booster="dart", rate_drop=0.2).fit(X, y)
    with pytest.raises(Refusal, match="the booster dart is no plain sum of trees"):
        exact(model)
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.file_name) == ("xgboost", "model.xgb.ubj")
    scorer = open_scorer("xgboost", exported.payload, n_columns=X.shape[1])
    assert compare(raw_scores(model, X), scorer.raw(X)).within(1e-12)
    assert scorer.raw_one(X[0].tolist()) == scorer.raw(X[:1])[0].tolist()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_classifier_in_its_own_format(examples, encoder, n_classes):
    X = rows(examples, 5)
    y = np.digitize(examples.target(X, 5), np.linspace(-1, 3, n_classes - 1))
    model = xgb.XGBClassifier(**SMALL, booster="dart").fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    scorer = open_scorer("xgboost", exported.payload, n_columns=X.shape[1])
    assert compare(raw_scores(model, X), scorer.raw(X)).within(1e-12)


@pytest.mark.parametrize("n_classes", [0, 2, 3])
def test_a_linear_booster_in_its_own_format(examples, encoder, n_classes):
    X = rows(examples, 6)
    y = examples.target(X, 6)
    kind, task = xgb.XGBRegressor, "regression"
    if n_classes:
        y = np.digitize(y, np.linspace(-1, 3, n_classes - 1))
        kind, task = xgb.XGBClassifier, "binary" if n_classes == 2 else "multiclass"
    model = kind(n_estimators=25, n_jobs=1, booster="gblinear", early_stopping_rounds=3)
    model.fit(X[:300], y[:300], eval_set=[(X[300:], y[300:])], verbose=False)
    exported = export(model, encoder, task=task)
    scorer = open_scorer(exported.format, exported.payload, n_columns=X.shape[1])
    assert exported.format == "xgboost"
    assert compare(raw_scores(model, X), scorer.raw(X)).within(1e-12)
    assert scorer.raw_one(X[0].tolist()) == scorer.raw(X[:1])[0].tolist()


@pytest.mark.parametrize("missing", [0, 0.1, -1.0])
def test_what_it_takes_for_missing_is_missing_in_the_graph(examples, parity, encoder, missing):
    X = rows(examples, 7)
    X[::3, :3] = missing
    y = examples.target(X, 7) + 3 * (X[:, 0] == missing)
    model = xgb.XGBRegressor(**SMALL, missing=missing).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert exported.format == "onnx"
    assert parity(model, exported, X).within(0.0)


def test_a_file_that_forgets_what_is_missing_is_not_made(examples, encoder):
    X = rows(examples, 8)
    model = xgb.XGBRegressor(**SMALL, missing=0.0, booster="dart").fit(X, examples.target(X, 8))
    with pytest.raises(AuthorError) as raised:
        export(model, encoder, task="regression")
    assert raised.value.code == "T151"
    assert "missing=0.0, and XGBRegressor: the booster dart" in str(raised.value)


def test_several_quantiles_at_once_are_no_prediction(examples):
    X = rows(examples, 9)
    several = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9]}
    model = xgb.XGBRegressor(**SMALL, **several).fit(X, examples.target(X, 9))
    with pytest.raises(AuthorError) as raised:
        raw_scores(model, X)
    assert (raised.value.code, raised.value.mistakes[0].got) == (
        "T101",
        "XGBRegressor, which predicts 2",
    )


@pytest.mark.parametrize("booster", ["gbtree", "dart"], ids=["a graph", "its own format"])
def test_an_objective_that_says_the_class_alone_has_probabilities_too(examples, encoder, booster):
    X = rows(examples, 5)
    y = np.digitize(examples.target(X, 5), [0.0, 1.0])
    model = xgb.XGBClassifier(**SMALL, objective="multi:softmax", booster=booster).fit(X, y)
    exported = export(model, encoder, task="multiclass")
    scorer = open_scorer(exported.format, exported.payload, n_columns=5)
    assert compare(raw_scores(model, X), scorer.raw(X)).within(exported.tolerance)
    spec = AnswerSpec(task="multiclass", link=exported.link, classes=(0, 1, 2))
    shares = answer(scorer.raw(X), spec).probabilities
    assert shares == pytest.approx(model.predict_proba(X), abs=1e-6)


def _small(**options):
    return xgb.XGBClassifier(n_estimators=10, max_depth=3, n_jobs=1, **options)


def _mapped(objective):
    return xgb.XGBRegressor(n_estimators=10, max_depth=3, n_jobs=1, objective=objective)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        CalibratedClassifierCV(_small(), cv=2),
        CalibratedClassifierCV(_small(), cv=2, method="isotonic"),
        VotingClassifier([("a", _small()), ("b", LogisticRegression())], voting="soft"),
        VotingClassifier([("a", _small()), ("b", _small(max_leaves=3))], voting="soft"),
        StackingClassifier([("a", _small()), ("b", DecisionTreeClassifier(max_depth=3))], cv=2),
        StackingClassifier(
            [("a", DecisionTreeClassifier(max_depth=3))], cv=2, final_estimator=_small()
        ),
    ],
    ids=["platt", "isotonic", "vote", "vote of floats", "stack", "last"],
)
def test_its_probabilities_within_others_agree_within_rounding(encoder, model, n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = np.digitize(X[:, 0] + rng.normal(0, 0.3, 400), np.linspace(-0.5, 0.5, n_classes - 1))
    model.fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    scorer = open_scorer("onnx", exported.payload, n_columns=3)
    rows = 2 * rng.normal(size=(5_000, 3))
    assert compare(raw_scores(model, rows), scorer.raw(rows)).within(1e-12)


def test_its_probabilities_within_a_pipeline_within_another_agree_within_rounding():
    rng = np.random.default_rng(0)
    columns = {"a": rng.normal(size=300), "b": rng.normal(size=300)}
    inputs = tuple(Input(name=name, kind="float") for name in columns)
    frame = frame_of(inputs, columns)
    model = CalibratedClassifierCV(make_pipeline(StandardScaler(), _small()), cv=2)
    model.fit(frame, columns["a"] > 0.1)
    exported = export(model, None, task="binary", inputs=inputs, columns=columns)
    scorer = open_scorer("onnx", exported.payload, n_columns=2)
    answers = scorer.raw(exported.encoder.transform(columns))
    assert compare(raw_scores(model, frame), answers).within(1e-12)


@pytest.mark.parametrize(
    "model",
    [
        VotingRegressor([("a", _mapped("count:poisson")), ("b", _mapped("reg:squarederror"))]),
        VotingRegressor([("a", _mapped("reg:gamma")), ("b", Ridge())], weights=[2, 1]),
        StackingRegressor([("a", _mapped("reg:tweedie")), ("b", Ridge())], cv=2),
    ],
    ids=["vote of floats", "vote", "stack"],
)
def test_its_exponentials_within_others_agree_within_rounding(encoder, model):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    model.fit(X, np.exp(X[:, 0] + rng.normal(0, 0.3, 400)))
    exported = export(model, encoder, task="regression")
    scorer = open_scorer("onnx", exported.payload, n_columns=3)
    rows = 2 * rng.normal(size=(5_000, 3))
    assert compare(raw_scores(model, rows), scorer.raw(rows)).within(1e-12)


def test_an_exponential_too_large_for_a_float_is_infinite_as_there(encoder):
    X = np.linspace(-1, 1, 200)[:, np.newaxis]
    model = VotingRegressor([("a", _mapped("count:poisson").set_params(base_score=1.0))])
    model.fit(X, np.where(X[:, 0] > 0, 1e30, 1e-30))
    exported = export(model, encoder, task="regression")
    scorer = open_scorer("onnx", exported.payload, n_columns=1)
    assert compare(raw_scores(model, X), scorer.raw(X)).within(1e-12)
