"""Products of every shape reach prod; each is delivered for real, on small data."""

import json
import textwrap

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

N_ROWS = 1_500
HEAD = """
from datetime import datetime
from typing import Literal

from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBRegressor

import interlock as il


class Item(il.Request):
    size: float
    weight: float | None = None
    kind: Literal["small", "large", "odd"]
"""
REST = """
items = il.Source("data/items.{format}", key="item")
product = il.Product(
    "items", request=Item, examples=items.map(), target={target},
    candidates={candidates} | {baseline}, {more}
)
"""


@pytest.fixture(scope="module")
def items():
    """Things with a size, a weight and a kind; nothing says when."""
    chance = np.random.default_rng(1)
    size, weight = chance.gamma(4, 2, N_ROWS), chance.normal(10, 3, N_ROWS)
    kind = np.array(["small", "large", "odd"])[chance.integers(0, 3, N_ROWS)]
    value = 3 * size + np.where(kind == "odd", 9, 0) - weight + chance.normal(0, 1, N_ROWS)
    label = np.array(["cheap", "fair", "dear"])[np.digitize(value, [5, 20])]
    return pa.table(
        {
            "item": [f"i{i:05d}" for i in range(N_ROWS)],
            "size": size,
            "weight": pa.array(weight, mask=chance.random(N_ROWS) < 0.05),
            "kind": kind,
            "value": value,
            "good": value > 15,
            "label": label,
            "trust": chance.uniform(0.1, 2, N_ROWS),
        }
    )


@pytest.fixture
def deliver(make_project, tmp_path):
    """Delivers a product over a table; the project, the report's row, and the bundle."""

    def act(source, table, file="items.parquet", code=0):
        project = make_project(tmp_path / "project", product=source)
        place = project.folder / "data" / file
        if file.endswith("csv"):
            pa.csv.write_csv(table, place)
        else:
            pq.write_table(table, place)
        ran = project.deliver()
        assert ran.code == code, ran.err
        return project, ran.json

    return act


def written(*, target, candidates, format="parquet", more="", head=HEAD):
    rule = "Mean" if "Regression" in target else "ClassPrior"
    baseline = f"{{'baseline': il.Baseline(il.{rule}())}}"
    rest = REST.format(
        target=target, candidates=candidates, baseline=baseline, format=format, more=more
    )
    return head + textwrap.dedent(rest)


def in_bundle(project, digest, name):
    return json.loads((project.state / "artifacts" / "bundles" / digest / name).read_text())


REGRESSIONS = {
    "boosting": "HistGradientBoostingRegressor(max_iter=30)",
    "pipeline": "make_pipeline(ColumnTransformer([('n', StandardScaler(), ['size']),"
    " ('k', OneHotEncoder(handle_unknown='ignore'), ['kind'])]), Ridge())",
    "lightgbm": "LGBMRegressor(n_estimators=30)",
    "xgboost": "XGBRegressor(n_estimators=30)",
    "neighbours": "make_pipeline(ColumnTransformer([('n', StandardScaler(), ['size']),"
    " ('k', OneHotEncoder(handle_unknown='ignore'), ['kind'])]), KNeighborsRegressor())",
}


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("boosting", "onnx"),
        ("pipeline", "onnx"),
        ("lightgbm", None),
        ("xgboost", "onnx"),
        ("neighbours", "skops"),
    ],
)
@pytest.mark.parametrize("format", ["csv"])
def test_regression_without_time_from_csv(deliver, items, name, kept, format):
    candidates = f"{{'it': il.Candidate({REGRESSIONS[name]})}}"
    source = written(
        target='il.Regression("value", interval=0.9)',
        candidates=candidates,
        format=format,
        more='split=il.HashSplit(), metric="rmse"',
    )
    project, row = deliver(source, items, f"items.{format}")
    assert row["sentence"] == "prod runs 1.0.0"
    found = in_bundle(project, row["digest"], "candidate.json")
    assert found["name"] == "it"
    if kept:
        assert found["format"] == kept
    assert 0.5 < found["test"]["rmse"]["value"] < 4


@pytest.mark.parametrize(
    ("target", "estimator", "classes"),
    [
        ('il.Binary("good")', "HistGradientBoostingClassifier(max_iter=20)", [False, True]),
        (
            'il.Multiclass("label")',
            "HistGradientBoostingClassifier(max_iter=20)",
            ["cheap", "dear", "fair"],
        ),
    ],
)
def test_classes(deliver, items, target, estimator, classes):
    source = written(
        target=target,
        candidates=f"{{'it': il.Candidate({estimator})}}",
    )
    project, row = deliver(source, items)
    assert in_bundle(project, row["digest"], "answer.json")["spec"]["classes"] == classes
    log_loss = in_bundle(project, row["digest"], "candidate.json")["test"]["log_loss"]
    assert 0 < log_loss["value"] < 0.5


OWN = (
    HEAD
    + """
@il.metric(better="lower", unit="EUR")
def lost_weight(y_true, y_pred, rows):
    wrong = y_true != rows.answered
    return float((wrong * np.nan_to_num(rows["weight"])).mean())
"""
).replace("from datetime", "import numpy as np\nfrom datetime", 1)


def test_a_release_answers_at_the_threshold_that_costs_least(deliver, items):
    source = written(
        target='il.Binary("good", threshold=il.MinCost(1, 9, unit="EUR"))',
        candidates="{'it': il.Candidate(LogisticRegression(C=0.01), calibrate='sigmoid')}",
        more="yardsticks={'oracle': 'good'}, metrics=[lost_weight, 'f2', 'recall_at_fpr_10'],"
        " model_gate=[il.BeatsBaselines(),"
        " il.Below(lost_weight, 5), il.Below('expected_cost', 1), il.Between('ece', 0, 0.5)]",
        head=OWN,
    )
    project, row = deliver(source, items)
    spec = in_bundle(project, row["digest"], "answer.json")["spec"]
    threshold = spec["decision"]["threshold"]
    assert 0 < threshold < 1
    golden = in_bundle(project, row["digest"], "golden.json")
    chances = [answer["probabilities"][1] for answer in golden]
    assert [answer["prediction"] for answer in golden] == [p >= threshold for p in chances]
    assert any(threshold <= p < 0.5 for p in chances) or any(p < threshold for p in chances)
    kept = in_bundle(project, row["digest"], "candidate.json")
    assert kept["decision"]["low"] <= threshold <= kept["decision"]["high"]
    assert len(kept["decision"]["curve"]) > 10
    assert {"lost_weight", "f2", "recall_at_fpr_10", "expected_cost"} <= set(kept["test"])
    assert kept["test"]["lost_weight"]["resamples"] == 500
    again = project.deliver()
    assert again.json["digest"] == row["digest"]


def test_a_release_answers_the_class_of_least_expected_cost(deliver, items):
    source = written(
        target='il.Multiclass("label", costs=il.Costs({"dear": {"cheap": 30, "fair": 30}}))',
        candidates="{'it': il.Candidate(LogisticRegression(C=0.01))}",
        more="metrics=['precision', 'f1_weighted']",
    )
    project, row = deliver(source, items)
    spec = in_bundle(project, row["digest"], "answer.json")["spec"]
    assert spec["classes"] == ["cheap", "dear", "fair"]
    assert spec["decision"] == {"costs": [[0, 1, 1], [30, 0, 30], [1, 1, 0]]}
    kept = in_bundle(project, row["digest"], "candidate.json")["test"]
    assert {"expected_cost", "precision", "f1_weighted"} <= set(kept)


BROKEN = (
    HEAD
    + """
class Broken(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        raise RuntimeError("out of luck")

    def predict(self, X):
        return X[:, 0]


class Homemade(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.mean_ = float(y.mean())
        return self

    def predict(self, X):
        return [self.mean_] * len(X)
"""
)


def test_a_candidate_that_cannot_be_trained_or_packaged_stops_the_delivery(deliver, items):
    """In the training tests, on few rows, with the reason of each; nothing is live."""
    source = written(
        target='il.Regression("value")',
        candidates="{'broken': il.Candidate(Broken()), 'homemade': il.Candidate(Homemade()),"
        " 'ridge': il.Candidate(Ridge())}",
        head=BROKEN,
    )
    project, row = deliver(source, items, code=3)
    tests = next(gate for gate in row["gates"] if gate["gate"] == "training tests")
    verdicts = {check["name"]: check["verdict"] for check in tests["checks"]}
    assert verdicts["broken trains"] == verdicts["homemade trains"] == "failed"
    assert verdicts["ridge trains"] == "passed"
    assert "RuntimeError: out of luck" in json.dumps(tests)
    report = (project.state / "deliveries" / "items" / "1" / "report.html").read_text()
    assert "RuntimeError: out of luck" in report
    assert "Homemade will not export" in report
    assert project.live(product="items") is None


def test_without_a_baseline_the_check_says_what_to_do(deliver, items):
    source = written(target='il.Regression("value")', candidates="{'ridge': il.Candidate(Ridge())}")
    project, row = deliver(source.replace("| {'baseline'", "or {'baseline'"), items, code=2)
    assert [m["code"] for m in row["error"]["mistakes"]] == ["C142"]
    checked = project.run("check")
    assert checked.code == 2
    assert "error[C142]: the model gate asks to beat the baselines, and none" in checked.err


def test_without_time_the_second_delivery_is_compared(deliver, items):
    source = written(target='il.Regression("value")', candidates="{'ridge': il.Candidate(Ridge())}")
    project, row = deliver(source, items.slice(200))
    pq.write_table(items, project.folder / "data" / "items.parquet")
    again = project.deliver()
    assert again.code == 0, again.err
    assert again.json["digest"] != row["digest"]
    model = next(gate for gate in again.json["gates"] if gate["gate"] == "model")
    check = next(c for c in model["checks"] if c["name"] == "no worse than champion")
    assert (check["verdict"], check["evidence"]["reference"]) == ("passed", "1.0.0")
    assert 200 <= check["n"] < 450
    project.change("candidates=", "split=il.HashSplit(test=0.3), candidates=")
    other = project.deliver()
    assert other.code == 3, "rows the champion has learned from were compared"


def test_sample_weights_count(deliver, items, make_project, tmp_path):
    weighted = written(
        target='il.Regression("value")', candidates="{'ridge': il.Candidate(Ridge())}",
        more='weight="trust"',
    )  # fmt: skip
    project, row = deliver(weighted, items)
    project.change('weight="trust"', "")
    assert project.build() != row["digest"]


def test_a_search_is_reproducible(deliver, items, make_project, tmp_path):
    source = written(
        target='il.Regression("value")',
        candidates="{'found': il.Candidate(HistGradientBoostingRegressor(max_iter=20), trials=5,"
        " search={'learning_rate': il.float_range(0.02, 0.5, log=True),"
        " 'max_leaf_nodes': il.int_range(4, 40)})}",
    )
    project, row = deliver(source, items)
    params = in_bundle(project, row["digest"], "candidate.json")["params"]["params"]
    assert 0.02 <= params["learning_rate"] <= 0.5
    assert 4 <= params["max_leaf_nodes"] <= 40
    again = make_project(tmp_path / "again", product=source)
    pq.write_table(items, again.folder / "data" / "items.parquet")
    assert again.build() == row["digest"]


def test_several_products(make_project, items, tmp_path):
    one = written(target='il.Regression("value")', candidates="{'r': il.Candidate(Ridge())}")
    two = written(
        target='il.Binary("good")', candidates="{'l': il.Candidate(LogisticRegression())}"
    ).replace('"items", request', '"goods", request')
    project = make_project(tmp_path / "project", product=one)
    (project.folder / "goods.py").write_text(two)
    project.settle('[tool.interlock]\nproducts = ["product.py", "goods.py"]\n')
    pq.write_table(items, project.folder / "data" / "items.parquet")
    asked = project.deliver()
    assert asked.code == 2
    assert "error[C156]: which product?" in asked.err
    for name in ("items", "goods"):
        ran = project.deliver("--product", name)
        assert ran.code == 0, ran.err
        assert project.live(product=name) == ran.json["digest"]
    status = project.run("status", "--json").json
    assert {p["product"] for p in status["products"]} == {"items", "goods"}
    assert project.run("check").code == 0
    assert project.run("verify").code == 0


def test_text_and_time_with_an_offset(deliver, items):
    moments = np.datetime64("2024-01-01") + np.arange(N_ROWS) * np.timedelta64(3, "h")
    words = np.array(["", "größer", "a b", "'\"\\", "\n", "x" * 300])[np.arange(N_ROWS) % 6]
    table = items.append_column("seen", pa.array(moments.astype("datetime64[us]")).cast(
        pa.timestamp("us", tz="UTC"))).append_column("note", pa.array(words))  # fmt: skip
    source = written(
        target='il.Regression("value", available_after="1h")',
        candidates="{'boosting': il.Candidate(HistGradientBoostingRegressor(max_iter=20))}",
        more="features=[shouts],",
        head=HEAD
        + """    note: str
    asked: datetime = il.asked_at()


@il.feature
def shouts(note: str) -> int:
    return len(note.split())
""",
    )
    source = source.replace("items.map()", 'items.map(asked="seen")').replace(
        'key="item"', 'key="item", event_time="seen", available_after="1h"'
    )
    _, row = deliver(source, table)
    assert row["sentence"] == "prod runs 1.0.0"


def test_three_hundred_columns(deliver):
    chance = np.random.default_rng(2)
    n_columns, n_rows = 300, 1_200
    values = chance.normal(size=(n_rows, n_columns))
    columns = {f"x{i}": values[:, i] for i in range(n_columns)}
    table = pa.table({"item": range(n_rows), **columns, "value": values[:, 0] - 2 * values[:, 299]})
    fields = "\n".join(f"    x{i}: float" for i in range(n_columns))
    head = HEAD[: HEAD.index("class Item")] + f"class Item(il.Request):\n{fields}\n"
    source = written(
        target='il.Regression("value")',
        candidates="{'ridge': il.Candidate(Ridge()),"
        " 'boosting': il.Candidate(HistGradientBoostingRegressor(max_iter=15))}",
        head=head,
    )
    project, row = deliver(source, table)
    assert in_bundle(project, row["digest"], "candidate.json")["name"] == "ridge"
