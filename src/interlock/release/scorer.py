"""A release's model, loaded to score rows; what the service imports.

Invariants: at import only NumPy and ONNX Runtime are loaded; skops and LightGBM come in only for a
release that carries such a model. One row and a batch of many give the same bits: one thread a
session, no graph rewriting. The bytes given here were checked before: their digest against the
signed manifest when the bundle was opened, and the graph itself (operators, no data outside the
file) when the release was built and verified, so ``onnx`` is not needed to serve.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, Literal, NamedTuple, Protocol
from zipfile import BadZipFile

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

from interlock.errors import IntegrityError
from interlock.features.definition import Input
from interlock.release.trusted import TRUSTED_TYPES

Raw = NDArray[np.float64]
Needs = Literal["matrix", "columns"]

_SILENT = 4  # only fatal messages
_AT_ONCE = 128  # rows a call: of more, the runtime walks trees in an order that misses its caches
_SUMS = ("multiclass", "poisson", "gamma", "tweedie")  # as interlock.train.raw reads LightGBM
_MARGINS = ("binary:logistic", "multi:softprob", "count:poisson", "reg:gamma", "reg:tweedie")
_LOAD_FAILURES = (
    runtime_errors.Fail,
    runtime_errors.InvalidArgument,
    runtime_errors.InvalidGraph,
    runtime_errors.InvalidProtobuf,
    runtime_errors.NotImplemented,
    runtime_errors.RuntimeException,
)
_ARCHIVE_FAILURES = (
    AttributeError,
    BadZipFile,
    ImportError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
)


class Scorer(Protocol):
    """A loaded model.

    Where it ``needs`` a matrix, :meth:`raw` takes the encoder's (n_rows, n_columns) float64 and
    the others such rows as sequences; where it needs columns, :meth:`raw` takes feature columns by
    name and the others a value for each input, in order. One row and many give equal bits.
    """

    @property
    def needs(self) -> Needs:
        """What rows it takes."""
        ...

    def raw(self, rows: Any) -> Raw:
        """Raw scores, (n_rows, n_outputs)."""
        ...

    def raw_one(self, row: Sequence[Any]) -> list[float]:
        """Raw scores of one row, n_outputs of them; to be called from one thread at a time."""
        ...

    def raw_few(self, rows: Sequence[Sequence[Any]]) -> list[list[float]]:
        """:meth:`raw_one` of each row, in one call; to be called from one thread at a time."""
        ...


def open_scorer(
    format: str, payload: bytes, *, n_columns: int | None, inputs: Sequence[Input] = ()
) -> Scorer:
    """Load a model from the bytes of a verified bundle.

    ``n_columns`` is the width of the encoder's matrix, None for a model that takes the columns of
    ``inputs`` itself. Raises IntegrityError T154 for types that may not be loaded, T155 for bytes
    that are no such model.
    """
    if format == "onnx" and n_columns is not None:
        return OnnxScorer(_session(payload, n_columns))
    if format == "skops":
        taken = () if n_columns is not None else tuple(inputs)
        return NativeScorer(_native(payload, taken), taken)
    if format == "lightgbm" and n_columns is not None:
        return _lightgbm(payload)
    if format == "xgboost" and n_columns is not None:
        return XgboostScorer(_xgboost(payload))
    raise _unreadable(format, f"n_columns {n_columns} with format {format!r}")


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


class NativeScorer:
    """An estimator in scikit-learn's own code, behind the encoder or on its own columns."""

    def __init__(self, scores: Callable[[Any], Raw], inputs: tuple[Input, ...]) -> None:
        self.needs: Needs = "columns" if inputs else "matrix"
        self._scores = scores
        self._inputs = inputs

    def raw(self, rows: Any) -> Raw:
        """Raw scores of a matrix, or of feature columns by name."""
        return self._scores(rows)

    def raw_one(self, row: Sequence[Any]) -> list[float]:
        """Raw scores of one encoded row, or of one value for each input."""
        return self.raw_few([row])[0]

    def raw_few(self, rows: Sequence[Sequence[Any]]) -> list[list[float]]:
        """The same of some rows."""
        scores: list[list[float]] = self.raw(
            table_of(rows, [i.name for i in self._inputs])
        ).tolist()
        return scores


class BoosterScorer:
    """A LightGBM model that no exact exporter could match, in LightGBM's own code.

    ``refusal`` is the exception by which that says that it cannot.
    """

    needs: Needs = "matrix"

    def __init__(self, booster: Any, refusal: type[Exception]) -> None:
        objective, *options = booster.dump_model(num_iteration=1)["objective"].split()
        self._predict = booster.predict
        self._refusal = refusal
        self._sums = objective in _SUMS or (objective == "binary" and "sigmoid:1" in options)
        self._pair = objective == "binary" and not self._sums

    def raw(self, rows: NDArray[np.float64]) -> Raw:
        """Raw scores where their link is known, else what the model predicts."""
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        answer = self._predict(matrix, raw_score=self._sums, num_threads=1)
        values = np.asarray(answer, dtype=np.float64).reshape(len(rows), -1)
        return np.hstack([1.0 - values, values]) if self._pair else values

    def raw_one(self, row: Sequence[float]) -> list[float]:
        """The same of one encoded row."""
        return self.raw_few([row])[0]

    def raw_few(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The same of some rows."""
        scores: list[list[float]] = self.raw(table_of(rows)).tolist()
        return scores

    def contributions(self, rows: NDArray[np.float64]) -> Raw | None:
        """TreeSHAP of the trees' sum, (n_rows, n_columns + 1), what all start from last.

        None where LightGBM has none, as for linear trees.
        """
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        try:
            found = self._predict(matrix, pred_contrib=True, num_threads=1)
        except self._refusal:
            return None
        return np.asarray(found, dtype=np.float64)


class XgboostScorer:
    """An XGBoost model that no exact exporter could match, in XGBoost's own code."""

    needs: Needs = "matrix"

    def __init__(self, booster: Any) -> None:
        objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
        self._booster = booster
        self._predict = booster.inplace_predict
        self._margins = objective in _MARGINS
        self._pair = objective.startswith("binary:") and not self._margins

    def raw(self, rows: NDArray[np.float64]) -> Raw:
        """Raw scores where their link is known, else what the model predicts."""
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        kind = "margin" if self._margins else "value"
        answer = self._predict(matrix, predict_type=kind, validate_features=False)
        values = np.asarray(answer, dtype=np.float64).reshape(len(rows), -1)
        return np.hstack([1.0 - values, values]) if self._pair else values

    def raw_one(self, row: Sequence[float]) -> list[float]:
        """The same of one encoded row."""
        return self.raw_few([row])[0]

    def raw_few(self, rows: Sequence[Sequence[float]]) -> list[list[float]]:
        """The same of some rows."""
        scores: list[list[float]] = self.raw(table_of(rows)).tolist()
        return scores

    def contributions(self, rows: NDArray[np.float64]) -> Raw | None:
        """TreeSHAP of the trees' sum, (n_rows, n_columns + 1), what all start from last."""
        import xgboost  # noqa: PLC0415 - it is loaded: the model is

        matrix = xgboost.DMatrix(np.ascontiguousarray(rows, dtype=np.float64), nthread=1)
        found = self._booster.predict(matrix, pred_contribs=True, validate_features=False)
        return np.asarray(found, dtype=np.float64)


def table_of(rows: Sequence[Sequence[Any]], inputs: Sequence[str] = ()) -> Any:
    """Rows as :meth:`Scorer.raw` takes them: a matrix, or the columns of ``inputs``.

    >>> table_of([(1, "a"), (2, "b")], ["size", "kind"])
    {'size': [1, 2], 'kind': ['a', 'b']}
    """
    if not inputs:
        return np.array(rows, dtype=np.float64)
    columns = zip(*rows, strict=True)
    return {name: list(column) for name, column in zip(inputs, columns, strict=True)}


def _session(payload: bytes, n_columns: int) -> onnxruntime.InferenceSession:
    try:
        session = onnxruntime.InferenceSession(
            payload, _options(), providers=["CPUExecutionProvider"]
        )
    except _LOAD_FAILURES as error:
        raise _unreadable("onnx", str(error).splitlines()[0]) from error
    taken = [(i.name, i.type, i.shape[1:]) for i in session.get_inputs()]
    given = [(o.name, o.type, len(o.shape)) for o in session.get_outputs()]
    if taken != [("X", "tensor(double)", [n_columns])] or given != [("raw", "tensor(double)", 2)]:
        raise _unreadable("onnx", f"inputs {taken}, outputs {given}, {n_columns} encoder columns")
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


def _native(payload: bytes, inputs: tuple[Input, ...]) -> Callable[[Any], Raw]:
    """The raw scores of the estimator in these bytes, as training computes them."""
    # only a release that carries such a model needs scikit-learn and pandas
    from interlock.train.raw import raw_scores  # noqa: PLC0415
    from interlock.train.training_data import frame_of  # noqa: PLC0415

    estimator = _estimator(payload)
    if inputs:
        return lambda columns: raw_scores(estimator, frame_of(inputs, columns))
    return partial(raw_scores, estimator)


def _estimator(payload: bytes) -> Any:
    import skops.io  # noqa: PLC0415 - only a release that carries such a model needs it

    try:
        found = set(skops.io.get_untrusted_types(data=payload))
        if found - TRUSTED_TYPES:
            raise IntegrityError(
                "T154",
                "the model holds types that a release may not load",
                where="model.skops",
                expected="types of scikit-learn, NumPy and SciPy only",
                got=", ".join(sorted(found - TRUSTED_TYPES)),
                fix="build the release again; never load this file",
            )
        estimator = skops.io.loads(payload, trusted=sorted(found))
    except _ARCHIVE_FAILURES as error:
        raise _unreadable("skops", str(error).partition("\n")[0]) from error
    return _single_threaded(estimator)


def _single_threaded(estimator: Any) -> Any:
    """Set every step to one job: forests add their trees in the order in which jobs finish."""
    jobs = {name: 1 for name in estimator.get_params() if name.rpartition("__")[2] == "n_jobs"}
    return estimator.set_params(**jobs)


def _lightgbm(payload: bytes) -> BoosterScorer:
    import lightgbm  # noqa: PLC0415 - only a release that carries such a model needs it

    refusal = lightgbm.basic.LightGBMError
    try:
        return BoosterScorer(lightgbm.Booster(model_str=payload.decode()), refusal)
    except (refusal, UnicodeDecodeError) as error:
        raise _unreadable("lightgbm", str(error).partition("\n")[0]) from error


def _xgboost(payload: bytes) -> Any:
    import xgboost  # noqa: PLC0415 - only a release that carries such a model needs it

    try:
        return xgboost.Booster({"nthread": 1}, model_file=bytearray(payload))
    except xgboost.core.XGBoostError as error:
        raise _unreadable("xgboost", str(error).partition("\n")[0]) from error


def _unreadable(format: str, got: str) -> IntegrityError:
    return IntegrityError(
        "T155",
        "the model's bytes cannot be loaded",
        where=f"the release's {format} model",
        expected="the model as it was exported, for this release's encoder",
        got=got,
        fix="verify the release; build it again if it does not verify",
    )
