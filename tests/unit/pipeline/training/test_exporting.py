"""A fit as it ships: a graph where it answers as the fit does, else a native format and why."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.naive_bayes import BernoulliNB
from sklearn.neural_network import MLPClassifier

import interlock as il
from interlock.features.definition import Input
from interlock.pipeline.training.exporting import exported_as
from interlock.train.fit import fit_all
from interlock.train.split import Split
from interlock.train.training_data import TrainingData

N = 400
COLUMNS = {f"x{i}": np.random.default_rng(i).normal(size=N) for i in range(3)}
DATA = TrainingData(
    inputs=tuple(Input(name=name, kind="float") for name in COLUMNS),
    columns=COLUMNS,
    y=(COLUMNS["x0"] + COLUMNS["x1"] ** 2 > 1).astype(np.int64),
    task="binary",
    classes=(False, True),
    split=Split(
        train=np.arange(200),
        tune=np.arange(200, 250),
        calibrate=np.arange(250, 300),
        test=np.arange(300, N),
    ),
)


def shipped(estimator):
    found = fit_all({"it": il.Candidate(estimator)}, DATA, seeds=lambda name: 0, cores=1)["it"]
    return found, exported_as(found, DATA)


def test_a_converted_graph_that_answers_alike_ships():
    fit, loaded = shipped(MLPClassifier((8,), max_iter=30))
    assert (loaded.exported.format, loaded.exported.tolerance) == ("onnx", 1e-12)
    assert loaded.exported.reason == "no exact exporter for MLPClassifier; converted by skl2onnx"
    assert 0 < loaded.exactness["held out"]["worst_relative"] < 1e-12
    assert loaded.raw(COLUMNS) == pytest.approx(fit.raw(COLUMNS), rel=1e-12)


@pytest.mark.parametrize("model", [LinearDiscriminantAnalysis(), BernoulliNB()])
def test_a_converted_graph_that_answers_otherwise_is_set_aside(model):
    fit, loaded = shipped(model)
    begins = f"no exact exporter for {type(model).__name__}; converted by skl2onnx, but its graph "
    assert loaded.exported.format == "skops"
    assert loaded.exported.reason.startswith(begins + "differed: {'rows': ")
    assert loaded.exactness["held out"]["worst_absolute"] == 0.0
    assert np.array_equal(loaded.raw(COLUMNS), fit.raw(COLUMNS))
