import numpy as np
import pytest
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    Ridge,
    RidgeCV,
)

from interlock.release.export.exported import Refusal
from interlock.release.export.exporter import exact, export
from interlock.release.scorers.opening import open_scorer


def _rows(n_columns, n=300):
    return np.random.default_rng(n_columns).normal(size=(n, n_columns))


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(),
        Ridge(),
        Ridge(fit_intercept=False),
        RidgeCV(),
        Lasso(0.01),
        ElasticNet(0.01),
        LassoCV(),
    ],
    ids=str,
)
def test_regressors_agree_within_rounding(parity, encoder, model):
    X = _rows(12)
    model.fit(X, X @ np.arange(12.0) + 3.0)
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.link, exported.exporter) == ("onnx", "identity", "linear")
    assert parity(model, exported, X).within(1e-12)


@pytest.mark.parametrize(("n_classes", "link"), [(2, "logit"), (4, "softmax")])
def test_logistic_regression_agrees_within_rounding(parity, encoder, n_classes, link):
    X = _rows(9)
    y = np.digitize(X[:, 0] + X[:, 1], np.linspace(-1, 1, n_classes - 1))
    model = LogisticRegression().fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    assert exported.link == link
    assert parity(model, exported, X).within(1e-12)


@pytest.mark.parametrize("n_columns", [1, 2, 3, 17, 64, 129, 300])
def test_one_row_and_many_give_the_same_bits(n_columns):
    X = _rows(n_columns, n=700)
    model = Ridge().fit(X, X.sum(axis=1))
    scorer = open_scorer("onnx", exact(model).payload, n_columns=n_columns)
    batch = scorer.raw(X)
    assert [scorer.raw_one(row) for row in X.tolist()] == batch.tolist()
    fives = [scorer.raw(X[i : i + 5]) for i in range(0, 700, 5)]
    assert np.vstack(fives).tobytes() == batch.tobytes()


def test_several_targets_are_refused():
    X = _rows(3)
    model = Ridge().fit(X, X[:, :2])
    with pytest.raises(Refusal, match="it predicts 2 targets at once"):
        exact(model)
