"""Trees as one ai.onnx.ml opset 5 ``TreeEnsemble`` node with double thresholds and weights.

Invariant: scores are added in the order in which trees were added, from zero, so a library that
starts from a constant is matched by adding that constant as the first tree: added afterwards, the
sum rounds differently.

>>> forest = Forest(n_targets=1)
>>> forest.add_constant(0.5, target=0)
>>> forest.add_tree([Branch(feature=0, threshold=1.0, true=1, false=2), 2.0, 3.0], target=0)
>>> builder = GraphBuilder(n_columns=1, writer=lambda estimator, builder, source: None)
>>> forest.write(builder, "X")
't0'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from onnx import helper
from onnx.onnx_ml_pb2 import NodeProto, TensorProto

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.membership import MemberSets

_LEQ, _LT, _EQ = 0, 1, 4  # the operator's numbering of comparisons
_HALF = 0.5  # between what is no member, 0, and what is, 1
_SUM, _NONE = 1, 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A split: true when the feature is ≤ the threshold (``equal``: exactly it), or one of the
    members, ascending, where they are given.

    ``true`` and ``false`` are positions in the tree's own list; NaN goes to ``true`` where
    ``missing_true``, else to ``false``; it is never a member. With ``below`` the threshold itself
    goes to ``false``.
    """

    feature: int
    true: int
    false: int
    threshold: float = 0.0
    members: tuple[float, ...] | None = None
    missing_true: bool = False
    equal: bool = False
    below: bool = False


class _Node(NamedTuple):
    """A comparison; ``feature`` is a column, or (column, number of a set asked of it)."""

    feature: int | tuple[int, int]
    mode: int
    threshold: float
    missing_true: bool
    true: int
    true_is_leaf: bool
    false: int
    false_is_leaf: bool

    def swapped(self) -> _Node:
        """The same with its ways changed over."""
        return self._replace(
            true=self.false,
            true_is_leaf=self.false_is_leaf,
            false=self.true,
            false_is_leaf=self.true_is_leaf,
        )


@dataclass(kw_only=True)
class Forest:
    """Collects trees; ``n_targets`` is the width of the raw scores.

    A ``single`` forest compares and adds in single precision: its node takes and gives floats. One
    that ``truncates`` cuts a value towards zero before it looks for it among members.
    """

    n_targets: int
    single: bool = False
    truncates: bool = False
    _roots: list[int] = field(default_factory=list)
    _nodes: list[_Node] = field(default_factory=list)
    _sets: MemberSets = field(init=False)
    _leaves: list[tuple[float, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sets = MemberSets(truncates=self.truncates)

    def add_constant(self, value: float, *, target: int) -> None:
        """A tree of one leaf: a node both of whose ways lead to it."""
        leaf = len(self._leaves)
        self._leaves.append((float(value), target))
        self._roots.append(len(self._nodes))
        self._nodes.append(_Node(0, _LEQ, 0.0, False, leaf, True, leaf, True))

    def add_tree(self, tree: Sequence[Branch | float], *, target: int) -> None:
        """Add a tree given as a list of branches and leaf values; its root is the first."""
        if not isinstance(tree[0], Branch):
            self.add_constant(tree[0], target=target)
            return
        places = self._place(tree)
        self._roots.append(places[0])
        for item in tree:
            if isinstance(item, Branch):
                self._nodes.append(self._node(item, tree, places))
            else:
                self._leaves.append((float(item), target))

    def _place(self, tree: Sequence[Branch | float]) -> list[int]:
        """Where each item of a tree comes to stand: among the nodes, or among the leaves."""
        node, leaf = len(self._nodes), len(self._leaves)
        places = []
        for item in tree:
            if isinstance(item, Branch):
                places.append(node)
                node += 1
            else:
                places.append(leaf)
                leaf += 1
        return places

    def _node(self, branch: Branch, tree: Sequence[Branch | float], places: Sequence[int]) -> _Node:
        mode = _EQ if branch.equal else _LT if branch.below else _LEQ
        made = _Node(
            branch.feature,
            mode,
            branch.threshold,
            branch.missing_true,
            places[branch.true],
            not isinstance(tree[branch.true], Branch),
            places[branch.false],
            not isinstance(tree[branch.false], Branch),
        )
        if branch.members is None:
            return made
        if not branch.members:  # no value is a member, and all are at most infinite
            return made._replace(threshold=np.inf, missing_true=True).swapped()
        asked = self._sets.add(branch.feature, branch.members)
        return made._replace(feature=asked, threshold=_HALF, missing_true=False).swapped()

    def write(self, builder: GraphBuilder, source: str) -> str:
        """Score the named tensor; the name of the scores, (n_rows, n_targets)."""
        seen = self._sets.beside(builder, source, single=self.single) if self._sets else source
        return builder.add_node(lambda target: self._operator(seen, target))

    def _operator(self, source: str, target: str) -> NodeProto:
        asked, modes, splits, missing, trues, true_leaves, falses, false_leaves = zip(
            *self._nodes, strict=True
        )
        starts, first = self._sets.starts(), len(self._sets)
        features = [first + f if isinstance(f, int) else starts[f[0]] + f[1] for f in asked]
        weights, targets = zip(*self._leaves, strict=True)
        attributes = {
            "nodes_featureids": features,
            "nodes_modes": helper.make_tensor(
                "nodes_modes", TensorProto.UINT8, (len(modes),), bytes(modes), raw=True
            ),
            "nodes_splits": self._numbers("nodes_splits", splits),
            "nodes_missing_value_tracks_true": [int(flag) for flag in missing],
            "nodes_truenodeids": trues,
            "nodes_trueleafs": [int(flag) for flag in true_leaves],
            "nodes_falsenodeids": falses,
            "nodes_falseleafs": [int(flag) for flag in false_leaves],
            "leaf_weights": self._numbers("leaf_weights", weights),
            "leaf_targetids": targets,
            "tree_roots": self._roots,
            "n_targets": self.n_targets,
            "aggregate_function": _SUM,
            "post_transform": _NONE,
        }
        node: NodeProto = helper.make_node(
            "TreeEnsemble", [source], [target], domain="ai.onnx.ml", **attributes
        )
        return node

    def _numbers(self, name: str, values: Sequence[float]) -> TensorProto:
        kind = TensorProto.FLOAT if self.single else TensorProto.DOUBLE
        array = np.asarray(values, dtype="<f4" if self.single else "<f8")
        tensor: TensorProto = helper.make_tensor(name, kind, array.shape, array.tobytes(), raw=True)
        return tensor
