"""The parent of a worker waits: until it is told to stop, or until the worker ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from interlock.clock import monotonic
from interlock.errors import OperatorError
from interlock.serve.workers.process import RunningService

_POLL_SECONDS = 0.2
_TICK_SECONDS = 5.0


def until_told(service: RunningService, tick: Callable[[], None] = lambda: None) -> None:
    """Wait for SIGINT or SIGTERM, or for the worker's end; ``tick`` every few seconds.

    Raises OperatorError S107 when the worker ends by itself.
    """
    told, ticked = threading.Event(), monotonic()
    before = {
        number: signal.signal(number, lambda *_: told.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        while not told.wait(_POLL_SECONDS):
            if not service.running:
                raise OperatorError(
                    "S107",
                    "the service ended",
                    expected="a worker that runs until it is told to stop",
                    got=service.said()[-500:].strip() or "no message",
                    fix="start it again; its log is complete",
                )
            if monotonic() - ticked > _TICK_SECONDS:
                tick()
                ticked = monotonic()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
