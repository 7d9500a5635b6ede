"""Ends this process where what it is at takes too long, whatever code keeps it there.

A loop without an end in a feature, or a library that lets no other thread run, cannot be stopped
from within Python. The kernel can: it is told how long something may take, and ends the process by
SIGALRM if that is over. Where it was then stands on standard error.

>>> with within(60.0):
...     2 + 2
4
"""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Iterator
from contextlib import contextmanager

SHOWN = "Stack (most recent call first)"
"""How what is written of the place begins."""
STATUS = -int(signal.SIGALRM)
"""Of a process that was ended so, as who started it sees it."""


def shows_where() -> None:
    """Have a process that is ended so write where it was."""
    faulthandler.register(signal.SIGALRM, all_threads=False, chain=True)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """The process ends where this takes longer. A limit that was set before holds afterwards."""
    before = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *before)
