"""Estimators made of others: votes, stacks and calibrated classifiers."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import (
    GammaRegressor,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from interlock.release.export.exported import Refusal
from interlock.release.export.exporter import exact, export

HIST = {"max_iter": 8, "random_state": 0}


def rows(seed=0, n=300):
    return np.random.default_rng(seed).normal(size=(n, 5))


def positive(X):
    return np.exp(X[:, 0] / 2 + X[:, 1] / 4) + 0.1


@pytest.mark.parametrize(
    ("model", "link"),
    [
        (PoissonRegressor(), "log"),
        (GammaRegressor(), "log"),
        (TweedieRegressor(power=1.5), "log"),
        (TweedieRegressor(power=0), "identity"),
        (TweedieRegressor(power=2, link="identity", alpha=5.0), "identity"),
    ],
    ids=str,
)
def test_generalised_linear_models_agree_within_rounding(parity, encoder, model, link):
    X = rows()
    model.fit(X, positive(X))
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.exporter, exported.link) == ("onnx", "linear", link)
    assert parity(model, exported, X).within(1e-12)


REGRESSORS = [
    ("ridge", Ridge()),
    ("hist", HistGradientBoostingRegressor(loss="poisson", **HIST)),
    ("gb", GradientBoostingRegressor(n_estimators=5, random_state=0)),
    ("glm", PoissonRegressor()),
]
CLASSIFIERS = [
    ("logistic", LogisticRegression()),
    ("hist", HistGradientBoostingClassifier(**HIST)),
    ("forest", RandomForestClassifier(5, random_state=0)),
]


@pytest.mark.parametrize(
    "model",
    [
        VotingRegressor(REGRESSORS),
        VotingRegressor(REGRESSORS, weights=[1, 2.5, 0.5, 3]),
        StackingRegressor(REGRESSORS[:3], final_estimator=Ridge(), cv=3),
        StackingRegressor(
            REGRESSORS[:3],
            final_estimator=HistGradientBoostingRegressor(**HIST),
            cv=3,
            passthrough=True,
        ),
    ],
    ids=["vote", "weighted", "stack", "passthrough"],
)
def test_regressors_made_of_others_agree_within_rounding(parity, encoder, model):
    X = rows(1)
    model.fit(X, positive(X))
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.link, exported.tolerance) == ("onnx", "identity", 1e-12)
    assert parity(model, exported, X).within(1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier(CLASSIFIERS, voting="soft"),
        VotingClassifier(CLASSIFIERS, voting="soft", weights=[2, 1, 3]),
        StackingClassifier(CLASSIFIERS, cv=3),
        StackingClassifier(CLASSIFIERS, cv=3, stack_method="predict_proba", passthrough=True),
        CalibratedClassifierCV(LogisticRegression(), cv=3),
        CalibratedClassifierCV(HistGradientBoostingClassifier(**HIST), cv=3, method="isotonic"),
        CalibratedClassifierCV(RandomForestClassifier(5, random_state=0), cv=3),
        CalibratedClassifierCV(
            RandomForestClassifier(9, random_state=0), cv=3, method="isotonic", ensemble=False
        ),
        CalibratedClassifierCV(LogisticRegression(), cv=3, method="temperature"),
        CalibratedClassifierCV(
            RandomForestClassifier(9, random_state=0), cv=3, method="temperature"
        ),
    ],
    ids=[
        "vote",
        "weighted",
        "stack",
        "passthrough",
        "platt",
        "isotonic",
        "forest",
        "whole",
        "temperature",
        "temperature of shares",
    ],
)
def test_classifiers_made_of_others_agree_within_rounding(parity, encoder, model, n_classes):
    X = rows(2)
    y = np.digitize(X[:, 0] + X[:, 1] ** 2, [0.5] if n_classes == 2 else [0.0, 1.0])
    model.fit(X, y)
    exported = export(model, encoder, task="binary" if n_classes == 2 else "multiclass")
    assert (exported.format, exported.link, exported.tolerance) == ("onnx", "probability", 1e-12)
    assert parity(model, exported, X).within(1e-12)


def test_one_unknown_part_keeps_the_whole_native(encoder):
    X = rows(3)
    model = VotingRegressor([("ridge", Ridge()), ("near", KNeighborsRegressor())])
    model.fit(X, positive(X))
    with pytest.raises(Refusal, match="no exact exporter for KNeighborsRegressor"):
        exact(model)
    assert export(model, encoder, task="regression").format == "skops"
    nearest = CalibratedClassifierCV(KNeighborsClassifier(), cv=3).fit(X, X[:, 0] > 0)
    with pytest.raises(Refusal, match="no exact exporter for KNeighborsClassifier"):
        exact(nearest)


def test_a_stack_of_predicted_classes_is_kept_native(encoder):
    X = rows(4)
    parts = [("a", LogisticRegression()), ("b", GaussianNB())]
    model = StackingClassifier(parts, cv=3, stack_method="predict").fit(X, X[:, 0] > 0)
    with pytest.raises(Refusal, match="it stacks the classes that LogisticRegression predicts"):
        exact(model)
    assert export(model, encoder, task="binary").format == "skops"


def test_a_calibration_that_shows_roundings_is_kept_native(encoder):
    X = rows(6)
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", ensemble=False, cv=3)
    model.fit(X, X[:, 0] > 0)
    exact(model)
    ((curve,),) = (fold.calibrators for fold in model.calibrated_classifiers_)
    curve.fit([-3.0, 1.0, 1.0 + 1e-13, 3.0], [0.0, 0.0, 1.0, 1.0])
    with pytest.raises(Refusal, match="so steep that roundings of scores show"):
        exact(model)
    assert export(model, encoder, task="binary").format == "skops"
