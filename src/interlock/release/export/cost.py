"""Counts what a packaged model costs to serve; :mod:`interlock.release.cost` says why."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray
from onnx.onnx_ml_pb2 import GraphProto, ModelProto, NodeProto

from interlock.release.cost import ServingCost
from interlock.release.manifest import ModelFormat


def serving_cost(model_format: ModelFormat, payload: bytes) -> ServingCost:
    """The cost of a packaged model. Raises DecodeError for an ONNX model that is none."""
    if model_format != "onnx":
        return ServingCost(exported=False, steps=0, size=len(payload))
    graph = ModelProto.FromString(payload).graph
    return ServingCost(exported=True, steps=_steps(graph), size=len(payload))


def _steps(graph: GraphProto) -> int:
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    return sum(_node_steps(node, shapes) for node in graph.node)


def _node_steps(node: NodeProto, shapes: dict[str, tuple[int, ...]]) -> int:
    """A tree's longest way; a table's line; of other constants one a number of them; else one."""
    if node.op_type == "Identity":
        return 0
    if node.op_type == "TreeEnsemble":
        return int(_longest_ways(node).sum())
    if node.op_type == "Gather":
        return prod(shapes.get(node.input[0], ())[1:])
    return max([1, *(prod(shapes.get(name, ())) for name in node.input)])


def _longest_ways(node: NodeProto) -> NDArray[np.intp]:
    """The comparisons on the longest way through each tree, (n_trees,)."""
    held = {a.name: np.asarray(a.ints, dtype=np.intp) for a in node.attribute if a.ints}
    below = np.column_stack([held["nodes_truenodeids"], held["nodes_falsenodeids"]])
    ends = np.column_stack([held["nodes_trueleafs"], held["nodes_falseleafs"]]).astype(bool)
    place = held["tree_roots"]
    tree = np.arange(len(place))
    longest = np.zeros(len(place), dtype=np.intp)
    for depth in range(1, len(below) + 1):
        if not len(place):
            break
        longest[tree] = depth
        goes_on = ~ends[place]
        tree = np.repeat(tree, goes_on.sum(axis=1))
        place = below[place][goes_on]
    return longest
