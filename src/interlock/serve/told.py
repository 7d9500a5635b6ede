"""Being told to stop: a signal says so, and who waits for it learns it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue


class Told:
    """Whether this process was told to stop. Once told, for ever.

    A queue whose ``put`` may interrupt its own ``get``: the handler of a signal runs wherever the
    main thread is, and ``threading.Event.set`` would wait there for a lock that its own ``wait``
    holds.

    >>> told = Told()
    >>> told.wait(0.0)
    False
    >>> told.stop()
    >>> told.wait(60.0), told.wait(60.0)
    (True, True)
    """

    def __init__(self) -> None:
        self._orders: SimpleQueue[None] = SimpleQueue()

    def stop(self) -> None:
        """Tell it, from any thread or from the handler of a signal."""
        self._orders.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait until told, at most so long; whether it was."""
        try:
            self._orders.get(timeout=seconds)
        except Empty:
            return False
        self.stop()
        return True


@contextmanager
def told_by_signals() -> Iterator[Told]:
    """What SIGTERM and SIGINT tell, instead of ending the process, inside the ``with`` block."""
    told = Told()
    before = {
        number: signal.signal(number, lambda *_: told.stop())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
