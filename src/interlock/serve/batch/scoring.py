"""Work done on other threads while this one goes on, its results in the order it was given.

Invariants: results come in the order of the items; no more than ``threads`` + 1 items are held at
a time; the items are made, and the results used, on the caller's thread. Who is interrupted, or
stops using the results, waits for none: a model that hangs keeps no command from ending.

>>> list(in_order([3, 1, 2], lambda n: n * 10, threads=2))
[(3, 30), (1, 10), (2, 20)]
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import TypeAlias, TypeVar

from interlock.apart import Apart
from interlock.release.scorers.onnx import OnnxScorer
from interlock.release.scorers.scorer import Scorer

Item = TypeVar("Item")
Result = TypeVar("Result")
_END_SECONDS = 60.0
_Job: TypeAlias = tuple[Item, Future[Result]]


def in_order(
    items: Iterable[Item], work: Callable[[Item], Result], *, threads: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with what ``work`` makes of it; without threads on this one.

    Raises what ``items`` or ``work`` raise, in the item's turn.
    """
    if threads < 1:
        for item in items:
            yield item, work(item)
        return
    jobs: SimpleQueue[_Job[Item, Result] | None] = SimpleQueue()
    crew = [Apart(partial(_work, jobs, work)) for _ in range(threads)]
    waiting: deque[_Job[Item, Result]] = deque()
    try:
        for item in items:
            waiting.append((item, Future()))
            jobs.put(waiting[-1])
            if len(waiting) > threads:
                yield _done(waiting.popleft())
        while waiting:
            yield _done(waiting.popleft())
    finally:
        for _, future in waiting:
            future.cancel()
        for _ in crew:
            jobs.put(None)
    for one in crew:
        one.wait(_END_SECONDS)  # it has nothing left to do


def _work(jobs: SimpleQueue[_Job[Item, Result] | None], work: Callable[[Item], Result]) -> None:
    while (job := jobs.get()) is not None:
        item, future = job
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(work(item))
        except BaseException as error:  # noqa: BLE001 - raised again in the item's turn
            future.set_exception(error)
        del job, item, future  # what they hold is large


def _done(job: _Job[Item, Result]) -> tuple[Item, Result]:
    item, future = job
    return item, future.result()


def scoring_threads(scorer: Scorer) -> int:
    """As many as there are cores for a graph; one for a model in its library's own code.

    ONNX Runtime promises that a session may be asked from several threads; the others do not all.
    """
    if not isinstance(scorer, OnnxScorer):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
