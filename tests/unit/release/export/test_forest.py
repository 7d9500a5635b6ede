"""Trees as one operator: sets of codes, infinities, missing values, and one way to compare."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.onnx_ml_pb2 import ModelProto, TensorProto

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.forest import Branch, Forest
from interlock.release.scorers.opening import open_scorer

CODES = st.lists(st.integers(0, 300).map(float), min_size=0, max_size=40, unique=True).map(
    lambda codes: tuple(sorted(codes))
)
ODD = [np.nan, np.inf, -np.inf, -0.0, 0.5, -1.0, 1e300, 2.0**53]


def payload_of(forest, *, n_columns=2):
    builder = GraphBuilder(n_columns=n_columns, writer=lambda *_: None)
    name = forest.write(builder, "X")
    return builder.model(name, width=forest.n_targets)


def scores(forest, matrix):
    return open_scorer("onnx", payload_of(forest), n_columns=2).raw(np.asarray(matrix))


def asking(feature, members):
    return [Branch(feature=feature, members=members, true=1, false=2), 1.0, 0.0]


@settings(max_examples=25, deadline=None)
@given(sets=st.lists(st.tuples(st.integers(0, 1), CODES), min_size=1, max_size=6))
def test_a_value_is_a_member_exactly_when_it_equals_one(sets):
    forest = Forest(n_targets=1)
    for feature, members in sets:
        forest.add_tree(asking(feature, members), target=0)
    matrix = np.array([[a, b] for a in [*range(0, 301, 7), *ODD] for b in (3.0, 14.0, np.nan)])
    said = scores(forest, matrix)[:, 0]
    expected = [sum(row[feature] in members for feature, members in sets) for row in matrix]
    assert said.tolist() == expected


def test_a_set_without_members_is_never_met():
    forest = Forest(n_targets=1)
    forest.add_tree(asking(0, ()), target=0)
    assert not scores(forest, [[value, 0.0] for value in ODD]).any()


def test_sets_and_thresholds_are_asked_in_one_mode():
    forest = Forest(n_targets=1)
    tree = [Branch(feature=1, threshold=2.0, true=1, false=2), 4.0]
    tree += [Branch(feature=0, members=(1.0, 40.0), true=3, false=4), 1.0, 0.0]
    forest.add_tree(tree, target=0)
    forest.add_tree(asking(0, ()), target=0)
    (node,) = (
        node
        for node in ModelProto.FromString(payload_of(forest)).graph.node
        if node.op_type == "TreeEnsemble"
    )
    (modes,) = (
        attribute.t.raw_data for attribute in node.attribute if attribute.name == "nodes_modes"
    )
    assert set(modes) == {0}
    assert scores(forest, [[40.0, 2.0], [40.0, 3.0], [2.0, 3.0]])[:, 0].tolist() == [4.0, 1.0, 0.0]


def test_a_set_asked_twice_is_answered_once():
    forest = Forest(n_targets=1)
    for members in ((1.0,), (1.0, 2.0), (1.0,)):
        forest.add_tree(asking(0, members), target=0)
    tables = [
        tuple(tensor.dims)
        for tensor in ModelProto.FromString(payload_of(forest)).graph.initializer
        if tensor.data_type == TensorProto.BOOL
    ]
    assert tables == [(3, 2)], "two codes and all others, two sets"


def test_sets_in_single_precision():
    forest = Forest(n_targets=1, single=True)
    forest.add_tree(asking(0, (0.0, 7.0)), target=0)
    builder = GraphBuilder(n_columns=1, writer=lambda *_: None)
    single = builder.cast("X", TensorProto.FLOAT)
    name = builder.cast(forest.write(builder, single), TensorProto.DOUBLE)
    session = onnxruntime.InferenceSession(builder.model(name, width=1))
    rows = np.array([[7.0], [6.0], [np.nan], [-0.0]])
    assert session.run(["raw"], {"X": rows})[0][:, 0].tolist() == [1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("n_rows", [0, 1, 127, 128, 129, 400])
def test_any_number_of_rows_is_scored_as_each_alone(n_rows):
    forest = Forest(n_targets=2)
    forest.add_tree(asking(0, (1.0, 5.0)), target=0)
    forest.add_tree([Branch(feature=1, threshold=0.25, true=1, false=2), 0.1, 0.7], target=1)
    scorer = open_scorer("onnx", payload_of(forest), n_columns=2)
    rows = np.random.default_rng(1).integers(0, 8, (n_rows, 2)) / [1.0, 8.0]
    assert scorer.raw(rows).shape == (n_rows, 2)
    singles = [scorer.raw_one(row) for row in rows.tolist()]
    assert scorer.raw(rows).tolist() == singles
    assert not n_rows or scorer.raw_few(rows.tolist()) == singles
