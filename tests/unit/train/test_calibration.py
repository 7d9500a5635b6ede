from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from interlock.errors import AuthorError
from interlock.train.calibration import calibrate
from interlock.train.candidate import Candidate


def sigmoid(score):
    return 1 / (1 + np.exp(-score))


def log_loss(y, probability):
    return -np.mean(np.log(np.where(y == 1, probability, 1 - probability)))


def drawn(seed, slope=0.6, offset=-1.2, n=3_000):
    rng = np.random.default_rng(seed)
    score = rng.normal(0.5, 3, n)
    return score, (rng.random(n) < sigmoid(slope * score + offset)).astype(np.int64)


@given(
    seed=st.integers(0, 2**32 - 1),
    slope=st.floats(0.1, 4),
    offset=st.floats(-2, 2),
)
@settings(max_examples=40, deadline=None)
def test_nothing_near_has_less_loss_against_platts_targets(seed, slope, offset):
    score, y = drawn(seed, slope, offset, n=400)
    if len(set(y.tolist())) < 2:
        return
    found = calibrate(y, score[:, None], "logit", n_classes=2)
    n1, n0 = int(y.sum()), int((1 - y).sum())
    target = np.where(y == 1, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def loss(a, b):
        logit = a * score + b
        return float(np.sum(np.logaddexp(0, logit) - target * logit))

    best = loss(found.slope, found.offset)
    for a, b in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3), (1e-3, -1e-3)):
        assert best <= loss(found.slope + a, found.offset + b)


def test_it_agrees_with_a_plain_logistic_regression():
    score, y = drawn(1, n=20_000)
    found = calibrate(y, score[:, None], "logit", n_classes=2)
    plain = LogisticRegression(C=np.inf, tol=1e-10).fit(score[:, None], y)
    assert found.slope == pytest.approx(plain.coef_[0, 0], rel=1e-3)
    assert found.offset == pytest.approx(plain.intercept_[0], rel=1e-3)
    assert found.n == 20_000


def test_overconfident_probabilities_get_better_on_rows_not_seen():
    score, y = drawn(2)
    found = calibrate(y, score[:, None], "logit", n_classes=2)
    new_score, new_y = drawn(3)
    after = sigmoid(found.scores(new_score[:, None], "logit")[:, 0])
    assert log_loss(new_y, after) < log_loss(new_y, sigmoid(new_score)) - 0.1
    assert (np.argsort(after, kind="stable") == np.argsort(new_score, kind="stable")).all()


@pytest.mark.parametrize("link", ["probability", "softmax"])
def test_two_columns_are_calibrated_as_their_log_odds(link):
    score, y = drawn(4)
    raw = np.column_stack([np.zeros(len(score)), score])
    if link == "probability":
        raw = np.column_stack([1 - sigmoid(score), sigmoid(score)])
    found = calibrate(y, raw, link, n_classes=2)
    expected = calibrate(y, score[:, None], "logit", n_classes=2)
    assert found.slope == pytest.approx(expected.slope, rel=1e-6)
    assert found.offset == pytest.approx(expected.offset, rel=1e-6)


def test_certain_probabilities_do_not_break_it():
    y = np.array([0, 1] * 50)
    raw = np.where(np.arange(100) < 90, y, 1 - y).astype(float)[:, None]
    found = calibrate(y, raw, "probability", n_classes=2)
    assert 0 < sigmoid(found.scores(np.array([[1.0]]), "probability"))[0, 0] < 0.93


def test_a_temperature_is_found_for_more_classes():
    rng = np.random.default_rng(5)
    scores = rng.normal(0, 2, (20_000, 4))
    y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    found = calibrate(y, scores * 3, "softmax", n_classes=4)
    assert found.method == "temperature"
    assert found.slope == pytest.approx(1 / 3, rel=0.05)
    assert found.offset == 0.0


def test_weights_count_rows_as_often():
    score, y = drawn(6, n=300)
    weights = np.random.default_rng(7).integers(0, 4, 300)
    repeated = np.repeat(np.arange(300), weights)
    weighted = calibrate(y, score[:, None], "logit", n_classes=2, weights=weights)
    copied = calibrate(y[repeated], score[repeated, None], "logit", n_classes=2)
    assert weighted.slope == pytest.approx(copied.slope, rel=1e-6)
    assert weighted.offset == pytest.approx(copied.offset, rel=1e-6)


def test_rows_whose_scores_are_not_finite_are_left_out():
    score, y = drawn(8)
    bad = np.append(score, [np.nan, np.inf])[:, None]
    with_bad = calibrate(np.append(y, [1, 0]), bad, "logit", n_classes=2)
    assert with_bad == calibrate(y, score[:, None], "logit", n_classes=2)


@pytest.mark.parametrize(
    ("y", "score", "got"),
    [
        ([1, 1, 1], [0.1, 0.2, 0.3], "3 usable rows of 1 of 2 classes"),
        ([], [], "0 usable rows of 0 of 2 classes"),
        (
            [0, 1] * 20,
            [1.0, -1.0] * 20,
            "scores with which no class becomes likelier (slope -3.04)",
        ),
    ],
)
def test_rows_that_cannot_say_how_are_refused(y, score, got):
    with pytest.raises(AuthorError) as caught:
        calibrate(np.array(y, dtype=int), np.array(score)[:, None], "logit", n_classes=2)
    (mistake,) = caught.value.mistakes
    assert (mistake.code, mistake.got) == ("T115", got)


def test_a_regression_has_no_probabilities_and_no_other_method_is_known():
    ridge = Candidate(LogisticRegression(), calibrate="isotonic")
    (mistake,) = ridge.mistakes("c", "binary")
    assert (mistake.code, mistake.expected, mistake.got) == (
        "T114",
        "None or 'sigmoid'",
        "'isotonic'",
    )
    assert Candidate(LogisticRegression(), calibrate="sigmoid").mistakes("c", "binary") == []


def test_only_a_declared_calibration_is_part_of_a_candidates_identity():
    assert "calibrate" not in Candidate(LogisticRegression()).to_row()
    assert Candidate(LogisticRegression(), calibrate="sigmoid").to_row()["calibrate"] == "sigmoid"
