"""ONNX models as Interlock writes them: one input, one output, doubles throughout.

Invariants: input "X" is float64 (n, k), output "raw" float64 (n, m); the same nodes give the same
bytes (no version, time or path is written); no tensor lies outside the file; only the operators
of :data:`OPERATORS` occur. The service loads these bytes after checking their digest against the
release's manifest, so what is refused here never reaches it.

>>> from onnx import helper
>>> node = helper.make_node("Identity", ["X"], ["raw"])
>>> check(serialise([node], [], n_columns=2, n_outputs=2)) is None
True
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import helper, numpy_helper
from onnx.onnx_ml_pb2 import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from interlock.errors import IntegrityError, first_line

_PRODUCER = "interlock"
_IR_VERSION = 10
OPSETS = (("", 21), ("ai.onnx.ml", 5))
OPERATORS = frozenset(
    {
        ("", "Abs"),
        ("", "Add"),
        ("", "Cast"),
        ("", "Concat"),
        ("", "Div"),
        ("", "Equal"),
        ("", "Exp"),
        ("", "Expand"),
        ("", "Gather"),
        ("", "Greater"),
        ("", "Identity"),
        ("", "IsNaN"),
        ("", "Less"),
        ("", "LessOrEqual"),
        ("", "Log"),
        ("", "MatMul"),
        ("", "Max"),
        ("", "Min"),
        ("", "Mod"),
        ("", "Mul"),
        ("", "Neg"),
        ("", "Not"),
        ("", "Pow"),
        ("", "Reciprocal"),
        ("", "ReduceLogSumExp"),
        ("", "ReduceMax"),
        ("", "ReduceSum"),
        ("", "Relu"),
        ("", "Reshape"),
        ("", "Shape"),
        ("", "Sigmoid"),
        ("", "Softmax"),
        ("", "Sub"),
        ("", "Tanh"),
        ("", "Transpose"),
        ("", "Where"),
        ("ai.onnx.ml", "LabelEncoder"),
        ("ai.onnx.ml", "TreeEnsemble"),
    }
)


def constant(name: str, values: np.ndarray) -> TensorProto:
    """A named initialiser holding the array's own bytes."""
    tensor: TensorProto = numpy_helper.from_array(
        np.ascontiguousarray(values).reshape(np.shape(values)),
        name,  # it makes a row of a scalar
    )
    return tensor


def serialise(
    nodes: Sequence[NodeProto], constants: Sequence[TensorProto], *, n_columns: int, n_outputs: int
) -> bytes:
    """The bytes of a model of these nodes, in order, checked."""
    graph = helper.make_graph(
        list(nodes),
        "model",
        [helper.make_tensor_value_info("X", TensorProto.DOUBLE, ["n", n_columns])],
        [helper.make_tensor_value_info("raw", TensorProto.DOUBLE, ["n", n_outputs])],
        initializer=list(constants),
    )
    model = helper.make_model(
        graph,
        producer_name=_PRODUCER,
        ir_version=_IR_VERSION,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS],
    )
    payload: bytes = model.SerializeToString(deterministic=True)
    check(payload)
    return payload


def check(payload: bytes) -> None:
    """Refuse a model with data outside the file, functions, subgraphs or unknown operators.

    Raises IntegrityError T153. Meant for the build of a release and for its verification.
    """
    faults = _faults(payload)
    if faults:
        raise IntegrityError(
            "T153",
            "the ONNX model holds what Interlock never writes",
            where="model.onnx",
            expected="plain tensors and the operators Interlock exports to",
            got="; ".join(faults[:5]),
            fix="build the release again from its sources",
        )


def _faults(payload: bytes) -> list[str]:
    try:
        model = ModelProto.FromString(payload)
    except DecodeError as error:
        return [str(error)]
    found = [*_structure_faults(model), *_node_faults(model.graph)]
    if not found:
        try:
            onnx.checker.check_model(model, full_check=False)
        except onnx.checker.ValidationError as error:
            return [first_line(error)]
    return found


def _structure_faults(model: ModelProto) -> list[str]:
    faults = [f"local function {f.name!r}" for f in model.functions]
    if model.graph.sparse_initializer:
        faults.append("sparse tensors")
    outside = [t.name for t in model.graph.initializer if _is_outside(t)]
    return faults + [f"tensor {name!r} outside the file" for name in outside]


def foreign_operators(graph: GraphProto) -> list[str]:
    """The operators behind a graph's last output that no release may hold, by name."""
    kept = needed(graph, graph.output[-1].name)
    found = {(node.domain, node.op_type) for node in kept} - OPERATORS
    return sorted(f"{domain or 'onnx'}.{name}" for domain, name in found)


def needed(graph: GraphProto, output: str) -> list[NodeProto]:
    """The nodes that an output is made of, in order."""
    wanted, kept = {output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]


def _node_faults(graph: GraphProto) -> list[str]:
    faults = []
    for node in graph.node:
        if (node.domain, node.op_type) not in OPERATORS:
            faults.append(f"operator {node.domain or 'onnx'}.{node.op_type}")
        faults.extend(
            f"attribute {a.name!r} of {node.op_type}"
            for a in node.attribute
            if a.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS)
            or any(_is_outside(t) for t in (a.t, *a.tensors))
        )
    return faults


def _is_outside(tensor: TensorProto) -> bool:
    return tensor.data_location == TensorProto.EXTERNAL or bool(tensor.external_data)
