"""A call that may never come back out of a library: in a thread of its own, and left there.

Python can end no thread that is inside a library. So the call is waited for as long as it may take;
then whoever asked goes on without it, and it dies with the process, which must not wait for it
either (:func:`anything_hangs`). A library that lets no other thread run meanwhile (it holds the
interpreter's lock) hangs the whole process: nothing here can help against that.

>>> Apart(lambda: 2 + 2).result(60)
4
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")


class Hangs(Exception):  # noqa: N818 - a state of the call, not a fault of its own
    """The call has not come back; the text says which line of Python it was made from."""


class Apart(threading.Thread, Generic[T]):
    """A call in a thread of its own, begun at once."""

    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__(daemon=True, name="apart")
        self._call, self._within = call, copy_context()
        self._raised: BaseException | None = None
        # A join that is interrupted takes the thread for ended; an Event would be locked for ever.
        self._ended, self._end = False, SimpleQueue[None]()
        self.start()

    @property
    def ended(self) -> bool:
        """Whether the call has come back."""
        return self._ended

    def run(self) -> None:
        """What the thread does."""
        try:
            self._found = self._within.run(self._call)
        except BaseException as error:  # noqa: BLE001 - raised again where the call was asked for
            self._raised = error
        finally:
            self._ended = True
            self._end.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait so long for the call to come back; whether it has."""
        if not self._ended:
            with suppress(Empty):
                self._end.get(timeout=seconds)
        return self._ended

    def result(self, seconds: float) -> T:
        """What the call gave, or raised. Raises Hangs where it does not come back in time."""
        if not self.wait(seconds):
            raise Hangs(_place(self.ident))
        if self._raised is not None:
            raise self._raised
        return self._found


def anything_hangs() -> bool:
    """Whether a call is still out: an ordinary end of the process might wait for it for ever."""
    return any(isinstance(one, Apart) and not one.ended for one in threading.enumerate())


def _place(thread: int | None) -> str:
    """The function, file and line that a thread is at, as far as Python knows."""
    frame = sys._current_frames().get(thread or 0)
    if frame is None:
        return "nobody knows where"
    code = frame.f_code
    return f"{code.co_qualname} ({Path(code.co_filename).name}:{frame.f_lineno})"
