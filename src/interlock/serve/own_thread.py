"""A thread of its own for what may take long, or hang: one thing at a time, none waited for long.

Nothing can stop a thread. So while one thing is late no other is begun, nor waited for; once it has
come after all, all is as before. A process ends without waiting for it.

>>> async def sum_of_two():
...     return await OwnThread("adding").run(lambda: 2 + 2, 60.0)
>>> asyncio.run(sum_of_two())
4
"""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from interlock.clock import monotonic

T = TypeVar("T")


class Late(Exception):  # noqa: N818 - what became of it
    """It has not come in its time; or it was not even ``begun``, as another took its own.

    ``where`` the code of that other is, for the first who finds it late, else "".
    """

    def __init__(self, *, begun: bool, where: str = "") -> None:
        super().__init__(begun, where)
        self.begun = begun
        self.where = where


class OwnThread:
    """For one event loop. The thread begins with the first thing to do, and ends with this."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._now = _Now()
        self._thread: threading.Thread | None = None

    @property
    def late(self) -> bool:
        """Whether what it does at present has taken longer than it may."""
        until = self._now.until
        return until is not None and monotonic() > until

    async def run(self, act: Callable[[], T], seconds: float) -> T:
        """What it comes to, or raises, within so many seconds from now. Raises Late."""
        if self.late:
            told, self._now.told = self._now.told, True
            raise Late(begun=False, where="" if told else self._where())
        job = _Job(act, seconds)
        self._begun().put(job)
        future: asyncio.Future[T] = asyncio.wrap_future(job.future)
        await asyncio.wait((future,), timeout=seconds)
        if future.done():
            return await future
        begun = not job.future.cancel()
        future.cancel()
        raise Late(begun=begun)

    def _where(self) -> str:
        thread = self._thread
        frame = None if thread is None else sys._current_frames().get(thread.ident or 0)
        return "" if frame is None else "".join(traceback.format_stack(frame))

    def _begun(self) -> SimpleQueue[_Job | None]:
        if self._thread is None:
            parts = (self._jobs, self._now)  # not this, which else would never be let go of
            self._thread = threading.Thread(target=_work, args=parts, name=self._name, daemon=True)
            self._thread.start()
            weakref.finalize(self, self._jobs.put, None)
        return self._jobs


class _Now:
    """Until when the present thing is in time, None where there is none; whether its being late
    was told.
    """

    until: float | None = None
    told: bool = False


class _Job:
    """Something to do, and what comes of it."""

    def __init__(self, act: Callable[[], Any], seconds: float) -> None:
        self.future: Future[Any] = Future()
        self._act = act
        self._seconds = seconds

    def run(self, now: _Now) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        now.told, now.until = False, monotonic() + self._seconds
        try:
            found = self._act()
        except BaseException as error:  # noqa: BLE001 - it is whoever's that asked
            now.until = None
            self.future.set_exception(error)
        else:
            now.until = None
            self.future.set_result(found)


def _work(jobs: SimpleQueue[_Job | None], now: _Now) -> None:
    while (job := jobs.get()) is not None:
        job.run(now)
        del job  # what it holds may be large
