import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    BaggingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from interlock.errors import AuthorError
from interlock.features.definition import Input
from interlock.release.export import native
from interlock.release.export.archive import canonical
from interlock.release.export.exporter import export
from interlock.release.parity import compare
from interlock.release.scorers.opening import open_scorer
from interlock.train.raw import raw_scores
from interlock.train.training_data import frame_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = np.abs(X[:, 0] + X[:, 1] ** 2)


class OwnRegressor(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = float(np.mean(y))
        return self

    def predict(self, X):
        return np.full(len(X), self.mean_)


@pytest.mark.parametrize(
    "model",
    [
        BaggingRegressor(n_estimators=4, random_state=0),
        KNeighborsRegressor(),
        KNeighborsClassifier(),
        CalibratedClassifierCV(KNeighborsClassifier()),
    ],
    ids=lambda m: type(m).__name__,
)
def test_other_estimators_are_kept_natively(parity, encoder, model):
    classes = hasattr(model, "predict_proba")
    model.fit(X, Y > 1 if classes else Y)
    exported = export(model, encoder, task="binary" if classes else "regression")
    assert (exported.format, exported.file_name) == ("skops", "model.skops")
    assert exported.link == ("probability" if classes else "identity")
    assert "no exact exporter for" in exported.reason
    assert parity(model, exported, X).within(exported.tolerance)


INPUTS = (
    Input(name="area", kind="int"),
    Input(name="style", kind="category", categories=("loft", "barn")),
    Input(name="zone", kind="str"),
)
COLUMNS = {
    "area": np.array([900.0, np.nan, 1200.0, 1000.0] * 10),
    "style": ["loft", "barn", None, "loft"] * 10,
    "zone": ["a", "b", "b", None] * 10,
}


@pytest.mark.parametrize(
    ("last", "link"),
    [
        (Ridge(), "identity"),
        (HistGradientBoostingRegressor(loss="poisson", max_iter=3, min_samples_leaf=2), "log"),
    ],
    ids=["ridge", "poisson"],
)
def test_a_pipeline_takes_the_columns_themselves(last, link):
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    shape = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["area"]),
            ("texts", one_hot, ["style", "zone"]),
        ]
    )
    y = np.arange(40.0)
    model = make_pipeline(shape, last).fit(frame_of(INPUTS, COLUMNS), y)
    exported = export(model, None, task="regression")
    assert (exported.link, exported.reason) == (link, "Pipeline takes the feature columns itself")
    scorer = open_scorer("skops", exported.payload, n_columns=None, inputs=INPUTS)
    assert scorer.needs == "columns"
    batch = scorer.raw(COLUMNS)
    assert compare(raw_scores(model, frame_of(INPUTS, COLUMNS)), batch).bit_identical == 40
    assert (
        scorer.raw_one([900, "loft", "unseen"])
        == scorer.raw({"area": [900], "style": ["loft"], "zone": ["unseen"]})[0].tolist()
    )
    assert scorer.raw_one([None, None, None])[0] == pytest.approx(
        raw_scores(model, frame_of(INPUTS, {"area": [None], "style": [None], "zone": [None]}))[0, 0]
    )


def test_columns_may_be_chosen_by_type():
    shape = ColumnTransformer(
        [
            ("numbers", SimpleImputer(), make_column_selector(dtype_include=np.number)),
            ("texts", OneHotEncoder(), make_column_selector(dtype_include=object)),
        ]
    )
    steps = make_pipeline(shape, SelectKBest(f_regression, k=2), Ridge())
    model = steps.fit(frame_of(INPUTS, COLUMNS), np.arange(40.0))
    exported = export(model, None, task="regression")
    scorer = open_scorer("skops", exported.payload, n_columns=None, inputs=INPUTS)
    native_scores = raw_scores(model, frame_of(INPUTS, COLUMNS))
    assert compare(native_scores, scorer.raw(COLUMNS)).bit_identical == 40


def test_a_lambda_is_refused():
    model = make_pipeline(FunctionTransformer(lambda table: table), Ridge()).fit(X, Y)
    with pytest.raises(AuthorError) as caught:
        native.export(model, task="regression")
    assert str(caught.value) == (
        "error[T150]: Pipeline will not export: it holds code that a release may not load\n"
        "  expected: types of scikit-learn, NumPy and SciPy only\n"
        f"  got: {__name__}.<lambda>\n"
        "  fix: move what it does into a @feature function, or use scikit-learn's own classes"
    )


def test_a_class_of_ones_own_is_refused():
    with pytest.raises(AuthorError, match=r"T150.*holds code") as caught:
        native.export(OwnRegressor().fit(X, Y), task="regression")
    assert "OwnRegressor" in caught.value.mistakes[0].got


def test_why_there_is_no_graph_either_is_said_too(encoder):
    with pytest.raises(AuthorError) as caught:
        export(OwnRegressor().fit(X, Y), encoder, task="regression")
    got = f"{__name__}.OwnRegressor; it is no graph: no exact exporter for OwnRegressor"
    assert caught.value.mistakes[0].got == got


def test_what_skops_cannot_write_is_refused():
    model = Ridge().fit(X, Y)
    model.stream_ = (row for row in X)
    with pytest.raises(AuthorError) as caught:
        native.export(model, task="regression")
    assert caught.value.code == "T151"


def test_a_classifier_without_probabilities_is_refused():
    with pytest.raises(AuthorError, match="LinearSVC will not export: it predicts no probab"):
        native.export(LinearSVC().fit(X, Y > 1), task="binary")


def test_the_archive_holds_no_time_and_no_address():
    payload = native.export(RandomForestRegressor(3, random_state=0).fit(X, Y), task="regression")
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
    assert names[:2] == ["schema.json", "0.npy"]
    assert canonical(payload) == payload


FIT = """
import hashlib, numpy as np, sys
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from interlock.release.export import native
rng = np.random.default_rng(0)
texts = [" ".join(rng.choice(["red", "barn", "loft", "of", "the"], 4)) for _ in range(60)]
words = CountVectorizer(stop_words=frozenset({"of", "the"}) and ["of", "the"])
model = make_pipeline(words, RandomForestClassifier(5, random_state=0))
model.fit(texts, rng.integers(0, 2, 60))
model[0].seen_ = {"red", "barn", "loft", "of", "the"}
print(hashlib.sha256(native.export(model, task="binary")).hexdigest())
"""


def test_the_same_fit_gives_the_same_bytes_in_every_process():
    digests = {
        subprocess.run(
            [sys.executable, "-c", FIT],
            env={"PYTHONHASHSEED": seed, "MALLOC_PERTURB_": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "77")
    }
    assert len(digests) == 1
