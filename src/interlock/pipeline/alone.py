"""One delivery or erasure at a time in a project; the lock dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from interlock.errors import OperatorError


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock at that path. Raises OperatorError E121 where another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(
                "E121",
                "another delivery is running",
                where=str(path.parent),
                expected="one delivery at a time in a project",
                fix="wait until it has ended",
            ) from None
        yield
    finally:
        os.close(descriptor)
