"""What a product may declare as its metrics, and how it decides which class to answer."""

import dataclasses
import importlib.util
import sys
from datetime import date

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import interlock as il
from interlock.evaluate.predicted import Predicted
from interlock.product.metrics import product_metrics

SOURCE = '''
import numpy as np
from sklearn.metrics import mean_pinball_loss

import interlock as il

RATE = 0.02


@il.metric(better="lower", unit="USD")
def cost_of_error(y_true, y_pred, rows):
    """What it costs to be wrong.

    More of it.
    """
    return RATE * float(np.abs(y_pred - y_true).mean())


@il.metric(better=1.0)
def level(y_true, y_pred, rows):
    return float(np.median(y_pred / y_true))


@il.metric(better="lower")
def pinball(y_true, y_pred, rows):
    return mean_pinball_loss(y_true, y_pred, alpha=0.9)


@il.metric(better="lower")
def from_a_file(y_true, y_pred, rows):
    return float(open("factor.txt").read())


@il.metric(better="lower")
def mae(y_true, y_pred, rows):
    return 0.0
'''


class House(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
    area: float
    zone: str


@pytest.fixture
def own(project):
    """The functions of a file in the project."""
    path = project.folder / "measures.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("measures", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["measures"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["measures"]


def classes(**target):
    return {
        "target": il.Binary(cheap, **target),
        "candidates": {
            "prior": il.Baseline(il.ClassPrior()),
            "logistic": il.Candidate(LogisticRegression()),
        },
    }


@il.label
def cheap(price: int) -> bool:
    return price < 14_000


def test_a_function_is_a_metric_by_its_name(project, own):
    bound = project.bind(
        House,
        metrics=[own.cost_of_error, own.pinball, "prd"],
        metric=own.cost_of_error,
        model_gate=[il.Below(own.cost_of_error, 5), il.BeatsBaselines(), il.Between("prd", 0.9, 2)],
    )
    assert bound.product.metric_name == "cost_of_error"
    metric = bound.metric("cost_of_error")
    assert metric.value(np.array([100.0]), np.array([150.0])) == 1.0
    assert (metric.unit, metric.meaning, metric.resamples) == (
        "USD",
        "What it costs to be wrong",
        500,
    )
    assert bound.metric("mae").identity == ""
    assert set(bound.metric_code) == {"cost_of_error", "pinball"}


def test_the_identity_of_a_metric_is_its_code_and_all_it_uses(project, own):
    def identity():
        return project.bind(House, metrics=[own.cost_of_error]).metric_row("cost_of_error")["code"]

    before, path = identity(), project.folder / "measures.py"
    path.write_text(SOURCE + "\n# a remark elsewhere\n")
    assert identity() == before
    path.write_text(SOURCE.replace("RATE = 0.02", "RATE = 0.03"))
    assert identity() != before


def test_a_metric_in_another_unit_is_meant_so_everywhere(project, own):
    bound = project.bind(
        House,
        metrics=[il.Scaled("mae", "kUSD", by=0.001), il.Scaled(own.cost_of_error, "cent", by=100)],
        model_gate=[il.Below("mae", 12), il.BeatsBaselines()],
    )
    assert bound.metric("mae").value(np.array([1_000.0]), np.array([3_000.0])) == 2.0
    assert bound.metric("mae").unit_shown("USD") == "kUSD"
    assert bound.metric("cost_of_error").value(np.array([100.0]), np.array([150.0])) == 100.0
    assert bound.metric_row("mae") != project.bind(House).metric_row("mae")


def test_costs_make_a_metric(project):
    rule = il.MinCost(false_positive=1, false_negative=5, unit="EUR")
    per_thousand = il.Scaled("expected_cost", "EUR per 1,000", by=1_000)
    product = project.product(House, **classes(threshold=rule), metrics=[per_thousand])
    metric = product_metrics(product)["expected_cost"]
    y, odds = np.array([0.0, 1.0, 1.0, 0.0]), np.tile([0.5, 0.5], (4, 1))
    assert metric.value(y, Predicted(odds, np.array([1, 0, 1, 0]))) == 1_500
    assert metric.unit == "EUR per 1,000"
    assert "expected_cost" not in product_metrics(project.product(House, **classes(threshold=0.4)))
    bound = project.bind(
        House,
        **classes(threshold=rule),
        metrics=[per_thousand],
        model_gate=[il.Below("expected_cost", 900)],
    )
    assert bound.metric("expected_cost", (False, True)).better == "lower"


def test_how_classes_are_decided_changes_no_features(project):
    plain = project.bind(House, **classes())
    assert project.bind(House, **classes(threshold=0.3)).code_digest == plain.code_digest


@pytest.mark.parametrize(
    ("declared", "expected", "got"),
    [
        (lambda own: ["maee"], "the name of a metric", "'maee'"),
        (lambda own: ["brier"], "a metric for a regression target", "brier"),
        (lambda own: [own.mae], "a name that no metric of Interlock's has", "mae"),
        (lambda own: [il.Scaled("mae", "")], "a unit, such as 'USD'", "''"),
        (lambda own: [il.Scaled("mae", "USD", by=0)], "by=… a number above 0", "0"),
        (lambda own: [il.Scaled("mae", "USD", by=None)], "by=… a number above 0", "None"),
        (
            lambda own: [il.Scaled("expected_cost", "USD")],
            "the name of a metric",
            "'expected_cost'",
        ),
        (
            lambda own: [il.Scaled("mae", "a"), il.Scaled("mae", "b")],
            "one meaning for each name",
            "two of 'mae'",
        ),
        (
            lambda own: [dataclasses.replace(own.level, resamples=50)],
            "resamples from 200 to 2,000",
            "50",
        ),
        (
            lambda own: [dataclasses.replace(own.level, better="more", target=None)],
            "better='lower', 'higher' or the best value",
            "'more'",
        ),
    ],
)
def test_metrics_that_cannot_be_used(project, own, declared, expected, got):
    (found,) = project.mistakes(House, metrics=declared(own))
    assert (found.code, found.expected, found.got) == ("C137", expected, got)


def test_a_metric_that_is_not_pure_is_refused(project, own):
    assert project.mistake(House, metrics=[own.from_a_file]) == (
        "error[C137]: from_a_file cannot be used: from_a_file uses open\n"
        f"  where: {project.folder}/measures.py:31\n"
        "  expected: a pure function of its arguments\n"
        "  fix: pass what it needs as an argument: a request field, a feature, or as_of"
    )


def test_a_function_must_be_among_the_metrics(project, own):
    assert project.mistake(House, model_gate=[il.Below(own.cost_of_error, 5)]) == (
        "error[C136]: the metric does not exist for this target\n"
        "  where: model_gate: Below(metric='cost_of_error', limit=5)\n"
        "  expected: a metric for regression\n"
        "  got: cost_of_error\n"
        "  fix: correct the metric's name; a function must be among metrics=[…]"
    )


def test_a_metric_with_worse_on_both_sides_ranks_nobody(project, own):
    found = project.mistakes(House, metric="prd")
    assert [(m.code, m.got) for m in found] == [("C136", "prd")]
    assert found[0].fix == "compare by another metric, and ask for il.Between('prd', …) at the gate"
    assert "mdape" in found[0].expected
    assert "median_ratio" not in found[0].expected
    assert [m.code for m in project.mistakes(House, metric=own.level)] == ["C136"]
    slices = il.Slices(metric="prd", limit=1.1)
    assert [m.code for m in project.mistakes(House, model_gate=[slices])] == ["C136"]


def test_a_limit_on_the_wrong_side_of_ones_own_metric(project, own):
    (found,) = project.mistakes(
        House,
        metrics=[own.cost_of_error],
        model_gate=[il.Above("cost_of_error", 5), il.Between("cost_of_error", -1, 5)],
    )
    assert (found.code, found.fix) == ("M203", "write Below('cost_of_error', …)")


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0, "a probability between 0 and 1, il.MinCost(…) or il.MaxFBeta(…)"),
        (1.5, "a probability between 0 and 1, il.MinCost(…) or il.MaxFBeta(…)"),
        ("low", "a probability between 0 and 1, il.MinCost(…) or il.MaxFBeta(…)"),
        (il.MinCost(1, 0), "a wrong answer to cost more than the right one"),
        (il.MaxFBeta(-1), "a beta above 0"),
        (il.Costs(), "a probability between 0 and 1, il.MinCost(…) or il.MaxFBeta(…)"),
    ],
)
def test_thresholds_that_cannot_be_used(project, threshold, expected):
    (found,) = project.mistakes(House, **classes(threshold=threshold))
    assert (found.code, found.where, found.expected) == ("C138", "target, threshold", expected)


def test_costs_that_cannot_be_used(project):
    parts = classes() | {"target": il.Multiclass("zone", costs={"north": 1})}
    (found,) = project.mistakes(HouseOnly, **parts)
    assert (found.code, found.where) == ("C138", "target, costs")
    assert found.expected == "il.Costs({true class: {answered class: cost}})"


class HouseOnly(il.Request):
    valued_on: date = il.asked_at(zone="UTC")
    built: int
