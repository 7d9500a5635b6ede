"""One time limit for many short waits, at the price of an entry in a dictionary each.

A timer for each costs more than most of them take. As all have the same limit, they run out in the
order in which they began, so a single timer for the oldest is enough.

>>> async def waits():
...     limit = Deadline(0.01)
...     try:
...         await limit.on(asyncio.sleep(60))
...     except TimeoutError:
...         return await limit.on(asyncio.sleep(0, "in time"))
>>> asyncio.run(waits())
'in time'
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

T = TypeVar("T")


class Deadline:
    """So many seconds for each wait; of one event loop, and one wait a task at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}  # on the loop's clock, the oldest first
        self._over: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def on(self, awaited: Awaitable[T]) -> T:
        """What is awaited. Raises TimeoutError when that takes longer, and it is cancelled."""
        task = asyncio.current_task()
        assert task is not None  # a coroutine of a task runs
        loop = task.get_loop()
        self._begun[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)
        try:
            return await awaited
        except asyncio.CancelledError:
            if task in self._over and not task.uncancel():  # by nobody else
                raise TimeoutError from None
            raise
        finally:
            self._begun.pop(task, None)
            self._over.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel what is over, and look again when the next will be."""
        self._timer = None
        now = loop.time()
        for task, begun in list(self._begun.items()):
            if begun + self._seconds > now:
                self._timer = loop.call_at(begun + self._seconds, self._look, loop)
                return
            del self._begun[task]
            self._over.add(task)
            task.cancel()
