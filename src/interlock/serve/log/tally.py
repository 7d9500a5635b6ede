"""What a worker's log counts, on disk beside its segments.

The file is 80 bytes from the first start on and overwritten in place, so that a full disk can still
be counted on. Who holds its lock holds the worker's name.

>>> Tally.unpack(Tally(next_sequence=8, dropped=2).pack())
Tally(next_sequence=8, dropped=2, cut=0)
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from interlock.errors import IntegrityError, OperatorError
from interlock.wording import counted

_WORKER = re.compile(r"[A-Za-z0-9_]{1,64}")
_COUNTS = struct.Struct("<8sQQQ")
_SIZE = _COUNTS.size + 4  # bytes, checksum included; written twice
_MAGIC = b"ILKTALY\n"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The counts, from the worker's first start on."""

    next_sequence: int = 1
    dropped: int = 0  # predictions answered and not logged, as the product chose
    cut: int = 0  # bytes of torn tails, kept aside in .torn files

    def pack(self) -> bytes:
        """The file's bytes."""
        counts = _COUNTS.pack(_MAGIC, self.next_sequence, self.dropped, self.cut)
        return 2 * (counts + struct.pack("<I", zlib.crc32(counts)))

    @classmethod
    def unpack(cls, data: bytes) -> Tally | None:
        """The inverse of :meth:`pack`; None where neither copy is whole."""
        for start in (0, _SIZE):
            counts = data[start : start + _COUNTS.size]
            checksum = data[start + _COUNTS.size : start + _SIZE]
            if checksum == struct.pack("<I", zlib.crc32(counts)) and counts[:8] == _MAGIC:
                _, next_sequence, dropped, cut = _COUNTS.unpack(counts)
                return cls(next_sequence=next_sequence, dropped=dropped, cut=cut)
        return None


class TallyFile:
    """A worker's tally and, while it is open, its name."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd

    @classmethod
    def open(cls, directory: Path, worker: str) -> Self:
        """Take the worker's name. Raises OperatorError when it is no name or another has it."""
        if not _WORKER.fullmatch(worker):
            raise OperatorError(
                "S151",
                "a worker's name cannot be used for its log",
                where=str(directory),
                expected="1 to 64 letters, digits and underscores",
                got=repr(worker),
                fix="give the worker a plain name such as 'w0'",
            )
        path = directory / f"{worker}.tally"
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise OperatorError(
                "S151",
                "another process writes this worker's prediction log",
                where=str(path),
                expected="one process a worker name",
                got=f"{worker!r} is in use",
                fix="stop the other service, or give this one a state directory of its own",
            ) from None
        return cls(path, fd)

    def read(self) -> Tally:
        """The counts; of a new file, the first. Raises IntegrityError for a damaged file."""
        data = os.pread(self.fd, 2 * _SIZE + 1, 0)
        tally = Tally.unpack(data) if data else Tally()
        if tally is None:
            raise IntegrityError(
                "S152",
                "the counts of a prediction log are damaged",
                where=str(self.path),
                expected="the bytes this program wrote",
                got=counted(
                    len(data), "byte that fails its checksum", "bytes that fail their checksum"
                ),
                fix="keep the file for inquiry under another name; counting then begins anew",
                untouched="the logged predictions",
            )
        return tally

    def write(self, tally: Tally) -> None:
        """Overwrite the counts in place. Raises OSError."""
        os.pwrite(self.fd, tally.pack(), 0)

    def close(self) -> None:
        """Give the worker's name up."""
        os.close(self.fd)
