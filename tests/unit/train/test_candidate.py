from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from interlock.digest import digest_json
from interlock.errors import AuthorError
from interlock.train.candidate import (
    Baseline,
    Candidate,
    ClassPrior,
    GroupMedian,
    Mean,
)
from interlock.train.distribution import choice, float_range, int_range


def codes(mistakes):
    return [mistake.code for mistake in mistakes]


def test_a_candidate_in_plain_values():
    declared = Candidate(
        Ridge(alpha=np.float64(2.0)),
        target="log",
        search={"alpha": float_range(0.1, 10, log=True), "solver": choice("svd", "cholesky")},
        trials=5,
    )
    row = declared.to_row()
    assert row["estimator"]["class"] == "sklearn.linear_model._ridge.Ridge"
    assert row["estimator"]["params"]["alpha"] == 2.0
    assert row["search"]["alpha"] == {
        "distribution": "float",
        "low": 0.1,
        "high": 10.0,
        "log": True,
    }
    assert digest_json(row) == digest_json(declared.to_row())


def test_nested_estimators_are_described_and_differ_by_their_parameters():
    one = Candidate(make_pipeline(StandardScaler(), Ridge(alpha=1.0))).to_row()
    two = Candidate(make_pipeline(StandardScaler(), Ridge(alpha=2.0))).to_row()
    assert digest_json(one) != digest_json(two)
    assert one["estimator"]["params"]["steps"][1][1]["params"]["alpha"] == 1.0


def test_a_function_as_parameter_is_refused():
    pipeline = make_pipeline(FunctionTransformer(func=len), Ridge())
    with pytest.raises(AuthorError) as caught:
        Candidate(pipeline).to_row()
    assert str(caught.value) == (
        "error[T104]: a parameter of an estimator cannot be written down\n"
        "  where: estimator.steps[0][1].func\n"
        "  expected: numbers, texts, lists, arrays, dicts with text keys, estimators\n"
        "  got: builtin_function_or_method <built-in function len>\n"
        "  fix: use an estimator or a string option in its place, or put the step into a feature"
    )


@pytest.mark.parametrize(
    ("estimator", "task", "what"),
    [
        (Ridge, "regression", "a class instead of an estimator"),
        (3, "regression", "not an estimator"),
        (LogisticRegression(), "regression", "a classifier for a regression"),
        (LinearSVC(), "binary", "an estimator without predict_proba for classes"),
        (Ridge(), "multiclass", "an estimator without predict_proba for classes"),
    ],
)
def test_what_is_no_estimator_for_the_task_is_refused(estimator, task, what):
    (mistake,) = Candidate(estimator).mistakes("mine", task)
    assert (mistake.code, mistake.what, mistake.where) == ("T101", what, "candidate 'mine'")


@pytest.mark.parametrize(
    ("stack", "task"),
    [
        (StackingRegressor([("a", Ridge())]), "regression"),
        (StackingClassifier([("a", LogisticRegression())]), "binary"),
        (make_pipeline(StandardScaler(), StackingRegressor([("a", Ridge())])), "regression"),
    ],
    ids=["regressor", "classifier", "within a Pipeline"],
)
def test_a_stack_may_leave_its_last_estimator_to_scikit_learn(stack, task):
    assert Candidate(stack).mistakes("mine", task) == []


def test_a_stack_of_regressors_is_no_classifier():
    (mistake,) = Candidate(StackingRegressor([("a", Ridge())])).mistakes("mine", "binary")
    assert mistake.what == "an estimator without predict_proba for classes"


def test_columns_chosen_by_type_are_described_and_differ_by_what_they_choose():
    one, two = (
        Candidate(make_pipeline(ColumnTransformer([("a", "passthrough", chosen)]), Ridge()))
        for chosen in (make_column_selector("^a"), make_column_selector(dtype_include=np.number))
    )
    assert digest_json(one.to_row()) != digest_json(two.to_row())
    chosen = one.to_row()["estimator"]["params"]["steps"][0][1]["params"]["transformers"][0][2]
    assert chosen["params"] == {"pattern": "^a", "dtype_include": None, "dtype_exclude": None}


@pytest.mark.parametrize("of", [lambda last: last, make_pipeline])
@pytest.mark.parametrize("kind", [TunedThresholdClassifierCV, FixedThresholdClassifier])
def test_a_threshold_that_a_release_would_not_know_is_refused(of, kind):
    (mistake,) = Candidate(of(kind(LogisticRegression()))).mistakes("mine", "binary")
    assert (mistake.code, mistake.fix) == (
        "T101",
        "give the classifier inside it, and declare il.Binary(…, threshold=…)",
    )


def test_all_mistakes_are_reported_at_once():
    declared = Candidate(
        Ridge(),
        target="sqrt",
        search={
            "alhpa": int_range(1, 2),
            "alpha": float_range(0, 1, log=True),
            "tol": [1, 2],
            "max_iter": int_range(5, 1),
            "solver": choice(),
        },
        trials=0,
    )
    mistakes = declared.mistakes("ridge", "regression")
    assert codes(mistakes) == ["T102"] + ["T103"] * 6
    assert [mistake.got for mistake in mistakes] == [
        "'sqrt'",
        "trials=0 is not a whole number of at least 1",
        "the estimator has no parameter 'alhpa'",
        "alpha: log needs low above 0, not 0",
        "tol: not a distribution: [1, 2]",
        "max_iter: low 5 is above high 1",
        "solver: choice takes at least one value",
    ]


def test_classes_have_no_transform():
    (mistake,) = Candidate(LogisticRegression(), target="log").mistakes("c", "binary")
    assert (mistake.code, mistake.expected) == ("T102", "None for classes")


def test_a_baseline_suits_its_task_and_groups_by_an_input():
    class Feature:
        name = "street"

    assert Baseline(GroupMedian(Feature())).mistakes("b", "regression", ("street",)) == []
    assert Baseline(ClassPrior()).mistakes("b", "binary", ()) == []
    (mistake,) = Baseline(GroupMedian("town")).mistakes("b", "regression", ("street", "area"))
    assert str(mistake) == (
        "error[T105]: a baseline groups by something that is no input of the model\n"
        "  where: baseline 'b'\n"
        "  expected: one of street, area\n"
        "  got: town\n"
        "  fix: add 'town' to the product's features, or group by another"
    )
    assert codes(Baseline(Mean()).mistakes("b", "binary", ())) == ["T105"]
    assert codes(Baseline(ClassPrior()).mistakes("b", "regression", ())) == ["T105"]
    assert codes(Baseline("median").mistakes("b", "regression", ())) == ["T105"]
