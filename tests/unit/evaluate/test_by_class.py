import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from interlock.evaluate.by_class import MOST_PAIRED, by_class
from interlock.evaluate.compare import estimates
from interlock.evaluate.metrics import metric_named
from interlock.evaluate.predicted import Predicted
from interlock.stats.resamples import Resamples


def sample(k, n=400, seed=0):
    rng = np.random.default_rng(seed)
    odds = rng.dirichlet(np.ones(k), size=n)
    y = np.array([rng.choice(k, p=row) for row in odds]).astype(float)
    return y, Predicted(odds, rng.integers(0, k, n))


@given(k=st.integers(2, 5), seed=st.integers(0, 1_000))
@settings(max_examples=20, deadline=None)
def test_the_tables_agree_with_scikit_learn(k, seed):
    y, predicted = sample(k, seed=seed)
    found = by_class(y, predicted, Resamples.of(len(y), seed=1, count=50))
    labels = list(range(k))
    assert np.array(found.counts).tolist() == (
        oracle.confusion_matrix(y, predicted.answered, labels=labels).tolist()
    )
    shares = oracle.confusion_matrix(y, predicted.answered, labels=labels, normalize="true")
    assert [[e.value for e in row] for row in found.shares] == [
        pytest.approx(row) for row in shares.tolist()
    ]
    expected = oracle.precision_recall_fscore_support(y, predicted.answered, labels=labels)
    for c, (precision, recall, f1, support) in enumerate(zip(*expected, strict=True)):
        one = found.classes[c]
        assert (one.support, one.precision.n) == (support, (predicted.answered == c).sum())
        assert one.precision.value == pytest.approx(precision)
        assert one.recall.value == pytest.approx(recall)
        assert one.f1.value == pytest.approx(f1)
        assert one.brier.value == pytest.approx(
            oracle.brier_score_loss(y == c, predicted.values[:, c])
        )
        assert one.roc_auc.value == pytest.approx(
            oracle.roc_auc_score(y == c, predicted.values[:, c])
        )


def test_intervals_are_those_of_the_metrics():
    y, predicted = sample(2, n=900)
    drawn = Resamples.of(900, seed=1, clusters=np.arange(900) // 2)
    found = by_class(y, predicted, drawn).classes[1]
    names = ("precision", "recall", "f1", "brier")
    measured = estimates([metric_named(n) for n in names], y, predicted, seed=1, resamples=drawn)
    for name, other in zip(names, measured, strict=True):
        one = getattr(found, name)
        assert one.value == pytest.approx(other.value)
        assert one.interval.low == pytest.approx(other.interval.low)
        assert one.interval.high == pytest.approx(other.interval.high)
    assert found.roc_auc.resamples == 500
    assert found.recall.units == 450


def test_what_is_a_share_of_nothing_is_not_there():
    y = np.repeat([0.0, 1.0], 50)
    odds = np.tile([0.5, 0.25, 0.25], (100, 1))
    found = by_class(y, Predicted(odds, np.zeros(100, dtype=np.intp)), Resamples.of(100, seed=1))
    answered, never, absent = found.classes
    assert answered.recall.value == 1.0
    assert (never.precision, never.recall.value, never.f1.value) == (None, 0.0, 0.0)
    assert (absent.support, absent.recall, absent.f1, absent.roc_auc) == (0, None, None, None)
    assert found.shares[2] == (None, None, None)


def test_a_rare_class_has_no_interval_rather_than_a_false_one():
    y = np.zeros(200)
    y[:2] = 1  # in an eighth of all resamples there is none
    odds = np.column_stack([1 - y * 0.8, y * 0.8])
    found = by_class(y, Predicted.of(odds), Resamples.of(200, seed=1)).classes[1]
    assert (found.recall.value, found.recall.interval) == (1.0, None)
    assert found.brier.interval is not None


@pytest.mark.parametrize("bad", [math.nan, -0.1, math.inf])
def test_probabilities_that_are_none_have_no_tables(bad):
    y, predicted = sample(2, n=50)
    odds = predicted.values.copy()
    odds[3, 0] = bad
    assert by_class(y, Predicted(odds, predicted.answered), Resamples.of(50, seed=1)) is None
    assert by_class(y, Predicted(odds[:, 0]), Resamples.of(50, seed=1)) is None


def test_very_many_classes_are_counted_without_intervals_of_pairs():
    k = MOST_PAIRED + 1
    y, predicted = sample(k, n=300)
    found = by_class(y, predicted, Resamples.of(300, seed=1, count=20))
    assert (len(found.counts), found.shares, len(found.classes)) == (k, (), k)
