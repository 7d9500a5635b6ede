from __future__ import annotations

import json
import struct
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from msgspec.structs import astuple

from interlock.train.answer import (
    AnswerSpec,
    PredictionInterval,
    answer,
    answer_few,
    answer_one,
)
from interlock.train.calibration import ProbabilityCalibration

SCORES = st.one_of(
    st.floats(-50, 50),
    st.floats(),
    st.sampled_from([0.0, -0.0, 709.0, 709.5, 709.79, 710.0, -745.2, -750.0, 1e-300, 36.8]),
)
INTERVAL = PredictionInterval(level=0.8, low_offset=-0.1, high_offset=0.3, space="log", n=100)
REGRESSIONS = [
    AnswerSpec(task="regression", link=link, transform=transform, interval=interval)
    for link in ("identity", "log")
    for transform in (None, "log", "log1p")
    for interval in (None, INTERVAL)
]
OF_QUANTILES = PredictionInterval(
    level=0.8, low_offset=-0.1, high_offset=0.1, space="log", n=100, of="quantiles"
)
WITH_QUANTILES = [
    AnswerSpec(task="regression", link=link, transform=transform, interval=OF_QUANTILES)
    for link in ("identity", "log")
    for transform in (None, "log", "log1p")
]
SIGMOID = ProbabilityCalibration(method="sigmoid", slope=0.8123, offset=-0.37, n=500)
TEMPERATURE = ProbabilityCalibration(method="temperature", slope=1.31, offset=0.0, n=500)
CALIBRATED = [
    (k, AnswerSpec(task="binary", link=link, classes=(False, True), calibration=SIGMOID))
    for k, link in ((1, "logit"), (1, "probability"), (2, "probability"), (2, "softmax"))
] + [
    (3, AnswerSpec(task="multiclass", link=link, classes=(1, 2, 3), calibration=TEMPERATURE))
    for link in ("softmax", "probability")
]
SPECS = [
    *CALIBRATED,
    *((1, spec) for spec in REGRESSIONS),
    *((3, spec) for spec in WITH_QUANTILES),
    (1, AnswerSpec(task="binary", link="logit", classes=(False, True))),
    (1, AnswerSpec(task="binary", link="probability", classes=(False, True))),
    (2, AnswerSpec(task="binary", link="probability", classes=("a", "b"))),
    (2, AnswerSpec(task="binary", link="softmax", classes=("a", "b"))),
    (3, AnswerSpec(task="multiclass", link="softmax", classes=(1, 2, 3))),
    (11, AnswerSpec(task="multiclass", link="softmax", classes=tuple(range(11)))),
    (3, AnswerSpec(task="multiclass", link="probability", classes=(1, 2, 3))),
]


def bits(value: float) -> bytes:
    return b"nan" if value != value else struct.pack("d", value)


@given(data=st.data(), spec=st.sampled_from(SPECS), n=st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_rows_together_are_answered_as_each_alone_to_the_bit(data, spec, n):
    k, spec = spec
    raw = data.draw(arrays(np.float64, (n, k), elements=SCORES)).tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        together = answer_few(raw, spec)
    assert len(together) == n
    for one, row in zip(together, raw, strict=True):
        alone = answer_one(row, spec)
        for found, expected in zip(astuple(one)[:3], astuple(alone)[:3], strict=True):
            assert type(found) is type(expected)
            assert found is None or bits(float(found)) == bits(float(expected))
        assert (one.probabilities is None) == (alone.probabilities is None)
        assert list(map(bits, one.probabilities or ())) == list(
            map(bits, alone.probabilities or ())
        )


@given(data=st.data(), spec=st.sampled_from(SPECS), n=st.integers(1, 40))
@settings(max_examples=400, deadline=None)
def test_one_row_is_answered_as_many_to_the_bit(data, spec, n):
    k, spec = spec
    raw = data.draw(arrays(np.float64, (n, k), elements=SCORES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        many = answer(raw, spec)
        ones = [answer_one(row.tolist(), spec) for row in raw]
    for i, one in enumerate(ones):
        assert bits(float(one.value)) == bits(float(many.value[i]))
        assert (one.low is None) == (many.low is None)
        if one.low is not None:
            assert bits(one.low) == bits(many.low[i])
            assert bits(one.high) == bits(many.high[i])
        if spec.task != "regression":
            assert [bits(p) for p in one.probabilities] == [bits(p) for p in many.probabilities[i]]


@pytest.mark.parametrize("spec", [spec for _, spec in CALIBRATED])
def test_calibrated_rows_are_answered_as_one_on_many_rows(spec):
    k = next(k for k, each in CALIBRATED if each is spec)
    raw = np.random.default_rng(2).normal(0, 4, (20_000, k))
    if spec.link == "probability":
        raw = 1 / (1 + np.exp(-raw))
    many = answer(raw, spec).probabilities
    ones = np.array([answer_one(row, spec).probabilities for row in raw.tolist()])
    assert (many == ones).all()


def test_a_calibration_moves_the_log_odds():
    spec = AnswerSpec(task="binary", link="logit", classes=("no", "yes"), calibration=SIGMOID)
    found = answer(np.array([[2.0]]), spec).probabilities[0, 1]
    assert found == pytest.approx(1 / (1 + np.exp(-(0.8123 * 2 - 0.37))), rel=1e-14)


def test_a_spec_without_calibration_is_written_as_before_there_was_one():
    row = AnswerSpec(task="binary", link="logit", classes=("no", "yes")).to_row()
    assert sorted(row) == ["classes", "interval", "link", "task", "transform"]


def test_one_row_is_answered_as_many_on_a_hundred_thousand_rows():
    rng = np.random.default_rng(1)
    raw = rng.normal(0, 12, (100_000, 1))
    for spec in (REGRESSIONS[3], REGRESSIONS[5]):
        one = np.array([astuple(answer_one(row, spec))[:3] for row in raw.tolist()])
        many = answer(raw, spec)
        assert (one[:, 0] == many.value).all()
        assert (one[:, 1] == many.low).all()
        assert (one[:, 2] == many.high).all()


def test_probabilities_add_up_and_follow_the_scores():
    raw = np.array([[-3.0], [0.0], [3.0]])
    found = answer(raw, AnswerSpec(task="binary", link="logit", classes=("no", "yes")))
    assert found.value.tolist() == [0, 0, 1]
    assert found.probabilities.sum(axis=1).tolist() == [1.0, 1.0, 1.0]
    assert found.probabilities[2, 1] == pytest.approx(0.952574126822433, rel=1e-14)
    assert found.prediction is found.probabilities


def test_interval_offsets_are_added_before_the_transform_is_undone():
    spec = AnswerSpec(task="regression", link="identity", transform="log", interval=INTERVAL)
    found = answer(np.array([[np.log(100.0)]]), spec)
    assert found.low[0] == pytest.approx(100 * np.exp(-0.1))
    assert found.high[0] == pytest.approx(100 * np.exp(0.3))


@pytest.mark.parametrize("spec", [spec for _, spec in SPECS])
def test_a_spec_survives_json(spec):
    assert AnswerSpec.from_row(json.loads(json.dumps(spec.to_row()))) == spec


@given(
    raw=arrays(np.float64, (5, 3), elements=st.floats(-5, 5)),
    spec=st.sampled_from(WITH_QUANTILES),
)
def test_an_end_is_never_on_the_wrong_side_of_its_prediction(raw, spec):
    found = answer(raw, spec)
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()


def test_intervals_are_those_of_the_quantiles_beside_the_prediction():
    raw = np.array([[10.0, 8.0, 11.0], [10.0, 10.5, 11.0], [10.0, 10.05, 9.95]])
    interval = PredictionInterval(
        level=0.8, low_offset=-0.5, high_offset=0.5, space="identity", n=9, of="quantiles"
    )
    found = answer(raw, AnswerSpec(task="regression", link="identity", interval=interval))
    assert found.low.tolist() == [7.5, 10.0, 9.55]
    assert found.high.tolist() == [11.5, 11.5, 10.45]


def test_an_interval_of_the_prediction_is_written_as_before_there_was_another():
    row = AnswerSpec(task="regression", link="identity", interval=INTERVAL).to_row()
    assert set(row["interval"]) == {"level", "low_offset", "high_offset", "space", "n"}
    assert AnswerSpec.from_row(row).interval == INTERVAL
    row = AnswerSpec(task="regression", link="identity", interval=OF_QUANTILES).to_row()
    assert row["interval"]["of"] == "quantiles"
