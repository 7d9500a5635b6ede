"""Folders that a gate works in, and whose remains the next gate removes.

A gate that was killed leaves rows and history of real units behind. A folder is locked for as long
as somebody works in it; one that is an hour old, ours and not locked is nobody's any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interlock.clock import SECOND, now

_LOCK = ".in-use"
_LEFT_SECONDS = 3_600.0  # far longer than one is made without being locked


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A new folder among the system's temporary ones, gone afterwards; so are those left behind."""
    _sweep(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        descriptor = os.open(Path(name, _LOCK), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def _sweep(prefix: str) -> None:
    """Remove the folders of that prefix that nobody works in."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            _remove_left(folder)


def _remove_left(folder: Path) -> None:
    """Raises OSError for one that is no such folder, or is in use."""
    found = folder.lstat()
    if found.st_uid != os.getuid() or now() / SECOND - found.st_mtime < _LEFT_SECONDS:
        return
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)  # it raises for a link
    finally:
        os.close(descriptor)
