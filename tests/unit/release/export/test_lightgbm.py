import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression

from interlock.release.export import lightgbm as exporter
from interlock.release.export.exporter import exact, export, keep
from interlock.release.parity import compare
from interlock.release.scorers.opening import open_scorer
from interlock.train.raw import raw_scores

lgb = pytest.importorskip("lightgbm")
SMALL = {
    "n_estimators": 12,
    "min_child_samples": 3,
    "num_leaves": 15,
    "verbose": -1,
    "n_jobs": 1,
    "deterministic": True,
    "force_row_wise": True,
}
CATEGORIES = {"min_data_per_group": 2, "cat_smooth": 1}  # else few rows split on none
BAGGED = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}


def _fit(kind, X, y, **options):
    return kind(**{**SMALL, **options}).fit(X, y, categorical_feature=[3, 4])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting_type": "dart"},
        {"objective": "poisson"},
        {"objective": "tweedie"},
        {"objective": "regression_l1"},
        {"n_estimators": 1},
    ],
    ids=str,
)
def test_regressors_agree_to_the_bit(examples, parity, encoder, options):
    X = examples.matrix(1)
    model = _fit(lgb.LGBMRegressor, X, np.abs(examples.target(X, 1)), **options)
    exported = export(model, encoder, task="regression")
    assert exported.format == "onnx"
    assert exported.link == (
        "log" if options.get("objective") in ("poisson", "tweedie") else "identity"
    )
    exactness = parity(model, exported, X)
    assert exactness.bit_identical == exactness.rows > len(X) + 100


@pytest.mark.parametrize(("cuts", "link"), [([1.0], "logit"), ([0.0, 1.0, 2.0], "softmax")])
def test_classifiers_agree_to_the_bit(examples, parity, encoder, cuts, link):
    X = examples.matrix(2)
    model = _fit(lgb.LGBMClassifier, X, np.digitize(examples.target(X, 2), cuts))
    exported = export(model, encoder, task="binary" if len(cuts) == 1 else "multiclass")
    assert exported.link == link
    assert parity(model, exported, X).within(0.0)


def test_early_stopping_cuts_the_trees(examples, parity, encoder):
    X = examples.matrix(3)
    y = examples.target(X, 3)
    model = lgb.LGBMRegressor(**{**SMALL, "n_estimators": 200, "learning_rate": 0.5})
    model.fit(X[:300], y[:300], eval_set=[(X[300:], y[300:])], callbacks=[lgb.early_stopping(3)])
    assert model.best_iteration_ < 200
    assert parity(model, export(model, encoder, task="regression"), X).within(0.0)


ZERO = float(np.float32(1e-35))
TINY = [s * v for s in (1, -1) for v in (0.0, 5e-324, 1e-36, ZERO, np.nextafter(ZERO, 1), 1e-34)]
# from a few thousand rows of zeros, ±1e-35 and their neighbours, where thresholds come to lie
NUMBERS = st.one_of(
    st.sampled_from(TINY),
    st.floats(-4, 4),
    st.floats(allow_nan=True, allow_infinity=True, width=64),
)
CODES = st.one_of(
    st.integers(0, 80).map(float),
    st.floats(-2, 80),  # its fraction is cut off, towards zero
    st.integers(0, 71).flatmap(lambda code: st.sampled_from(np.nextafter(code, [-1, 99]).tolist())),
    st.floats(allow_nan=True, allow_infinity=True, width=64),
)


def _fitted(**options):
    rng = np.random.default_rng(7)
    X = np.column_stack([rng.choice([*TINY, 1.0, -1.0], 500), rng.normal(size=500)])
    X = np.column_stack([X, rng.integers(0, 70, 500)])
    X[::9, 1] = np.nan
    y = np.sign(X[:, 0]) + np.nan_to_num(X[:, 1]) + X[:, 2] % 3
    model = lgb.LGBMRegressor(**SMALL, **CATEGORIES, **options).fit(X, y, categorical_feature=[2])
    graph = exact(model)
    assert graph.edges.codes[2], "it asks for codes"
    return model, open_scorer("onnx", graph.payload, n_columns=3)


FITTED = [_fitted(), _fitted(zero_as_missing=True), _fitted(use_missing=False)]


@pytest.mark.parametrize("fitted", FITTED, ids=["nan", "zero", "none"])
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS, CODES), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_row_agrees_to_the_bit(fitted, rows):
    model, scorer = fitted
    matrix = np.array(rows, dtype=np.float64)
    assert raw_scores(model, matrix).tobytes() == scorer.raw(matrix).tobytes()


def test_a_code_with_a_fraction_is_the_one_below_it_and_none_below_zero():
    model, scorer = FITTED[0]
    codes = [3.0, 3.999, -0.5, 0.0, -1.0, -1.5, np.nan, np.inf, 2.0**31 + 3, 2.0**32 + 3, 1e300]
    matrix = np.array([[1.0, 0.5, code] for code in codes])
    said = scorer.raw(matrix)[:, 0].tolist()
    assert said == raw_scores(model, matrix)[:, 0].tolist()
    assert said[:2] == [said[0]] * 2
    assert said[2:4] == [said[2]] * 2
    assert said[4:] == [said[4]] * 7
    assert len({said[0], said[2], said[4]}) == 3


def test_infinite_thresholds_are_kept(parity, encoder):
    X = np.array([[np.inf], [-np.inf], [0.0], [np.nan]] * 50)
    y = np.array([1.0, 2.0, 3.0, 4.0] * 50)
    model = lgb.LGBMRegressor(**SMALL).fit(X, y)
    huge = np.array([[1e300], [1.1e300], [-1e300], [1.7e308]])
    assert parity(model, export(model, encoder, task="regression"), X, [huge]).within(0.0)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"linear_tree": True}, "linear trees have a regression in each leaf"),
        ({"reg_sqrt": True}, "the objective's option 'sqrt' changes how scores are read"),
        ({"objective": "cross_entropy"}, "the objective 'cross_entropy' has no known link"),
    ],
    ids=["linear", "sqrt", "cross_entropy"],
)
def test_what_cannot_be_matched_is_kept_as_text(examples, encoder, options, reason):
    X = np.nan_to_num(examples.matrix(4), posinf=3, neginf=-3)
    y = np.abs(examples.target(X, 4))
    y = y / (y.max() + 1)
    model = lgb.LGBMRegressor(**SMALL, **options).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.file_name) == ("lightgbm", "model.lgb.txt")
    assert exported.reason == f"LGBMRegressor: {reason}"
    scorer = open_scorer("lightgbm", exported.payload, n_columns=5)
    assert compare(raw_scores(model, X), scorer.raw(X)).within(exported.tolerance)
    assert scorer.raw_one(X[5].tolist()) == scorer.raw(X[5:6])[0].tolist()


@pytest.mark.parametrize("options", [{}, {"objective": "poisson"}, {"use_missing": False}])
def test_the_mean_of_bagged_trees_agrees_to_the_bit(examples, parity, encoder, options):
    X = examples.matrix(4)
    y = np.abs(examples.target(X, 4))
    model = lgb.LGBMRegressor(**SMALL, **BAGGED, **options).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert exported.reason == "exported exactly"
    assert parity(model, exported, X).within(0.0)


@pytest.mark.parametrize("cuts", [[1.0], [0.0, 1.0]], ids=["binary", "multiclass"])
def test_the_mean_of_bagged_trees_of_classes_agrees_to_the_bit(examples, parity, encoder, cuts):
    X = examples.matrix(5)
    model = _fit(lgb.LGBMClassifier, X, np.digitize(examples.target(X, 5), cuts), **BAGGED)
    exported = export(model, encoder, task="binary" if len(cuts) == 1 else "multiclass")
    assert exported.reason == "exported exactly"
    assert parity(model, exported, X).within(0.0)


@pytest.mark.parametrize("cuts", [[1.0], [0.0, 1.0]], ids=["binary", "multiclass"])
def test_the_mean_of_bagged_trees_is_the_same_of_the_text(examples, encoder, cuts):
    X = examples.matrix(5)
    model = _fit(lgb.LGBMClassifier, X, np.digitize(examples.target(X, 5), cuts), **BAGGED)
    kept = keep(model, task="multiclass", reason="asked for", encoder=encoder)
    scorer = open_scorer(kept.format, kept.payload, n_columns=5)
    assert compare(raw_scores(model, X), scorer.raw(X)).within(0.0)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", ["calibrated", "stack"])
def test_bagged_trees_within_others_answer_as_there(examples, parity, encoder, kind, n_classes):
    X = examples.matrix(5)
    y = np.digitize(examples.target(X, 5), np.linspace(0, 1, n_classes - 1))
    one = lgb.LGBMClassifier(**SMALL, **BAGGED)
    made = {
        "calibrated": CalibratedClassifierCV(one, cv=2),
        "stack": StackingClassifier([("a", one)], cv=2, final_estimator=LogisticRegression()),
    }
    model = made[kind].fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    assert parity(model, exported, X).within(1e-12)


@pytest.mark.parametrize("options", [{**BAGGED, "sigmoid": 2.0}, {"sigmoid": 2.0}])
@pytest.mark.parametrize("cuts", [[1.0], [0.0, 1.0]], ids=["binary", "multiclass"])
def test_classifiers_kept_as_text_answer_as_trained(examples, encoder, options, cuts):
    X = examples.matrix(5)
    y = np.digitize(examples.target(X, 5), cuts)
    model = _fit(lgb.LGBMClassifier, X, y, **options)
    exported = export(model, encoder, task="binary" if len(cuts) == 1 else "multiclass")
    scorer = open_scorer(exported.format, exported.payload, n_columns=5)
    assert compare(raw_scores(model, X), scorer.raw(X)).within(exported.tolerance)


def test_an_objective_of_ones_own_is_kept_as_text(examples, encoder):
    X = examples.matrix(8)
    y = examples.target(X, 8)
    own = {"objective": lambda y, scores: (scores - y, np.ones_like(y))}
    model = lgb.LGBMRegressor(**SMALL, **own).fit(X, y)
    exported = export(model, encoder, task="regression")
    assert exported.reason == "LGBMRegressor: the objective '(none)' has no known link"
    scorer = open_scorer(exported.format, exported.payload, n_columns=5)
    assert compare(raw_scores(model, X), scorer.raw(X)).within(exported.tolerance)


def test_the_text_names_no_threads_and_the_same_fit_gives_the_same_bytes(examples, encoder):
    X = examples.matrix(6)
    y = examples.target(X, 6)
    models = [_fit(lgb.LGBMRegressor, X, y, n_jobs=n) for n in (1, 2)]
    exported = [export(m, encoder, task="regression").payload for m in models]
    texts = [exporter.portable_text(m) for m in models]
    assert exported[0] == exported[1]
    assert texts[0] == texts[1]
    assert "num_threads" not in texts[0]
