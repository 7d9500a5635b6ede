from __future__ import annotations

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingRegressor

from interlock.features.definition import Input
from interlock.train.encoder import Encoder

INPUTS = (
    Input(name="area", kind="float"),
    Input(name="rooms", kind="int"),
    Input(name="corner", kind="bool"),
    Input(name="street", kind="str"),
    Input(name="stories", kind="category", categories=("one", "two", "three")),
)
_FLOATS = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e308, -1.7e308, 0.1]),
)
ROW = st.tuples(
    _FLOATS,
    st.one_of(st.none(), st.integers(-(2**53), 2**53)),
    st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.sampled_from(["a", "b", "c", ""]), st.text(max_size=3)),
    st.one_of(st.none(), st.sampled_from(["one", "two", "three"])),
)
ROWS = st.lists(ROW, max_size=25)


def columns_of(rows, inputs=INPUTS):
    columns = {}
    for i, declared in enumerate(inputs):
        values = [row[i] for row in rows]
        if declared.kind in ("str", "category"):
            columns[declared.name] = values
        else:
            columns[declared.name] = np.array(
                [math.nan if v is None else float(v) for v in values], dtype=np.float64
            )
    return columns


def bits(matrix) -> bytes:
    """The bytes, with all NaN alike."""
    matrix = np.array(matrix, dtype=np.float64)
    matrix[np.isnan(matrix)] = np.nan
    return matrix.tobytes()


@given(
    training=ROWS,
    live=ROWS,
    style=st.sampled_from(["tree", "linear", "baseline"]),
    k=st.integers(1, 5),
)
@settings(max_examples=300, deadline=None)
def test_rows_and_columns_encode_alike_to_the_bit_and_through_json(training, live, style, k):
    fitted = Encoder.fit(INPUTS, columns_of(training), style, max_categories=k)
    read = Encoder.from_row(json.loads(json.dumps(fitted.to_row())))
    for rows in (training, live):
        matrix = fitted.transform(columns_of(rows))
        assert matrix.shape == (len(rows), fitted.n_columns)
        assert matrix.flags.c_contiguous
        by_row = [read.transform_row(row) for row in rows]
        assert bits(matrix) == bits(np.array(by_row).reshape(len(rows), fitted.n_columns))
    assert read == fitted
    assert json.dumps(read.to_row()) == json.dumps(fitted.to_row())


@given(training=ROWS.filter(bool))
@settings(deadline=None)
def test_linear_training_matrix_is_finite_and_standardised(training):
    # beyond 1e307 the difference of two values is already no longer a number
    training = [(None, *row[1:]) if abs(row[0] or 0.0) > 1e307 else row for row in training]
    encoder = Encoder.fit(INPUTS, columns_of(training), "linear")
    matrix = encoder.transform(columns_of(training))
    assert np.isfinite(matrix).all()
    assert np.abs(matrix).max() <= 2 * math.sqrt(len(training))


def test_entirely_missing_and_constant_columns_become_zero():
    columns = {"area": np.array([np.nan, np.nan]), "rooms": np.array([0.1, 0.1])}
    encoder = Encoder.fit(INPUTS[:2], columns, "linear")
    assert encoder.names == ("area", "area is missing", "rooms")
    assert encoder.transform(columns).tolist() == [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]


def test_for_trees_an_input_without_any_training_value_says_nothing_whatever_comes():
    rows = [(None, i, None, None, None) for i in range(4)]
    encoder = Encoder.fit(INPUTS, columns_of(rows), "tree")
    assert encoder.names == tuple(given.name for given in INPUTS)
    assert encoder.categorical == ()
    live = [(3.5, 2, True, "a", "one"), (None, None, None, None, None)]
    matrix = encoder.transform(columns_of(live))
    assert bits(matrix) == bits([[0, 2, 0, 0, 0], [0, math.nan, 0, 0, 0]])
    assert bits([encoder.transform_row(row) for row in live]) == bits(matrix)
    assert Encoder.from_row(json.loads(json.dumps(encoder.to_row()))) == encoder


def test_histogram_boosting_is_fitted_beside_a_column_without_any_value():
    rows = [(None, i, None, None, None) for i in range(40)]
    columns = columns_of(rows)
    matrix = Encoder.fit(INPUTS, columns, "tree").transform(columns)
    fitted = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=2).fit(
        matrix, columns["rooms"]
    )
    assert np.ptp(fitted.predict(matrix)) > 1


def test_median_and_scale_are_those_of_the_training_rows():
    columns = {"area": np.array([1.0, 3.0, np.nan, 8.0])}
    part = Encoder.fit(INPUTS[:1], columns, "linear").parts[0]
    assert (part.median, part.mean) == (3.0, 3.75)
    assert part.scale == pytest.approx(np.std([1, 3, 3, 8]), rel=1e-15)


def test_the_most_frequent_texts_are_kept_and_ties_fall_by_name():
    street = ["b", "b", "c", "a", "c", "d", None, "z", "z", "z"]
    encoder = Encoder.fit((INPUTS[3],), {"street": street}, "tree", max_categories=3)
    assert encoder.parts[0].vocabulary == ("z", "b", "c")
    codes = [encoder.transform_row([text])[0] for text in ["z", "b", "c", "a", "new"]]
    assert codes == [0.0, 1.0, 2.0, 3.0, 3.0]
    assert math.isnan(encoder.transform_row([None])[0])


def test_unseen_text_is_missing_where_training_had_nothing_rare():
    encoder = Encoder.fit((INPUTS[3],), {"street": ["a", "b"]}, "tree")
    assert math.isnan(encoder.transform_row(["new"])[0])


def test_a_category_keeps_the_declared_order_of_those_that_occurred():
    encoder = Encoder.fit((INPUTS[4],), {"stories": ["three", "three", "one"]}, "tree")
    assert encoder.parts[0].vocabulary == ("one", "three")
    assert encoder.categorical == (0,)


def test_one_hot_names_and_columns():
    street = ["a", "a", "b", None]
    encoder = Encoder.fit((INPUTS[3],), {"street": street}, "linear", max_categories=1)
    assert encoder.names == ("street=a", "street is rare", "street is missing")
    assert encoder.categorical == ()
    assert [encoder.transform_row([v]) for v in ("a", "new", None)] == [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0, 0.0, 1.0],
    ]


def test_a_baseline_keeps_every_text():
    street = [f"s{i}" for i in range(1_000)]
    encoder = Encoder.fit((INPUTS[3],), {"street": street}, "baseline")
    assert len(encoder.parts[0].vocabulary) == 1_000


def test_a_row_of_the_wrong_length_is_refused():
    said = {"tree": r"values to unpack \(expected 5", "linear": r"argument 2 is (longer|shorter)"}
    for style, message in said.items():
        encoder = Encoder.fit(INPUTS, columns_of([(1.0, 1, True, "a", "one")]), style)
        for row in ([1.0, 2], [1.0, 2, True, "a", "one", 6]):
            with pytest.raises(ValueError, match=message):
                encoder.transform_row(row)


def test_importing_encoder_and_answer_imports_no_training_library():
    code = (
        "import sys, interlock.train.encoder, interlock.train.answer;"
        "print([m for m in ('sklearn','pandas','scipy','joblib','optuna') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
