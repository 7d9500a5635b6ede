import numpy as np
import pytest
from onnx import TensorProto, helper
from onnx.onnx_ml_pb2 import ModelProto

from interlock.errors import IntegrityError
from interlock.release.export import graph


def _model():
    weights = graph.constant("weights", np.ones((2, 1)))
    node = helper.make_node("MatMul", ["X", "weights"], ["raw"])
    return ModelProto.FromString(graph.serialise([node], [weights], n_columns=2, n_outputs=1))


def _outside(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def _external_entry(model):
    model.graph.initializer[0].external_data.add().key = "location"


def _function(model):
    model.functions.add().name = "hidden"


def _subgraph(model):
    inner = helper.make_graph([], "inner", [], [])
    model.graph.node[0].attribute.append(helper.make_attribute("body", inner))


def _operator(model):
    model.graph.node[0].op_type = "Loop"


def _domain(model):
    model.graph.node[0].domain = "com.example"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (_outside, "tensor 'weights' outside the file"),
        (_external_entry, "tensor 'weights' outside the file"),
        (_function, "local function 'hidden'"),
        (_subgraph, "attribute 'body' of MatMul"),
        (_operator, "operator onnx.Loop"),
        (_domain, "operator com.example.MatMul"),
    ],
)
def test_what_interlock_never_writes_is_refused(change, found):
    model = _model()
    change(model)
    with pytest.raises(IntegrityError) as caught:
        graph.check(model.SerializeToString())
    assert caught.value.code == "T153"
    assert found in caught.value.mistakes[0].got


def test_bytes_that_are_no_model_are_refused():
    with pytest.raises(IntegrityError, match="T153"):
        graph.check(b"\x80\x04not a model")


def test_what_it_writes_passes_and_names_no_version():
    payload = _model().SerializeToString(deterministic=True)
    graph.check(payload)
    model = ModelProto.FromString(payload)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("interlock", "", "")
