"""The parent of a worker waits: until it is told to stop, or until the worker ends."""

from __future__ import annotations

from collections.abc import Callable

from interlock.clock import monotonic
from interlock.errors import OperatorError
from interlock.serve.told import told_by_signals
from interlock.serve.workers.process import RunningService

_POLL_SECONDS = 0.2
_TICK_SECONDS = 5.0
_SHOWN = 500  # characters of what a worker wrote
_WHERE = "Current thread"  # as Python begins to say where the thread is that was told to abort


def until_told(
    service: RunningService,
    announce: Callable[[], None],
    tick: Callable[[], None] = lambda: None,
) -> None:
    """Wait for SIGINT or SIGTERM, or for the worker's end; ``tick`` every few seconds.

    One that attends to nothing any more is ended.

    ``announce`` is called once signals are waited for: who reads that the service answers may tell
    it to stop at once. Raises OperatorError S107 when the worker ends by itself.
    """
    ticked = monotonic()
    with told_by_signals() as told:
        announce()
        while not told.wait(_POLL_SECONDS):
            service.end_if_stuck()
            if not service.running:
                raise OperatorError(
                    "S107",
                    "the service hung and was ended" if service.stuck else "the service ended",
                    expected="a worker that runs until it is told to stop",
                    got=_last_words(service) or "no message",
                    fix="start it again; its log is complete",
                )
            if monotonic() - ticked > _TICK_SECONDS:
                tick()
                ticked = monotonic()


def _last_words(service: RunningService) -> str:
    """The end of what it wrote; of one that hung, where its loop was, which stands before that."""
    said = service.said()
    place = said.rfind(_WHERE) if service.stuck else -1
    return (said[place : place + _SHOWN] if place >= 0 else said[-_SHOWN:]).strip()
