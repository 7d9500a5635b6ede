"""What a process writes into a pipe: its last words are kept, and no more than those.

It writes into a pipe that a thread reads for as long as anybody may write, so that it never waits
for long, nothing is lost, and neither a disk nor a memory fills, however much it has to say.

>>> import subprocess
>>> ended = subprocess.Popen(["sh", "-c", "echo no >&2; exit 1"], stderr=subprocess.PIPE)
>>> overheard, status = Overheard(ended.stderr), ended.wait()
>>> overheard.end()
>>> overheard.said()
'no\\n'
"""

from __future__ import annotations

import os
import sys
import threading
from codecs import getincrementaldecoder
from typing import IO

_KEPT = 20_000  # characters
_AT_ONCE = 1 << 16  # bytes
END_SECONDS = 2.0  # for what a process left in the pipe that others hold as well


class Overheard:
    """Reads the end of a pipe to its end, and closes it."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._aloud = False
        self._last = ""
        self._saying = threading.Lock()
        self._thread = threading.Thread(target=self._listen, name="overheard", daemon=True)
        self._thread.start()

    def said(self) -> str:
        """The last of what was written, at most 20,000 characters."""
        return self._last

    def hand_on(self) -> None:
        """Hand what was said on to this process's standard error, then what comes, as it does."""
        with self._saying:
            self._aloud = True
            self._tell(self._last)

    def end(self) -> None:
        """The process has ended: hear the rest of what it wrote.

        Where another that it started goes on and may write, what that one writes is not waited for.
        """
        self._thread.join(END_SECONDS)

    def _listen(self) -> None:
        decoder = getincrementaldecoder("utf-8")("replace")
        with self._pipe:
            while data := os.read(self._pipe.fileno(), _AT_ONCE):
                self._hear(decoder.decode(data))
        self._hear(decoder.decode(b"", final=True))

    def _hear(self, text: str) -> None:
        with self._saying:
            self._last = (self._last + text)[-_KEPT:]
            self._tell(text)

    def _tell(self, text: str) -> None:
        if self._aloud and text:
            try:
                print(text, end="", file=sys.stderr, flush=True)
            except (
                OSError,
                ValueError,
            ):  # nobody reads of it any more; it is read here all the same
                self._aloud = False
