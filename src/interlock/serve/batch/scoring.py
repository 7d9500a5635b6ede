"""Work done on other threads while this one goes on, its results in the order it was given.

Invariants: results come in the order of the items; no more than ``threads`` + 1 items are held at
a time; the items are made, and the results used, on the caller's thread.

>>> list(in_order([3, 1, 2], lambda n: n * 10, threads=2))
[(3, 30), (1, 10), (2, 20)]
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from interlock.release.scorers.onnx import OnnxScorer
from interlock.release.scorers.scorer import Scorer

Item = TypeVar("Item")
Result = TypeVar("Result")


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
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="interlock-score") as pool:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > threads:
                first, found = waiting.popleft()
                yield first, found.result()
        while waiting:
            first, found = waiting.popleft()
            yield first, found.result()


def scoring_threads(scorer: Scorer) -> int:
    """As many as there are cores for a graph; one for a model in its library's own code.

    ONNX Runtime promises that a session may be asked from several threads; the others do not all.
    """
    if not isinstance(scorer, OnnxScorer):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
