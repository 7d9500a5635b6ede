import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from interlock.errors import IntegrityError
from interlock.release.export import native
from interlock.release.export.exporter import exact
from interlock.release.scorers.opening import open_scorer
from interlock.train.baseline import fit_rule
from interlock.train.candidate import Mean

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
RIDGE = exact(Ridge().fit(X, X.sum(axis=1))).payload


def test_importing_it_loads_no_training_library():
    code = (
        "import sys, interlock.release.scorers.opening\n"
        "print([m for m in ('sklearn','pandas','onnx','skops','lightgbm','scipy') "
        "if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert found.stdout == "[]\n"


def test_an_onnx_model_needs_a_matrix_of_its_own_width():
    scorer = open_scorer("onnx", RIDGE, n_columns=3)
    assert scorer.needs == "matrix"
    assert scorer.raw(np.asfortranarray(X)).shape == (80, 1)
    assert scorer.raw(X[:0]).shape == (0, 1)
    with pytest.raises(IntegrityError, match="the model's bytes cannot be loaded") as caught:
        open_scorer("onnx", RIDGE, n_columns=4)
    assert caught.value.code == "T155"


def test_answers_stay_what_they_were():
    scorer = open_scorer("onnx", RIDGE, n_columns=3)
    first = scorer.raw_one([1.0, 2.0, 3.0])
    kept = list(first)
    scorer.raw_one([9.0, 9.0, 9.0])
    assert first == kept
    several = scorer.raw_few([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    kept = [list(scores) for scores in several]
    scorer.raw_few([[9.0, 9.0, 9.0]] * 2)
    assert several == kept
    assert several[0] == first


def test_a_model_without_inputs_answers_each_row_alike():
    fitted = fit_rule(Mean(), np.empty((4, 0)), np.array([1.0, 2.0, 3.0, 6.0]))
    scorer = open_scorer("onnx", exact(fitted).payload, n_columns=0)
    assert scorer.raw_one([]) == [3.0]
    assert scorer.raw_few([[]] * 3) == [[3.0]] * 3
    assert scorer.raw(np.empty((2, 0))).tolist() == [[3.0]] * 2


@pytest.mark.parametrize("row", [[1.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
def test_a_row_of_another_width_is_an_error(row):
    with pytest.raises(Exception, match="expected 3 items"):
        open_scorer("onnx", RIDGE, n_columns=3).raw_one(row)


@pytest.mark.parametrize(
    ("format", "payload", "n_columns"),
    [
        ("onnx", b"", 3),
        ("onnx", RIDGE[:40], 3),
        ("onnx", b"\x80\x04K\x01.", 3),
        ("onnx", RIDGE, None),
        ("skops", b"not a zip", 3),
        ("lightgbm", b"tree\nversion=v4\n", 3),
        ("lightgbm", b"\xff\xfe", 3),
        ("pickle", b"\x80\x04K\x01.", 3),
    ],
)
def test_bytes_that_are_no_model_do_not_load(format, payload, n_columns):
    with pytest.raises(IntegrityError) as caught:
        open_scorer(format, payload, n_columns=n_columns)
    assert caught.value.code == "T155"


def test_an_archive_without_a_schema_does_not_load():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(IntegrityError) as caught:
        open_scorer("skops", buffer.getvalue(), n_columns=3)
    assert caught.value.code == "T155"


def test_types_outside_the_list_do_not_load():
    model = make_pipeline(FunctionTransformer(lambda table: table), Ridge()).fit(X, X[:, 0])
    with pytest.raises(IntegrityError) as caught:
        open_scorer("skops", skops.io.dumps(model), n_columns=3)
    assert caught.value.code == "T154"
    assert caught.value.mistakes[0].got == f"{__name__}.<lambda>"


def test_a_forest_adds_its_trees_in_one_thread():
    model = RandomForestRegressor(30, n_jobs=2, random_state=0).fit(X, X.sum(axis=1))
    scorer = open_scorer("skops", native.export(model, task="regression"), n_columns=3)
    expected = scorer.raw(X)
    assert all(scorer.raw(X).tobytes() == expected.tobytes() for _ in range(10))
