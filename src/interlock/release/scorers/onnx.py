"""Models as graphs, in ONNX Runtime: one thread a session, no graph rewriting.

The bytes were checked before: their digest against the signed manifest when the bundle was opened,
and the graph itself (operators, no data outside the file) when the release was built and verified,
so ``onnx`` is not needed to serve.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from interlock.errors import first_line
from interlock.release.scorers.scorer import Needs, Raw, unreadable

_SILENT = 4  # only fatal messages
_AT_ONCE = 128  # rows a call: of more, the runtime walks trees in an order that misses its caches
_LOAD_FAILURES = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)


def open_onnx(payload: bytes, n_columns: int) -> OnnxScorer:
    """The graph in these bytes, for a matrix of that width. Raises IntegrityError T155."""
    return OnnxScorer(_session(payload, n_columns))


class OnnxScorer:
    """A double-precision graph in one ONNX Runtime thread."""

    needs: Needs = "matrix"

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._run = session._sess.run_with_iobinding
        self._bound: dict[int, _Bound] = {}
        self._one = self._bind(1)

    def raw(self, rows: NDArray[np.float64]) -> Raw:
        """Raw scores of an (n_rows, n_columns) matrix; safe from several threads."""
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        parts = [
            self._session.run(["raw"], {"X": matrix[start : start + _AT_ONCE]})[0]
            for start in range(0, max(1, len(matrix)), _AT_ONCE)
        ]
        answer: Raw = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return answer

    def raw_one(self, row: Sequence[float]) -> list[float]:
        """Raw scores of one encoded row, through memory bound once: not for several threads."""
        bound = self._one
        bound.pack(bound.memory, 0, *row)
        self._run(bound.binding, None)
        answer: list[float] = bound.scores.tolist()[0]
        return answer

    def raw_few(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The same of some rows; memory is bound once for each number of them up to 128."""
        n = len(rows)
        if n > _AT_ONCE:
            scores: list[list[float]] = self.raw(np.array(rows, dtype=np.float64)).tolist()
            return scores
        bound = self._bound.get(n) or self._bind(n)
        bound.pack(bound.memory, 0, *chain.from_iterable(rows))
        self._run(bound.binding, None)
        scores = bound.scores.tolist()
        return scores

    def _bind(self, n_rows: int) -> _Bound:
        matrix = np.zeros((n_rows, self._session.get_inputs()[0].shape[1]))
        scores = np.zeros((n_rows, self._session.get_outputs()[0].shape[1]))
        binding = self._session.io_binding()
        for bind, name, array in (
            (binding.bind_input, "X", matrix),
            (binding.bind_output, "raw", scores),
        ):
            bind(name, "cpu", 0, np.float64, array.shape, array.ctypes.data)
        pack = struct.Struct(f"={matrix.size}d").pack_into
        memory = matrix.data.cast("B") if matrix.size else memoryview(bytearray())  # no inputs
        self._bound[n_rows] = _Bound(binding._iobinding, pack, memory, scores)
        return self._bound[n_rows]


class _Bound(NamedTuple):
    """Memory that the runtime reads a number of rows from, and writes their scores to."""

    binding: Any
    pack: Callable[..., None]
    memory: memoryview
    scores: Raw


def _session(payload: bytes, n_columns: int) -> onnxruntime.InferenceSession:
    try:
        session = onnxruntime.InferenceSession(
            payload, _options(), providers=["CPUExecutionProvider"]
        )
    except _LOAD_FAILURES as error:
        raise unreadable("onnx", first_line(error)) from error
    taken = [(i.name, i.type, i.shape[1:]) for i in session.get_inputs()]
    given = [(o.name, o.type, len(o.shape)) for o in session.get_outputs()]
    if taken != [("X", "tensor(double)", [n_columns])] or given != [("raw", "tensor(double)", 2)]:
        raise unreadable("onnx", f"inputs {taken}, outputs {given}, {n_columns} encoder columns")
    return session


def _options() -> onnxruntime.SessionOptions:
    """One thread, no spinning, the graph as it was examined: sums keep their order."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options
