"""A graph that grows while exporters write into it, each reading a tensor that is there already.

An estimator made of others (a stack, a vote, a calibrated classifier) has its parts written by
:meth:`GraphBuilder.write`, so that exporters nest as estimators do.

>>> builder = GraphBuilder(n_columns=2, writer=lambda estimator, builder, source: None)
>>> sizes = builder.add("Abs", "X")
>>> model = builder.model(sizes, width=2)
>>> type(model).__name__
'bytes'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.onnx_ml_pb2 import GraphProto, NodeProto, TensorProto

from interlock.release.export import graph
from interlock.release.export.exported import Written
from interlock.train.encoder import Encoder

MATRIX = "X"
"""The input: the encoder's matrix, doubles (n_rows, n_columns)."""


@dataclass(kw_only=True)
class GraphBuilder:
    """Collects nodes and constants; ``writer`` knows the exporter of any estimator.

    ``encoder`` is what numbers the texts of a frame, for estimators that take one; ``converted``
    names the estimators whose part was not written by an exporter of Interlock's own; ``sparse``
    the tensors that are sparse matrices to the estimators behind them.
    """

    n_columns: int
    writer: Callable[[Any, GraphBuilder, str], Written]
    encoder: Encoder | None = None
    converted: list[str] = field(default_factory=list)
    sparse: set[str] = field(default_factory=set)
    _nodes: list[NodeProto] = field(default_factory=list)
    _constants: list[TensorProto] = field(default_factory=list)
    _refusals: list[str] = field(default_factory=list)

    def write(self, estimator: Any, source: str) -> Written:
        """Have a part of an estimator written. Raises Refusal where no exporter knows it."""
        return self.writer(estimator, self, source)

    def add(self, operator: str, *sources: str, **attributes: Any) -> str:
        """A node of the default domain; the name of its output."""
        target = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(sources), [target], **attributes))
        return target

    def add_node(self, make: Callable[[str], NodeProto]) -> str:
        """A node that ``make`` makes for the name of its output."""
        target = f"t{len(self._nodes)}"
        self._nodes.append(make(target))
        return target

    def constant(self, values: Any) -> str:
        """A tensor of the graph's own; the name it goes by."""
        name = f"c{len(self._constants)}"
        self._constants.append(graph.constant(name, np.asarray(values)))
        return name

    def embed(self, other: GraphProto, source: str, output: str) -> str:
        """What another graph of one input makes of ``source`` for its ``output``, renamed."""
        names = {other.input[0].name: source, "": ""}  # an operand left out has no name
        stored = {tensor.name: tensor for tensor in other.initializer}
        for given in graph.needed(other, output):
            node = NodeProto.FromString(given.SerializeToString())
            for name in node.input:
                if name in stored and name not in names:
                    names[name] = self.constant(numpy_helper.to_array(stored[name]))
            node.name = ""
            node.input[:] = [names[name] for name in given.input]
            for place, name in enumerate(given.output):
                names[name] = node.output[place] = f"t{len(self._nodes)}" + "_" * place
            self._nodes.append(node)
        return names[output]

    def cast(self, source: str, kind: int) -> str:
        """The tensor in another type, one of ``TensorProto``'s."""
        return self.add("Cast", source, to=kind)

    def through_float(self, source: str) -> str:
        """The doubles rounded to single precision, as doubles: what a float32 matrix holds."""
        return self.cast(self.cast(source, TensorProto.FLOAT), TensorProto.DOUBLE)

    def column(self, source: str, place: int) -> str:
        """One column of a tensor, (n_rows, 1)."""
        index = self.constant(np.array([place], dtype=np.int64))
        return self.add("Gather", source, index, axis=1)

    def line(self, source: str, keys: NDArray[Any]) -> str:
        """The place of each value of a tensor among the keys, or their number if it is none."""
        given = {
            "keys_tensor": keys,
            "values_tensor": np.arange(len(keys), dtype=np.int64),
            "default_tensor": np.array([len(keys)], dtype=np.int64),
        }
        tensors = {name: numpy_helper.from_array(array, name) for name, array in given.items()}
        return self.add_node(
            lambda target: helper.make_node(
                "LabelEncoder", [source], [target], domain="ai.onnx.ml", **tensors
            )
        )

    def refuse(self, poison: str) -> None:
        """Let the model answer NaN where this tensor, (n_rows, 1), is NaN; elsewhere it is 0."""
        self._refusals.append(poison)

    def refuse_missing(self, matrix: str) -> None:
        """Let the model answer NaN for rows of this tensor that hold one, or an infinity."""
        axis = self.constant(np.array([1], dtype=np.int64))
        self.refuse(self.add("ReduceSum", self.add("Sub", matrix, matrix), axis, keepdims=1))

    def model(self, name: str, *, width: int) -> bytes:
        """The bytes of the model whose raw scores are that tensor."""
        for poison in self._refusals:
            name = self.add("Add", name, poison)
        nodes = [*self._nodes, helper.make_node("Identity", [name], ["raw"])]
        return graph.serialise(nodes, self._constants, n_columns=self.n_columns, n_outputs=width)
