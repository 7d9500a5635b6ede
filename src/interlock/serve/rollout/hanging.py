"""Whether an answer that is asked for in one thread hangs, as another thread sees it.

The thread that asks cannot know: it waits. The other looks twice a second, and counts its looks and
not the clock, so that a machine that was suspended makes nobody hang.

>>> under_way = UnderWay(1.0)
>>> with under_way:
...     [under_way.hangs() for _ in range(4)]
[False, False, True, True]
>>> under_way.hangs()
False
"""

from __future__ import annotations

from interlock.serve.rollout.exchange import EVERY_SECONDS

HANGING_SECONDS = 30.0  # unless the service says otherwise


class UnderWay:
    """Is entered with each question, and left with its answer."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._asked = 0  # questions
        self._now = 0  # the number of the one under way
        self._seen = 0  # at the last look
        self._looks = 0  # at which the same one was under way before

    def __enter__(self) -> None:
        self._asked += 1
        self._now = self._asked

    def __exit__(self, *_: object) -> None:
        self._now = 0

    def hangs(self) -> bool:
        """Whether one is under way for so long; to be asked every half second."""
        now = self._now
        self._looks = self._looks + 1 if now and now == self._seen else 0
        self._seen = now
        return self._looks * EVERY_SECONDS >= self.seconds
