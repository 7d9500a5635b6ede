"""Files that appear whole or not at all, whatever dies in between.

A file is written under a temporary name beside its target, synced, renamed, and its directory
synced. A reader therefore sees the old bytes or the new ones. What a killed process leaves behind
begins with ``.partial-`` and nothing ever reads it.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interlock.errors import StoreError

PARTIAL = ".partial-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def storage(where: Path | str) -> Iterator[None]:
    """Turn an OSError inside the block into StoreError L101 (full) or L102 (anything else)."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, where) from error


def storage_error(error: OSError, where: Path | str) -> StoreError:
    """The StoreError that says what an OSError means for whoever runs Interlock."""
    if error.errno in _FULL:
        return StoreError(
            "L101",
            "the disk is full",
            where=str(where),
            got=str(error.strerror),
            fix="free some space, then run the same command again",
            untouched="what was stored before",
        )
    return StoreError(
        "L102",
        "a file of the store cannot be read or written",
        where=str(where),
        got=error.strerror or type(error).__name__,
        fix="check that the directory exists and that this user may write there",
        untouched="what was stored before",
    )


def partial_path(directory: Path) -> Path:
    """A name in the directory that nobody else uses and nobody reads."""
    return directory / f"{PARTIAL}{secrets.token_hex(8)}"


def write_new(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Create and sync a file that must not exist yet. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def sync_directory(directory: Path) -> None:
    """Make the names in a directory survive a power cut. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_file(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace the file at once, creating its directory. Raises StoreError L101 or L102."""
    partial = partial_path(path.parent)
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_new(partial, data, mode=mode)
            partial.replace(path)
            sync_directory(path.parent)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
