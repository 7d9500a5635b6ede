"""Lines for a descriptor that may take them slowly, or never: whoever has one to write goes on.

A pipe that nobody reads is full after 64 KB, and whoever writes to it then waits: an event loop
must not. (``O_NONBLOCK`` would be no way out: it belongs to the open file, which others have, too.)

Rules: lines wait in a bounded queue and leave from a thread, in their order; what finds the queue
full, or cannot be written, is counted, and told in a line of its own once lines leave again; what
several processes write to one pipe is not mixed up within a line, for a write is of whole lines and
short enough for the system to take it at once.

>>> reading, writing = os.pipe()
>>> with Lines(writing, told=b"%d lines are missing\\n".__mod__) as lines:
...     lines.put(b"one\\n")
...     lines.put(b"two\\n")
>>> os.read(reading, 100), lines.dropped
(b'one\\ntwo\\n', 0)
"""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, suppress
from queue import Empty, SimpleQueue
from typing import Any, Self

MOST = 16_384  # lines that wait
_TOGETHER = 0.02  # seconds for which lines are collected
_CLOSE_SECONDS = 2.0  # for what still waits when the service stops
_AGAIN_SECONDS = 1.0
_AT_ONCE = select.PIPE_BUF  # bytes


class Lines:
    """Writes lines to a descriptor; any thread may have some to write.

    ``told`` makes the line that says how many are missing; ``dropped`` counts them.
    """

    def __init__(self, descriptor: int, *, told: Callable[[int], bytes], most: int = MOST) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._told = told
        self._most = most
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._counting = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="lines", daemon=True)
        self._thread.start()

    def put(self, line: bytes) -> None:
        """Have a line written, its end included, if there is room for it."""
        if self._queue.qsize() < self._most:
            self._queue.put(line)
        else:
            self._drop(1)

    def close(self) -> None:
        """Write what waits, for at most two seconds: whoever does not read holds up no stop."""
        self._closing.set()
        self._queue.put(None)
        self._thread.join(_CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write_all(self) -> None:
        known = 0  # lines of which it has been told that they are missing
        more = True
        while more:
            lines, more = self._next()
            missing = self.dropped - known  # they would have come after these
            for together in _parts(lines):
                if not self._write(b"".join(together)):
                    self._drop(len(together))
            if missing and self._write(self._told(missing)):
                known += missing

    def _drop(self, n_lines: int) -> None:
        with self._counting:
            self.dropped += n_lines

    def _next(self) -> tuple[list[bytes], bool]:
        """What has come by now, waiting for the first; and whether more may come."""
        found = [self._queue.get()]
        self._closing.wait(_TOGETHER)
        with suppress(Empty):
            while found[-1] is not None and len(found) < self._most:
                found.append(self._queue.get_nowait())
        return [line for line in found if line is not None], found[-1] is not None

    def _write(self, data: bytes) -> bool:
        """Write whole lines, however long it takes; whether they could be written."""
        try:
            while data:
                data = data[self._written(data) :]
        except OSError:  # whoever read has gone
            return False
        return True

    def _written(self, data: bytes) -> int:
        """How many bytes were taken; none where another has made the open file one not to wait."""
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            taking = select.poll()
            taking.register(self._descriptor, select.POLLOUT)
            taking.poll(_AGAIN_SECONDS * 1e3)
            return 0


@contextmanager
def printed_by_lines(descriptor: int) -> Iterator[Lines]:
    """What is printed to standard error meanwhile goes to a descriptor, and waits for nobody."""
    with Lines(descriptor, told=b"%d lines could not be written here\n".__mod__) as lines:
        text = io.TextIOWrapper(
            io.BufferedWriter(_Printed(lines)),
            encoding="utf-8",
            errors="backslashreplace",
            line_buffering=True,
        )
        try:
            with redirect_stderr(text):
                yield lines
        finally:
            text.flush()


class _Printed(io.RawIOBase):
    """A file that takes what is printed."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        line = bytes(data)
        self._lines.put(line)
        return len(line)


def _parts(lines: Sequence[bytes]) -> list[list[bytes]]:
    """The lines in parts that the system writes at once; a longer one alone."""
    parts: list[list[bytes]] = []
    size = _AT_ONCE
    for line in lines:
        if size + len(line) > _AT_ONCE:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += len(line)
    return parts
