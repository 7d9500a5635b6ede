"""What a packaged model costs to serve: counted from its bytes, and the same on any day."""

from itertools import pairwise

import numpy as np
import pytest
from lightgbm import LGBMRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor

from interlock.release.cost import ServingCost
from interlock.release.export.builder import GraphBuilder
from interlock.release.export.cost import serving_cost
from interlock.release.export.exporter import export
from interlock.release.export.forest import Branch, Forest


def cost(exported):
    return serving_cost(exported.format, exported.payload)


@pytest.fixture
def rows():
    X = np.random.default_rng(4).normal(size=(400, 5))
    return X, X[:, 0] + np.sin(3 * X[:, 1])


@pytest.mark.parametrize("trees", [1, 12])
def test_of_boosting_the_longest_way_through_every_tree(rows, encoder, trees):
    model = HistGradientBoostingRegressor(max_iter=trees, min_samples_leaf=3).fit(*rows)
    exported = export(model, encoder, task="regression")
    ways = sum(int(predictor.nodes["depth"].max()) for (predictor,) in model._predictors)
    assert cost(exported) == ServingCost(
        exported=True, steps=ways + 1, size=len(exported.payload)
    ), "and one for the constant it starts from"


def test_of_lightgbm_too(rows, encoder):
    model = LGBMRegressor(n_estimators=5, num_leaves=9, verbose=-1).fit(*rows)
    exported = export(model, encoder, task="regression")

    def depth(node):
        sides = [node[side] for side in ("left_child", "right_child") if side in node]
        return 1 + max(map(depth, sides)) if sides else 0

    trees = [t["tree_structure"] for t in model.booster_.dump_model()["tree_info"]]
    assert cost(exported).steps in (sum(map(depth, trees)), sum(map(depth, trees)) + 1)


def test_of_linear_models_a_step_a_term(rows, encoder):
    X, y = rows
    assert cost(export(Ridge().fit(X, y), encoder, task="regression")).steps == X.shape[1] + 1
    model = LogisticRegression(max_iter=500).fit(X, np.digitize(y, [0.0, 1.0]))
    assert cost(export(model, encoder, task="multiclass")).steps == 3 * X.shape[1] + 3


def test_a_lopsided_tree_costs_its_longest_way():
    forest = Forest(n_targets=1)
    chain = [Branch(feature=0, threshold=1.0, true=1, false=2), 2.0]
    chain += [Branch(feature=0, threshold=2.0, true=3, false=4), 3.0, 4.0]
    forest.add_tree(chain, target=0)
    forest.add_constant(0.5, target=0)
    builder = GraphBuilder(n_columns=1, writer=lambda *_: None)
    payload = builder.model(forest.write(builder, "X"), width=1)
    assert serving_cost("onnx", payload).steps == 2 + 1


def test_of_forests_the_longest_way_and_the_mean(rows, encoder):
    model = RandomForestRegressor(n_estimators=4, max_depth=3, random_state=0).fit(*rows)
    found = cost(export(model, encoder, task="regression"))
    assert 4 * 3 <= found.steps <= 4 * 3 + 4


def test_a_native_model_is_dearer_than_any_exported_one(rows, encoder):
    X, y = rows
    small = KNeighborsRegressor(n_neighbors=1).fit(X[:9], y[:9])
    native = cost(export(small, encoder, task="regression"))
    large = HistGradientBoostingRegressor(max_iter=30).fit(X, y)
    exported = cost(export(large, encoder, task="regression"))
    assert not native.exported
    assert exported < native
    assert str(native) == f"native, {native.size:,} bytes"


def test_fewer_steps_before_fewer_bytes():
    found = [
        ServingCost(exported=True, steps=1, size=9),
        ServingCost(exported=True, steps=2, size=1),
        ServingCost(exported=True, steps=2, size=2),
        ServingCost(exported=False, steps=0, size=1),
        ServingCost(exported=False, steps=0, size=2),
    ]
    assert all(cheaper < dearer and not dearer < cheaper for cheaper, dearer in pairwise(found))
