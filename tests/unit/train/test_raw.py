from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from interlock.train.answer import AnswerSpec, answer
from interlock.train.raw import link_of, raw_scores

QUIET = {"verbosity": -1, "n_estimators": 5}
BAGGED = {**QUIET, "boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}
REGRESSORS = [
    (Ridge(), "identity"),
    (Lasso(alpha=0.01), "identity"),
    (ElasticNet(alpha=0.01), "identity"),
    (HistGradientBoostingRegressor(max_iter=5), "identity"),
    (HistGradientBoostingRegressor(max_iter=5, loss="quantile", quantile=0.3), "identity"),
    (HistGradientBoostingRegressor(max_iter=5, loss="poisson"), "log"),
    (HistGradientBoostingRegressor(max_iter=5, loss="gamma"), "log"),
    (LGBMRegressor(**QUIET), "identity"),
    (LGBMRegressor(**QUIET, objective="poisson"), "log"),
    (LGBMRegressor(**QUIET, objective="tweedie"), "log"),
    (LGBMRegressor(**QUIET, reg_sqrt=True), "identity"),
    (LGBMRegressor(**BAGGED), "identity"),
    (LGBMRegressor(**BAGGED, objective="poisson"), "log"),
    (make_pipeline(StandardScaler(), Ridge()), "identity"),
]
CLASSIFIERS = [
    (LogisticRegression(), "logit", "softmax"),
    (HistGradientBoostingClassifier(max_iter=5), "logit", "softmax"),
    (LGBMClassifier(**QUIET), "logit", "softmax"),
    (LGBMClassifier(**QUIET, sigmoid=2.0), "probability", "softmax"),
    (LGBMClassifier(**BAGGED), "logit", "softmax"),
    (RandomForestClassifier(n_estimators=5), "probability", "probability"),
    (make_pipeline(StandardScaler(), LogisticRegression()), "logit", "softmax"),
]


def rows(n=400):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(n, 4))
    return X, np.exp(X[:, 0] + 0.1 * rng.normal(size=n))


@pytest.mark.parametrize(("estimator", "link"), REGRESSORS)
def test_answers_from_raw_scores_are_the_estimators_predictions(estimator, link):
    X, y = rows()
    estimator.fit(X, y)
    assert link_of(estimator) == link
    raw = raw_scores(estimator, X)
    assert raw.shape == (len(X), 1)
    assert raw.dtype == np.float64
    found = answer(raw, AnswerSpec(task="regression", link=link)).value
    np.testing.assert_allclose(found, estimator.predict(X), rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("estimator", "two", "more"), CLASSIFIERS)
def test_answers_from_raw_scores_are_the_estimators_probabilities(estimator, two, more, n_classes):
    X, y = rows()
    y = np.searchsorted(np.quantile(y, np.arange(1, n_classes) / n_classes), y)
    estimator.fit(X, y)
    link = two if n_classes == 2 else more
    assert link_of(estimator) == link
    spec = AnswerSpec(
        task="binary" if n_classes == 2 else "multiclass",
        link=link,
        classes=tuple(range(n_classes)),
    )
    found = answer(raw_scores(estimator, X), spec)
    np.testing.assert_allclose(found.probabilities, estimator.predict_proba(X), rtol=1e-12)
    np.testing.assert_array_equal(found.value, estimator.predict(X))


def test_no_rows_have_no_scores():
    X, y = rows()
    assert raw_scores(Ridge().fit(X, y), X[:0]).shape == (0, 1)
    forest = RandomForestClassifier(n_estimators=2).fit(X, (y > 1).astype(int))
    assert raw_scores(forest, X[:0]).shape == (0, 2)


def test_a_pipeline_with_columns_is_scored_through_its_steps():
    X, y = rows()
    columns = ColumnTransformer([("scaled", StandardScaler(), [0, 1])])
    pipeline = make_pipeline(columns, Ridge()).fit(X, y)
    np.testing.assert_array_equal(raw_scores(pipeline, X)[:, 0], pipeline.predict(X))
