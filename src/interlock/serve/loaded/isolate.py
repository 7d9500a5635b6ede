"""The child process in which a model in a native format is loaded and asked.

``python -m interlock.serve.loaded.isolate`` reads a :class:`Model` and then questions from its
standard input and answers each on its standard output, until the input ends. Messages are
MessagePack with their length before them (8 bytes, little-endian). It never unpickles.

Each message says how long it may take. The kernel ends the process after that, also where whoever
asked has died meanwhile and nobody else would.

One that has nearly run out of memory ends too, after its answer: what it holds is given back with
it, and another process takes its place.
"""

from __future__ import annotations

import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from interlock.errors import InterlockError
from interlock.features.definition import Input
from interlock.release.scorers.opening import open_scorer

LENGTH = struct.Struct("<Q")
_FULL = 0.9  # of the memory that it may have


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What the child loads, within ``seconds``.

    ``memory`` is the most address space that it may have, bytes.
    """

    format: str
    payload: bytes
    n_columns: int | None
    inputs: tuple[Input, ...]
    memory: int
    seconds: float


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Rows to score within ``seconds``: a float64 matrix of so many columns, or columns by name."""

    matrix: bytes = b""
    n_columns: int = 0
    columns: dict[str, list[Any]] | None = None
    contributions: bool = False
    seconds: float


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """A float64 matrix (n_rows, n_columns); or ``problem``, where there is none."""

    matrix: bytes = b""
    n_columns: int = 0
    problem: str = ""
    missing: bool = False  # the library has no contributions for this model


def rows_of(data: bytes, n_columns: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The matrix (n_rows, n_columns) in these bytes."""
    return np.frombuffer(data, dtype=np.float64).reshape(-1, n_columns)


def main() -> None:
    """Load the model, say so, and answer until the input ends."""
    asked, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not pass for an answer
    model = msgspec.msgpack.decode(_read(asked), type=Model)
    resource.setrlimit(resource.RLIMIT_AS, (model.memory, model.memory))
    _limit(model.seconds)
    try:
        scorer = open_scorer(
            model.format, model.payload, n_columns=model.n_columns, inputs=model.inputs
        )
    except (InterlockError, MemoryError) as error:
        _write(answers, Scores(problem=f"{type(error).__name__}: {error}"))
        return
    _write(answers, Scores())
    while data := _waited_for(asked):
        question = msgspec.msgpack.decode(data, type=Question)
        _limit(question.seconds)
        _write(answers, _tried(scorer, question))
        if _is_full():
            return


def _tried(scorer: Any, question: Question) -> Scores:
    """The answer, or what is wrong. Raises MemoryError, which ends the process."""
    try:
        return _answer(scorer, question)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a library's own code; it fails the request
        return Scores(problem=f"{type(error).__name__}: {error}")


def _is_full() -> bool:
    """Whether nearly all the address space that it may have is in use."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except FileNotFoundError:  # no Linux
        return False
    return pages * resource.getpagesize() > _FULL * limit


def _answer(scorer: Any, question: Question) -> Scores:
    rows: Any = question.columns
    if rows is None:
        rows = rows_of(question.matrix, question.n_columns)
    found = scorer.contributions(rows) if question.contributions else scorer.raw(rows)
    if found is None:
        return Scores(missing=True)
    matrix = np.ascontiguousarray(found, dtype=np.float64)
    return Scores(matrix=matrix.tobytes(), n_columns=matrix.shape[1])


def _limit(seconds: float) -> None:
    """Have this process ended after so many seconds; no code of a library can put that off."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _waited_for(stream: BinaryIO) -> bytes:
    """The next message, however long nobody asks."""
    _limit(0.0)
    return _read(stream)


def _read(stream: BinaryIO) -> bytes:
    """The next message; empty at the end."""
    begun = stream.read(LENGTH.size)
    return stream.read(*LENGTH.unpack(begun)) if len(begun) == LENGTH.size else b""


def _write(stream: BinaryIO, said: Scores) -> None:
    data = msgspec.msgpack.encode(said)
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


if __name__ == "__main__":
    main()
