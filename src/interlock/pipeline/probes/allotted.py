"""The time that a gate has: its parts, how long each took, and the end that nothing moves.

When the time is over every process that was started meanwhile is killed, so that whoever waits for
one goes on at once; a part that the end falls into is cut short, and none after it begins. A part
that waits for nothing but computes, such as a feature that counts to its argument, is stopped
between two steps of Python: what stops it is no Exception, which a feature's own fault would be.

A single call into a library that never comes back cannot be stopped. It is left where it is, in the
part's own thread, some seconds after the end, and the gate goes on to its verdict without it. Where
such a call lets no thread run at all, not even this gate's, the process ends itself with exit code
1 and says where it hung: nothing is live by then, and the delivery can be resumed.
"""

from __future__ import annotations

import ctypes
import faulthandler
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from interlock.apart import Apart, Hangs
from interlock.clock import monotonic
from interlock.errors import InterlockError

T = TypeVar("T")


class Overdue(Exception):  # noqa: N818 - a state of the gate, not a fault of its own
    """The time is over: what was asked for is not measured."""


class _Stopped(BaseException):
    """Raised in the thread that works on a part when the time is over, wherever it is."""


_INSIST_SECONDS = 5.0  # until it is raised again, where a library has kept it to itself
_GRACE_SECONDS = 10.0  # after the end, for a part to stop; then it is left
_FROZEN_SECONDS = 30.0  # after that, for the gate itself; then no thread of the process can run
_ERRORS = 2  # the descriptor of standard error, whatever stands in for the stream


class Allotted:
    """So many seconds from now on; ``told`` hears of each part as it begins.

    ``parts`` are the seconds that each part took, ``overdue`` says what was cut short, "" nothing.
    """

    def __init__(self, seconds: float, told: Callable[[str], None] = lambda part: None) -> None:
        self.seconds = seconds
        self.parts: dict[str, float] = {}
        self.overdue = ""
        self._told = told
        self._end = monotonic() + seconds
        self._over = False
        self._working: int | None = None  # the thread that works on a part
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._kills: list[Callable[[], object]] = []
        self._timer = threading.Timer(seconds, self._insist)
        self._timer.daemon = True
        self._timer.start()

    @property
    def remaining(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self._end - monotonic())

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self._over or self.remaining <= 0

    def part(self, name: str, work: Callable[[], T]) -> T:
        """What a part of the gate gives. Raises Overdue where the time is over before or after."""
        if self.over:
            raise self._late(name, "not begun")
        self._told(name)
        begun = monotonic()
        try:
            found = self._awaited(work)
        except Hangs as hung:
            took = f"did not come back in {monotonic() - begun:.1f} s"
            raise self._late(name, f"{took} from {hung}") from hung
        except (InterlockError, OSError, _Stopped) as error:
            if self.over:  # what it waited for was killed
                raise self._late(name, f"ended after {monotonic() - begun:.1f} s") from error
            raise
        finally:
            self._working = None  # where the stop came while that was being said
            self.parts[name] = self.parts.get(name, 0.0) + monotonic() - begun
        if self.over:
            raise self._late(name, f"ended after {monotonic() - begun:.1f} s")
        return found

    def ends(self, kill: Callable[[], object]) -> None:
        """Have this called when the time is over; at once where it is already."""
        with self._lock:
            self._kills.append(kill)
            over = self._over
        if over:
            kill()

    def close(self) -> None:
        """The gate has ended: nothing is killed any more."""
        self._closed.set()
        self._timer.cancel()

    def _awaited(self, work: Callable[[], T]) -> T:
        """What a part gives; where the user interrupts the wait, it is stopped as at the end."""
        seconds = self.remaining + _GRACE_SECONDS
        faulthandler.dump_traceback_later(seconds + _FROZEN_SECONDS, exit=True, file=_ERRORS)
        part = None
        try:
            part = Apart(partial(self._worked, work))
            return part.result(seconds)
        except KeyboardInterrupt:
            self._expire()
            if part is not None:
                part.wait(_GRACE_SECONDS)
            raise
        finally:
            faulthandler.cancel_dump_traceback_later()

    def _worked(self, work: Callable[[], T]) -> T:
        with self._stoppable():
            return work()

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Let the end stop this thread until the block is left, and not after it."""
        with self._lock:
            if self._over:
                raise _Stopped
            self._working = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                self._working = None
                if self._over:
                    _nothing_pends()

    def _expire(self) -> None:
        with self._lock:
            self._over = True
            kills = list(self._kills)
        for kill in kills:
            kill()
        self._stop_working()

    def _insist(self) -> None:
        self._expire()
        while not self._closed.wait(_INSIST_SECONDS):
            self._stop_working()

    def _stop_working(self) -> None:
        with self._lock:
            if self._working is not None:
                _raise_in(self._working, _Stopped)

    def _late(self, name: str, how: str) -> Overdue:
        took = ", ".join(f"{part} {seconds:.1f} s" for part, seconds in self.parts.items())
        text = f"{name}: {how}" + (f"; before it {took}" if took else "")
        self.overdue = self.overdue or text
        return Overdue(text)


def _raise_in(thread: int, raised: type[BaseException]) -> None:
    """Have this raised in a thread before its next step."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(raised))


def _nothing_pends() -> None:
    """What may be about to be raised in this thread is raised here, and is over.

    It is not taken back: CPython 3.11 would go on looking for it before every step of every thread,
    which slows the process down, and a function that is traced would then never begin.
    """
    try:
        _raise_in(threading.get_ident(), _Stopped)
        while True:
            pass
    except _Stopped:
        pass
