"""A model in a native format, asked in a process of its own with bounds on memory and time.

An exported graph is data that ONNX Runtime runs; a native model runs its library's code, which may
crash, hang or eat memory. Then its process is killed and started again, the request that met it and
those until then get 503 (S141), and the service itself goes on.

The numbers are those of the same model in process, to the bit: they cross as float64.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from interlock.clock import monotonic
from interlock.errors import IntegrityError
from interlock.features.definition import Input
from interlock.release.scorers.opening import open_scorer
from interlock.release.scorers.scorer import Needs, Raw, Scorer, table_of
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.isolate import LENGTH, Model, Question, Scores, rows_of

MEMORY = 4 << 30  # bytes of address space; a scikit-learn alone takes about one GiB of it
LOAD_SECONDS = 60.0
SCORE_SECONDS = 2.0  # for one request; more for many rows
_ROW_SECONDS = 0.001  # on top of that, a row
_LONGEST = 256 << 20  # bytes of an answer
_HANDED_ON = (  # beginnings of the names of variables: how to run Python and its libraries
    *("PATH", "HOME", "LANG", "LC_", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHON"),
    *("LD_", "DYLD_", "OMP_", "OPENBLAS_", "MKL_", "KMP_", "COVERAGE_"),
)


class _Gone(Exception):  # noqa: N818 - what happened to the process
    """The process died, took too long, or said what is no answer."""


def open_isolated(
    format: str, payload: bytes, *, n_columns: int | None, inputs: Sequence[Input] = ()
) -> Scorer:
    """As :func:`interlock.release.scorers.opening.open_scorer`, but what is not ONNX apart.

    That is loaded in a process of its own. Raises IntegrityError S142 when that cannot load it.
    """
    if format == "onnx":
        return open_scorer(format, payload, n_columns=n_columns, inputs=inputs)
    model = Model(
        format=format,
        payload=payload,
        n_columns=n_columns,
        inputs=tuple(inputs),
        memory=MEMORY,
        seconds=LOAD_SECONDS,
    )
    kind = IsolatedBooster if format in ("lightgbm", "xgboost") else IsolatedScorer
    return kind(model)


class IsolatedScorer:
    """A :class:`Scorer` whose model lives in another process; several threads may use it."""

    def __init__(self, model: Model, *, seconds: float = SCORE_SECONDS) -> None:
        self.needs: Needs = "columns" if model.n_columns is None else "matrix"
        self._model = model
        self._inputs = tuple(given.name for given in model.inputs)
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: _Child | None = _started(model)
        self._starting: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process that is asked now; None while it is being started."""
        return None if self._child is None else self._child.process.pid

    def wait(self) -> None:
        """Until there is a process to ask. Raises IntegrityError S142 where none can be started."""
        starting = self._starting
        if starting is not None:
            starting.join()
        with self._lock:
            if self._child is None:
                self._child = _started(self._model)

    def raw(self, rows: Any) -> Raw:
        """Raw scores, (n_rows, n_outputs). Raises ServiceError S141."""
        found = self._ask(self._question(rows))
        return rows_of(found.matrix, found.n_columns)

    def raw_one(self, row: Sequence[Any]) -> list[float]:
        """Raw scores of one row. Raises ServiceError S141."""
        return self.raw_few([row])[0]

    def raw_few(self, rows: Sequence[Sequence[Any]]) -> list[list[float]]:
        """Raw scores of some rows. Raises ServiceError S141."""
        inputs = self._inputs if self.needs == "columns" else ()
        scores: list[list[float]] = self.raw(table_of(rows, inputs)).tolist()
        return scores

    def _question(self, rows: Any, *, contributions: bool = False) -> Question:
        seconds = self._seconds + _ROW_SECONDS * _n_rows(rows)
        if self.needs == "columns":
            columns = {name: list(column) for name, column in rows.items()}
            return Question(columns=columns, seconds=seconds)
        matrix = np.ascontiguousarray(rows, dtype=np.float64)
        return Question(
            matrix=matrix.tobytes(),
            n_columns=matrix.shape[1],
            contributions=contributions,
            seconds=seconds,
        )

    def _ask(self, question: Question) -> Scores:
        with self._lock:
            if self._child is None:
                self._restart()
                raise _unavailable()
            try:
                found = self._child.ask(msgspec.msgpack.encode(question), question.seconds)
            except BaseException as error:
                # what it would say next answers this question, and must not answer another
                self._child.kill()
                self._child = None
                self._restart()
                if isinstance(error, _Gone):
                    raise _unavailable() from None
                raise
        if found.problem:
            raise RuntimeError(found.problem)
        return found

    def _restart(self) -> None:
        """Start the process again, apart: that takes about a second."""
        if self._starting is None or not self._starting.is_alive():
            self._starting = threading.Thread(target=self._start, name="model", daemon=True)
            self._starting.start()

    def _start(self) -> None:
        try:
            child = _started(self._model)
        except IntegrityError as error:
            print(error, file=sys.stderr, flush=True)  # the next request tries again
            return
        with self._lock:
            self._child = child


class IsolatedBooster(IsolatedScorer):
    """A LightGBM or XGBoost model in another process."""

    def contributions(self, rows: Any) -> Raw | None:
        """TreeSHAP, as the library in process gives it. Raises ServiceError S141."""
        found = self._ask(self._question(rows, contributions=True))
        return None if found.missing else rows_of(found.matrix, found.n_columns)


class _Child:
    """A process that has a model loaded."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "interlock.serve.loaded.isolate"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
        )
        self._end = weakref.finalize(self, _end, self.process)

    def ask(self, message: bytes, seconds: float) -> Scores:
        """What it answers within so many seconds. Raises _Gone."""
        end = monotonic() + seconds
        self._send(memoryview(LENGTH.pack(len(message)) + message), end)
        (length,) = LENGTH.unpack(self._receive(LENGTH.size, end))
        if length > _LONGEST:
            raise _Gone
        try:
            return msgspec.msgpack.decode(self._receive(length, end), type=Scores)
        except msgspec.DecodeError:
            raise _Gone from None

    def kill(self) -> None:
        """End it, whatever it does."""
        self._end()

    def _send(self, data: memoryview, end: float) -> None:
        assert self.process.stdin is not None
        number = self.process.stdin.fileno()
        os.set_blocking(number, False)
        while data:
            _wait(number, select.POLLOUT, end)
            try:
                data = data[os.write(number, data) :]
            except OSError:
                raise _Gone from None

    def _receive(self, size: int, end: float) -> bytes:
        assert self.process.stdout is not None
        number = self.process.stdout.fileno()
        parts, left = [], size
        while left:
            _wait(number, select.POLLIN, end)
            part = os.read(number, min(left, 1 << 20))
            if not part:
                raise _Gone
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def _environment() -> dict[str, str]:
    """What the process needs of this one's environment, which may hold secrets."""
    return {name: value for name, value in os.environ.items() if name.startswith(_HANDED_ON)}


def _wait(number: int, event: int, end: float) -> None:
    """Until a descriptor is ready, or its other end is gone. Raises _Gone when the time is over.

    Not by select(2), which knows no descriptor above 1,023: a service has one a connection.
    """
    waiting = select.poll()
    waiting.register(number, event)
    if not waiting.poll(1_000 * max(0.0, end - monotonic())):
        raise _Gone


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _started(model: Model) -> _Child:
    """A process with the model loaded. Raises IntegrityError S142."""
    try:
        child = _Child()
    except OSError as error:  # no memory, too many processes
        raise _unloaded(model, str(error)) from None
    try:
        problem = child.ask(msgspec.msgpack.encode(model), model.seconds).problem
    except _Gone:
        problem = "the process died or took too long"
    if problem:
        child.kill()
        raise _unloaded(model, problem)
    return child


def _unloaded(model: Model, problem: str) -> IntegrityError:
    return IntegrityError(
        "S142",
        "the model cannot be loaded in a process of its own",
        where=f"the release's {model.format} model",
        expected=f"loaded within {model.seconds:g} s and {model.memory:,} bytes of memory",
        got=problem,
        fix="verify the release; build it with a smaller model, or one that can be exported",
        untouched="what is live",
    )


def _n_rows(rows: Any) -> int:
    return len(next(iter(rows.values()), ())) if isinstance(rows, dict) else len(rows)


def _unavailable() -> ServiceError:
    return ServiceError("S141", "the model's process is being started again; try again")
