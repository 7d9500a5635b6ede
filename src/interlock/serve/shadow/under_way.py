"""The row that a challenger in shadow is being asked about, on file before it is asked.

Who scores after a process that died so learns at which row it did, and how often that row was begun
without an end. The file lies beside the scores and holds a row's place in the log, nothing else. It
is not synced: it has to outlive the process, and a machine that fails is not the row's doing.

>>> import tempfile
>>> scores, row = Path(tempfile.mkdtemp()), ("w0", 0, 128)
>>> with UnderWay.open(scores) as under_way:
...     under_way.begin(row), died_at(scores)
(0, Row(worker='w0', segment=0, offset=128, times=1))
>>> died_at(scores) is None
True
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from interlock.errors import InterlockError
from interlock.store.atomic import storage

_NAME = "under-way.json"
_SIZE = 256  # bytes: one write, over the one before


class Row(msgspec.Struct, frozen=True):
    """A row's place in the log, and how often it was begun."""

    worker: str
    segment: int
    offset: int
    times: int

    @property
    def place(self) -> tuple[str, int, int]:
        """Worker, segment and offset."""
        return self.worker, self.segment, self.offset


_DECODER: msgspec.json.Decoder[Row | None] = msgspec.json.Decoder(Row | None)


def died_at(scores: Path) -> Row | None:
    """The row that was begun and not ended by the process that wrote these scores, now ended.

    A file that says nothing is none: the row is begun once more. Raises StoreError L102.
    """
    with storage(scores):
        try:
            return _DECODER.decode((scores / _NAME).read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            return None


class UnderWay:
    """What the one process that scores says of the row that it is at."""

    def __init__(self, scores: Path, descriptor: int, suspect: Row | None) -> None:
        self._where = scores / _NAME
        self._descriptor = descriptor
        self._suspect = suspect
        self._now: Row | None = None

    @classmethod
    def open(cls, scores: Path) -> UnderWay:
        """To be closed; not for two at a time. Raises StoreError L101, L102."""
        suspect = died_at(scores)
        with storage(scores):
            descriptor = os.open(scores / _NAME, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return cls(scores, descriptor, suspect)

    @property
    def suspects(self) -> bool:
        """Whether the row at which the last process died is still to come.

        Until it has come and has its score on file, each score is to be written by itself: what
        would be done again would be begun again, and what is known of the row forgotten.
        """
        return self._suspect is not None

    def begin(self, place: tuple[str, int, int]) -> int:
        """The row at that place is begun; how often processes died at it. Raises StoreError."""
        suspect = self._suspect
        deaths = suspect.times if suspect is not None and suspect.place == place else 0
        worker, segment, offset = place
        self._now = Row(worker=worker, segment=segment, offset=offset, times=deaths + 1)
        self._write(self._now)
        return deaths

    def end(self) -> None:
        """What was begun has its score on file, or was given up in good order."""
        if self._now is None:
            return
        if self._suspect is not None and self._suspect.place == self._now.place:
            self._suspect = None
        self._now = None
        self._write(None)

    def trust(self) -> None:
        """The log was read to its end: what has not come will not, it was erased."""
        self._suspect = None

    def _write(self, row: Row | None) -> None:
        with storage(self._where):
            os.pwrite(self._descriptor, msgspec.json.encode(row).ljust(_SIZE), 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """What ends the process otherwise than with an error of its own is the row's doing."""
        try:
            if kind is None or issubclass(kind, InterlockError):
                self.end()
        finally:
            os.close(self._descriptor)
