"""What no exporter of Interlock's own knows goes through skl2onnx, and is held to the fit."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import BaggingRegressor, VotingRegressor
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVR, LinearSVC

from interlock.release.export import converted
from interlock.release.export.exported import Refusal
from interlock.release.export.exporter import exact, export

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 3))
Y = 5 + X[:, 0] + X[:, 1] ** 2
CLASSES = np.digitize(Y, [5.5, 6.5])


def fitted(model, n_classes=0):
    return model.fit(X, np.minimum(CLASSES, n_classes - 1) if n_classes else Y)


@pytest.mark.parametrize(
    ("model", "n_classes"),
    [
        (MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0), 0),
        (
            MLPRegressor(hidden_layer_sizes=(8, 4), activation="tanh", max_iter=30, random_state=0),
            0,
        ),
        (MLPClassifier((8,), max_iter=30, random_state=0), 2),
        (MLPClassifier((8,), activation="logistic", max_iter=30, random_state=0), 3),
        (LinearDiscriminantAnalysis(), 3),
        (QuadraticDiscriminantAnalysis(), 3),
    ],
    ids=lambda m: type(m).__name__ if m is not None and not isinstance(m, int) else str(m),
)
def test_a_converted_model_is_a_graph_within_rounding(parity, encoder, model, n_classes):
    model = fitted(model, n_classes)
    task = {0: "regression", 2: "binary", 3: "multiclass"}[n_classes]
    exported = export(model, encoder, task=task)
    name = type(model).__name__
    assert (exported.format, exported.exporter, exported.tolerance) == ("onnx", "converted", 1e-12)
    assert exported.reason == f"no exact exporter for {name}; converted by skl2onnx"
    assert parity(model, exported, X).within(1e-12)


def test_the_same_fit_gives_the_same_bytes(encoder):
    model = fitted(MLPClassifier((8,), max_iter=30, random_state=0), 3)
    first, second = (export(model, encoder, task="multiclass").payload for _ in range(2))
    assert first == second


def test_a_part_of_an_exact_graph_may_be_converted(parity, encoder):
    mlp = MLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0)
    model = fitted(VotingRegressor([("ridge", Ridge()), ("net", mlp), ("again", mlp)]))
    exported = export(model, encoder, task="regression")
    assert (exported.format, exported.exporter) == ("onnx", "voting")
    assert exported.reason == "no exact exporter for MLPRegressor; converted by skl2onnx"
    assert parity(model, exported, X).within(1e-12)


def test_a_calibrated_classifier_of_converted_ones_is_a_graph(parity, encoder):
    model = fitted(CalibratedClassifierCV(MLPClassifier((4,), max_iter=30, random_state=0)), 2)
    exported = export(model, encoder, task="binary")
    assert exported.format == "onnx"
    assert parity(model, exported, X).within(1e-12)


@pytest.mark.parametrize(
    ("model", "n_classes", "why"),
    [
        (SVR(), 0, "skl2onnx needs what a release may not hold: ai.onnx.ml.SVMRegressor"),
        (KNeighborsClassifier(), 2, "skl2onnx needs what a release may not hold: "),
        (BaggingRegressor(n_estimators=3, random_state=0), 0, "skl2onnx needs what a release may"),
    ],
    ids=["svr", "nearest", "bagging"],
)
def test_what_a_release_may_not_hold_is_kept_natively_with_the_reason(
    encoder, model, n_classes, why
):
    model = fitted(model, n_classes)
    exported = export(model, encoder, task="binary" if n_classes else "regression")
    assert exported.format == "skops"
    assert why in exported.reason
    assert exported.reason.startswith(f"no exact exporter for {type(model).__name__}, and ")


def test_a_classifier_without_probabilities_is_not_converted():
    with pytest.raises(Refusal, match="it predicts no probabilities"):
        exact(fitted(LinearSVC(), 2))


def test_without_the_extra_the_model_is_kept_natively(monkeypatch, encoder):
    monkeypatch.setattr(converted, "find_spec", lambda name: None)
    exported = export(fitted(GaussianNB(), 2), encoder, task="binary")
    assert exported.format == "skops"
    assert exported.reason.endswith("and the extra 'onnx-fallback' is missing")


def test_what_the_converter_dies_of_is_the_reason(monkeypatch, encoder):
    import skl2onnx

    def dies(*_, **__):
        raise RuntimeError("no converter\nand more")

    monkeypatch.setattr(skl2onnx, "to_onnx", dies)
    exported = export(fitted(GaussianNB(), 2), encoder, task="binary")
    assert exported.format == "skops"
    assert exported.reason == "no exact exporter for GaussianNB, and skl2onnx cannot: no converter"


@pytest.mark.parametrize(
    ("model", "n_classes"), [(BernoulliNB(), 3), (LinearDiscriminantAnalysis(), 2)]
)
def test_what_skl2onnx_converts_otherwise_does_not_pass_for_exact(
    parity, encoder, model, n_classes
):
    exported = export(fitted(model, n_classes), encoder, task="multiclass")
    assert exported.exporter == "converted"
    assert not parity(model, exported, X).within(exported.tolerance)
