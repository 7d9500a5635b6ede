"""One delivery or erasure at a time in a project; the locks die with their processes.

A delivery holds a lock of its own besides, for whoever asks whether it still runs: its process may
end without a word, and its number may be another process's by then.

Whoever stores rows of sources beside deliveries does so together with others, and never while an
erasure runs: what it had read before would be stored behind the erasure's back.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interlock.errors import OperatorError
from interlock.store.atomic import storage


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock at that path. Raises OperatorError E121 where another holds it."""
    with _opened(path) as descriptor:
        _take(
            descriptor,
            path,
            "another delivery is running",
            "one delivery at a time in a project",
        )
        yield


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Hold the lock of one delivery at that path; waits for those who only look."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_owned(path: Path) -> bool:
    """Whether a living process holds the lock at that path. Raises StoreError where none can tell.

    >>> is_owned(Path("no", "such", "lock"))
    False
    """
    with storage(path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False


@contextmanager
def nobody_stores(path: Path) -> Iterator[None]:
    """Hold off all who store. Raises OperatorError E121 where somebody does so now."""
    with _opened(path) as descriptor:
        _take(
            descriptor,
            path,
            "rows are being stored",
            "no refresh, training, comparison or prediction of a file meanwhile",
        )
        yield


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Store rows, beside others who do; waits while an erasure runs."""
    with _opened(path) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, what: str, expected: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise OperatorError(
            "E121",
            what,
            where=str(path.parent),
            expected=expected,
            fix="wait until it has ended",
        ) from None
