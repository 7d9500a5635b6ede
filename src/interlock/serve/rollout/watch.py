"""Whether a challenger fails too often to be asked any longer; one worker's view of it.

The champion answers for every request that the challenger fails, so a failing challenger costs its
users nothing but time; it is set aside all the same, as it tries nothing any more. At most one
answer in a hundred may fail. That more do, now or since some moment, must be so evident that it is
wrongly found once in a million rollouts, however long they run (:class:`Onset`): when it fails from
the first request on, that is the fourth failure; after 100,000 good answers the tenth in a row.

Only what the challenger was asked counts: not what comes while its process is being started again,
nor what the champion refuses as well, nor a history that cannot be read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from interlock.stats.onset import Onset

TOLERATED = 0.01  # of the answers
ENOUGH = 1e6  # one over the chance of setting aside one that fails no more often
SET_ASIDE = "S163"
_NOT_ITS_OWN = frozenset({"S122", "S127"})  # the store's, and of who was never there


class Watch:
    """What became of the requests that the challenger was asked, and whether that is enough."""

    def __init__(self, tell: Callable[[str], None] = lambda why: None) -> None:
        """``tell`` is called once, when it is set aside, with the reason."""
        self._tell = tell
        self._onset = Onset(tolerated=TOLERATED)
        self._codes: Counter[str] = Counter()
        self.set_aside = False

    def note(self, code: str) -> None:
        """An answer, or the code of why there was none."""
        if self.set_aside or code in _NOT_ITS_OWN:
            return
        self._onset.add(bool(code))
        if code:
            self._codes[code] += 1
            self.set_aside = self._onset.evidence >= ENOUGH
        if self.set_aside:
            self._tell(str(self))

    def told(self) -> dict[str, Any]:
        """For the status: how many it was asked, how many it failed, and why it is set aside."""
        return {
            "asked": self._onset.n,
            "failed": self._onset.failures,
            "set_aside": str(self) if self.set_aside else None,
        }

    def __str__(self) -> str:
        why = ", ".join(f"{n} × {code}" for code, n in sorted(self._codes.items()))
        return f"{self._onset.failures} of {self._onset.n} answers failed ({why})"
