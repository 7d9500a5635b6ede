"""The prediction log: every answered prediction is on file before it is answered.

Rules:

- a worker appends to segments of its own (:mod:`interlock.serve.log.segment`), as nobody else does;
- :meth:`PredictionLog.append` returns after one write(2) that took all its bytes, so that the death
  of the process loses nothing answered; a thread syncs every 50 milliseconds, and with
  ``ack="disk"`` append waits for that as well;
- what cannot be written whole is not written at all: the segment is cut back and the caller gets
  :class:`LogFull`, or, with ``full="drop"``, the loss is counted on disk; it is never silent;
- no sequence number is used twice; bytes cut off at a start are kept aside and counted.

>>> import tempfile
>>> from interlock.serve.log.read import read_log
>>> directory = Path(tempfile.mkdtemp())
>>> with PredictionLog.open(directory, "w0") as log:
...     log.append([b"first", b"second"])
2
>>> [record.payload for record in read_log(directory)]
[b'first', b'second']
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from interlock.clock import monotonic
from interlock.errors import IntegrityError, StoreError
from interlock.serve.log.pages import let_go, let_go_all
from interlock.serve.log.segment import HEADER_SIZE, header, seal_all, segment_path
from interlock.serve.log.start import Start, recover
from interlock.serve.log.tally import Tally, TallyFile

_IDLE_ROUNDS = 20  # without a record, until one has to wake the thread that syncs
_to_disk: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)  # macOS has only fsync


class LogFull(StoreError):  # noqa: N818  it names a state, as the service reports it
    """The log could not take a record; its prediction must not be answered as if it had."""


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """How a log is kept."""

    ack: Literal["process", "disk"] = "process"
    full: Literal["refuse", "drop"] = "refuse"
    segment_bytes: int = 64 << 20
    segment_seconds: float = 3_600.0  # a segment with records begun longer ago is ended
    sync_seconds: float = 0.05


@dataclass(kw_only=True)
class _Current:
    """The segment being written."""

    fd: int
    salt: int
    end: int  # bytes
    until: float  # when the next record begins another segment, on the monotonic clock
    gone: int = 0  # bytes from its start that were let go from memory


class PredictionLog:
    """One worker's end of the log; several threads may use it."""

    def __init__(
        self, directory: Path, tally: TallyFile, worker: str, start: Start, options: LogOptions
    ) -> None:
        self.directory = directory
        self.worker = worker
        self.options = options
        self._tally_file = tally
        self._tally = self._tally_synced = start.tally
        self._asked = 0  # times that records were given, to whatever end
        self._last = self._synced = start.tally.next_sequence - 1
        self._number = start.number
        self._names_synced = -1
        self._current: _Current | None = None
        self._written = 0
        self._retired: list[int] = []
        self._waiting: list[tuple[int, Future[int]]] = []
        self._distrusted = False  # a sync failed since the current segment was begun
        self._closing = False
        self._lock = threading.Lock()
        self._dirty = threading.Event()
        self._hurry = threading.Event()
        self._syncer = threading.Thread(target=self._sync, name="prediction-log", daemon=True)

    @classmethod
    def open(cls, directory: Path, worker: str, options: LogOptions | None = None) -> PredictionLog:
        """Set a torn tail aside and begin a segment.

        Raises OperatorError for a worker name that is none or is in use, IntegrityError for damaged
        counts, LogFull when the disk takes nothing.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            tally = TallyFile.open(directory, worker)
        except OSError as error:
            raise _log_full(error, directory) from error
        try:
            start = recover(directory, worker, tally.read())
            tally.write(start.tally)
            log = cls(directory, tally, worker, start, options or LogOptions())
            log._begin_segment()
        except OSError as error:
            tally.close()
            raise _log_full(error, directory) from error
        except IntegrityError:
            tally.close()
            raise
        log._syncer.start()
        return log

    @property
    def tally(self) -> Tally:
        """The counts so far, of this and earlier processes of the worker."""
        return replace(self._tally, next_sequence=self._last + 1)

    @property
    def written(self) -> int:
        """Bytes of records written since the log was opened."""
        return self._written

    @property
    def unsynced(self) -> int:
        """Records written and not yet known to be on disk."""
        return self._last - self._synced

    def append(self, payloads: Sequence[bytes], *, may_drop: bool = True) -> int:
        """Log the payloads in one write; the sequence number of the last.

        Raises LogFull, and has then logged none of them, when they could not all be written; with
        ``ack="disk"`` also when they could not be synced. With ``full="drop"`` payloads that could
        not be written are counted instead, and the number is that of the last one logged before;
        not so payloads of which ``may_drop`` is false.
        """
        if self.options.ack == "disk":
            return self.submit(payloads, may_drop=may_drop).result()
        with self._lock:
            last = self._write_or_drop(payloads, may_drop=may_drop)
            self._asked += 1
        if not self._dirty.is_set():
            self._dirty.set()
        return last

    def submit(self, payloads: Sequence[bytes], *, may_drop: bool = True) -> Future[int]:
        """Log the payloads in one write at once; the future waits for the disk.

        For an event loop, by way of ``asyncio.wrap_future``. Raises LogFull as :meth:`append` does;
        a failed sync is the future's LogFull.
        """
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()  # who gives up waiting cannot cancel the sync
        with self._lock:
            last = self._write_or_drop(payloads, may_drop=may_drop)
            self._waiting.append((last, future))
            self._asked += 1
        self._hurry.set()
        self._dirty.set()
        return future

    def close(self) -> None:
        """Sync what is written and give up the worker's name. Raises LogFull if that sync fails."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
        self._hurry.set()
        self._dirty.set()
        self._syncer.join()
        with self._lock:
            self._retire()
            with suppress(OSError):  # a convenience: the segments themselves tell the next number
                self._count()
        failure = self._sync_once()
        self._tally_file.close()
        if failure is not None:
            raise _log_full(failure, self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write_or_drop(self, payloads: Sequence[bytes], *, may_drop: bool) -> int:
        try:
            try:
                self._write(payloads)
            except OSError:
                if self.options.full == "refuse" or not may_drop:
                    raise
                self._count(dropped=self._tally.dropped + len(payloads))
        except OSError as error:
            raise _log_full(error, self.directory) from error
        return self._last

    def _write(self, payloads: Sequence[bytes]) -> None:
        if self._closing:
            raise OSError(errno.EBADF, "the log is closed")
        current = self._current
        if current is None or self._distrusted or self._is_full(current):
            self._retire()
            current = self._begin_segment()
        sequence = self._last + len(payloads)
        data = seal_all(payloads, first=self._last + 1, salt=current.salt)
        try:
            if os.write(current.fd, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            self._cut_back(current, sequence)
            raise
        current.end += len(data)
        self._written += len(data)
        self._last = sequence

    def _is_full(self, current: _Current) -> bool:
        return current.end >= self.options.segment_bytes or monotonic() >= current.until

    def _cut_back(self, current: _Current, used: int) -> None:
        """Undo a write that failed. Numbers and places that a reader may have seen stay unused."""
        with suppress(OSError):  # should even this fail, the next start sets the bytes aside
            if os.fstat(current.fd).st_size == current.end:
                return
            os.ftruncate(current.fd, current.end)
        self._last = used
        self._retire()
        self._count()

    def _begin_segment(self) -> _Current:
        path = segment_path(self.directory, self.worker, self._number)
        salt = int.from_bytes(os.urandom(4), "little")
        start = header(self._last + 1, salt)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            if os.write(fd, start) != len(start):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self._distrusted:
                _to_disk(fd)
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        self._distrusted = False
        self._number += 1
        self._current = _Current(
            fd=fd,
            salt=salt,
            end=len(start),
            until=monotonic() + self.options.segment_seconds,
        )
        return self._current

    def _retire(self) -> None:
        if self._current is not None:
            self._retired.append(self._current.fd)
            self._current = None

    def _count(self, *, dropped: int | None = None) -> None:
        counted = self._tally.dropped if dropped is None else dropped
        self._tally = replace(self._tally, next_sequence=self._last + 1, dropped=counted)
        self._tally_file.write(self._tally)

    def _sync(self) -> None:
        """Sync what was written, a while later; when nothing was for long, wait to be woken.

        To wake this thread for every record would cost each answer more than its record does.
        """
        seen, idle = 0, 0
        while not self._closing:
            is_late = not self._dirty.wait(self.options.segment_seconds)
            if is_late:
                self._turn_over()
            self._hurry.wait(self.options.sync_seconds)
            self._hurry.clear()
            if is_late or self._asked != seen:
                seen, idle = self._asked, 0
                self._sync_once()
            elif idle < _IDLE_ROUNDS:
                idle += 1
            else:
                self._dirty.clear()
                if self._asked != seen:  # who asked may have found it set still
                    self._dirty.set()

    def _turn_over(self) -> None:
        """End a segment that no record came to end, so that it can be shipped."""
        with self._lock:
            current = self._current
            if self._closing or current is None or current.end == HEADER_SIZE:
                return
            if monotonic() >= current.until:
                self._retire()
                with suppress(OSError):  # the next record begins one, or is refused
                    self._begin_segment()

    def _sync_once(self) -> OSError | None:
        """Bring all that is written so far to disk, and tell those who wait."""
        with self._lock:
            last, number, tally = self._last, self._number, self._tally
            waiting, self._waiting = self._waiting, []
            retired, self._retired = self._retired, []
            current = self._current if last > self._synced else None
            end = current.end if current else 0
        failure = next(filter(None, [_finished(fd) for fd in retired]), None)
        try:
            if current:
                _to_disk(current.fd)
                current.gone = let_go(current.fd, current.gone, end)
            if tally is not self._tally_synced:
                _to_disk(self._tally_file.fd)
            if number != self._names_synced:
                _sync_directory(self.directory)
        except OSError as error:
            failure = error
        self._settle(last, number, tally, waiting, failure)
        return failure

    def _settle(
        self,
        last: int,
        number: int,
        tally: Tally,
        waiting: list[tuple[int, Future[int]]],
        failure: OSError | None,
    ) -> None:
        if failure is None:
            self._synced, self._names_synced, self._tally_synced = last, number, tally
        else:
            with self._lock:
                self._distrusted = True
        for sequence, future in waiting:
            if failure is None:
                future.set_result(sequence)
            else:
                future.set_exception(_log_full(failure, self.directory))


def _finished(fd: int) -> OSError | None:
    """Bring an ended segment to disk and let go of it, whatever became of others; what failed."""
    try:
        try:
            _to_disk(fd)
            let_go_all(fd)
        finally:
            os.close(fd)
    except OSError as error:
        return error
    return None


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _log_full(error: OSError, directory: Path) -> LogFull:
    return LogFull(
        "S150",
        "the prediction log cannot be written",
        where=str(directory),
        expected="a disk with space that can be written",
        got=f"{errno.errorcode.get(error.errno or 0, 'an error')}: {error.strerror}",
        fix="free space or mend the disk; the service answers again by itself",
        untouched="the predictions logged so far",
    )
