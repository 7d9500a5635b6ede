"""Whether a process goes on: it writes a byte a second for as long as its event loop turns.

Rules: who need not say it is missed only after it was heard of; what counts is the time that was
looked at: of what lies between two looks at most a second, so that a machine
that was suspended, or a parent that was kept waiting, makes nobody stuck.

>>> pulse = Pulse(seconds=2.0)
>>> [pulse.silent(beat=beat, now=now) for beat, now in ((False, 0.0), (True, 9.0), (False, 9.5))]
[0.0, 0.0, 0.5]
>>> pulse.silent(beat=False, now=99.0), pulse.silent(beat=True, now=99.5)
(1.5, 0.0)
"""

from __future__ import annotations

import asyncio
import os
import select
from contextlib import suppress

BEAT_SECONDS = 0.5
_MOST = 1.0  # seconds between two looks that count


class Pulse:
    """What its parent hears of a process, which is stuck where it is silent for ``seconds``.

    ``since`` is when one was ready that will be heard of, None for one of which that is not known.
    """

    def __init__(self, *, seconds: float, since: float | None = None) -> None:
        self.seconds = seconds
        self._silent = 0.0
        self._looked = since

    def silent(self, *, beat: bool, now: float) -> float:
        """For how many seconds it has been; ``beat``: it was heard of since the last look."""
        if beat:
            self._silent, self._looked = 0.0, now
        elif self._looked is not None:
            self._silent += min(now - self._looked, _MOST)
            self._looked = now
        return self._silent


async def beat(descriptor: int) -> None:
    """Say again and again that the loop turns, to whoever reads of it."""
    while True:
        with suppress(OSError):
            if select.select([], [descriptor], [], 0)[1]:
                os.write(descriptor, b"\n")
        await asyncio.sleep(BEAT_SECONDS)


def heard(descriptor: int) -> bool:
    """Whether anything has come; the descriptor does not block."""
    found = False
    with suppress(BlockingIOError):
        while os.read(descriptor, 4_096):
            found = True
    return found
