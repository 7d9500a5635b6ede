"""One worker's part in judging a challenger together: it says what it saw, and hears what all did.

Twice a second, in a thread of its own: nothing of it is on the path of a request. Invariant: what
goes wrong with the disk is not waited for; the worker judges by itself all the same.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from interlock.serve.rollout.evidence import POOL, Act, Evidence, leave, left_by
from interlock.serve.rollout.watch import Watch, begun

EVERY_SECONDS = 0.5


class Exchange:
    """Between a worker's watch and the files beside its log."""

    def __init__(self, log: Path, worker: str, act: Act, *, enough: float) -> None:
        """The watch goes on from what this worker, or all of them, knew of that act before."""
        self._log, self._worker, self._act = log, worker, act
        self._said = begun(left_by(log, worker), act)
        self.watch = Watch(enough=enough, known=self._said)
        self._told = False
        self._hear()

    def look(self) -> None:
        """Hear what is new, and say it."""
        self._hear()
        found = self.watch.evidence(self._act)
        if found != self._said:
            self._say(found)

    def _hear(self) -> None:
        of_all = left_by(self._log, POOL)
        if of_all is not None and of_all.act == self._act:
            self.watch.hear(of_all)

    def _say(self, found: Evidence) -> None:
        with suppress(OSError):  # tried again when it looks next
            leave(self._log, self._worker, found)
            self._said = found
        if found.set_aside and not self._told:
            self._told = True
            with suppress(OSError):  # nobody reads it any more
                why = f"{found.act.release} is set aside: {found.set_aside}"
                print(why, file=sys.stderr, flush=True)


@contextmanager
def exchanging(look: Callable[[], None]) -> Iterator[None]:
    """Look again and again, and once more at the end."""
    stopping = threading.Event()

    def run() -> None:
        while not stopping.wait(EVERY_SECONDS):
            look()

    thread = threading.Thread(target=run, name="exchange", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        look()
