"""A fit as it ships: a graph where it answers as the fit does, else a native format and why."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.naive_bayes import BernoulliNB
from sklearn.neural_network import MLPClassifier

import interlock as il
from interlock.errors import InterlockError
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
    assert loaded.exactness["one by one"]["rows"] == 32
    assert loaded.raw(COLUMNS) == pytest.approx(fit.raw(COLUMNS), rel=1e-12)


@pytest.mark.parametrize("model", [LinearDiscriminantAnalysis(), BernoulliNB()])
def test_a_converted_graph_that_answers_otherwise_is_set_aside(model):
    fit, loaded = shipped(model)
    begins = f"no exact exporter for {type(model).__name__}; converted by skl2onnx, but its graph "
    assert loaded.exported.format == "skops"
    assert loaded.exported.reason.startswith(begins + "differed: {'rows': ")
    assert loaded.exactness["held out"]["worst_absolute"] == 0.0
    assert np.array_equal(loaded.raw(COLUMNS), fit.raw(COLUMNS))


class Half(ClassifierMixin, BaseEstimator):
    """Half of each class for rows that ``taken`` says it takes, else an error of its own; other
    shares for one row ``alone``."""

    def __init__(self, taken=None, shares=(0.5, 0.5), alone=None):
        self.taken, self.shares, self.alone = taken, shares, alone

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.zeros(len(X))

    def predict_proba(self, X):
        if self.taken is not None and len(X) != self.taken:
            raise KeyError("what is this?")
        shares = self.alone if len(X) == 1 and self.alone else self.shares
        return np.tile(shares, (len(X), 1))


@pytest.fixture
def trusted(monkeypatch):
    """As if a release might hold this module's estimator."""
    for place in ("export", "scorers"):
        types = {f"{Half.__module__}.Half"}
        monkeypatch.setattr(f"interlock.release.{place}.native.TRUSTED_TYPES", types)


def mistake_of(estimator):
    with pytest.raises(InterlockError) as raised:
        shipped(estimator)
    (mistake,) = raised.value.mistakes
    return mistake


@pytest.mark.usefixtures("trusted")
def test_what_an_estimator_raises_is_its_candidates_affair():
    mistake = mistake_of(Half(taken=0))
    assert (mistake.code, mistake.where) == ("T119", "candidate 'it'")
    assert mistake.got == "KeyError: 'what is this?'"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("shares", [(-0.5, 1.5), (0.5,), (0.2, 0.3, 0.5)])
def test_sums_that_pass_for_probabilities_are_refused(shares):
    mistake = mistake_of(Half(shares=shares))
    assert mistake.code == "T152"
    assert mistake.expected == "numbers from 0 to 1, 2 a row"


@pytest.mark.usefixtures("trusted")
def test_what_answers_one_row_otherwise_than_many_is_refused():
    mistake = mistake_of(Half(alone=(0.4, 0.6)))
    assert (mistake.code, mistake.where) == ("T156", "candidate 'it', rows: one by one")
