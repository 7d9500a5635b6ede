"""Whether a challenger fails too often to be asked any longer; one worker's view of it.

The champion answers for every request that the challenger fails, so a failing challenger costs its
users nothing but time; it is set aside all the same, as it tries nothing any more. At most one
answer in a hundred may fail. That more do, now or since some moment, must be so evident that it is
wrongly found once in a million rollouts, however long they run (:class:`Onset`): when it fails from
the first request on, that is the fourth failure; after any number of good answers the sixth in a
row.

Where several workers serve together, half of that chance is for what all of them saw, judged by
their parent (:mod:`interlock.serve.rollout.pool`); the other half is shared by the workers, each of
which stops asking at once when what it saw itself is enough.

Only what the challenger was asked counts: not what comes while its process is being started again,
nor what the champion refuses as well, nor a history that cannot be read.
"""

from __future__ import annotations

from typing import Any

from interlock.serve.rollout.evidence import Act, Counts, Evidence
from interlock.stats.onset import Onset

TOLERATED = 0.01  # of the answers
ENOUGH = 1e6  # one over the chance of setting aside one that fails no more often
ENOUGH_POOLED = 2 * ENOUGH
SET_ASIDE = "S163"
_NOT_ITS_OWN = frozenset({"S122", "S127"})  # the store's, and of who was never there


def enough_alone(workers: int) -> float:
    """The evidence that is enough for one of so many workers.

    >>> enough_alone(1) == ENOUGH, 1 / ENOUGH_POOLED + 4 / enough_alone(4) == 1 / ENOUGH
    (True, True)
    """
    return ENOUGH if workers == 1 else 2 * workers * ENOUGH


def begun(known: Evidence | None, act: Act) -> Evidence:
    """What a judge who is started again goes on from: what it knew of that act, or nothing."""
    if known is not None and known.act == act and known.onset.tolerated == TOLERATED:
        return known
    return Evidence(act=act, onset=Onset(tolerated=TOLERATED))


class Watch:
    """What became of the requests that the challenger was asked, and whether that is enough.

    Answers are noted by one thread; another may read what is known. ``known`` is what this worker
    knew before it was started again.
    """

    def __init__(self, *, enough: float = ENOUGH, known: Evidence | None = None) -> None:
        self._enough = enough
        onset = Onset(tolerated=TOLERATED) if known is None else known.onset
        self._failures = (onset, {} if known is None else known.codes)  # as of the last failure
        self._asked = onset.n
        self.why = "" if known is None else known.set_aside
        self.of_all = Counts()  # as the pool told it last

    @property
    def set_aside(self) -> bool:
        """Whether it is asked no more."""
        return bool(self.why)

    def note(self, code: str) -> None:
        """An answer, or the code of why there was none."""
        if self.why or code in _NOT_ITS_OWN:
            return
        asked = self._asked + 1
        if code:
            onset, codes = self._failures
            onset = onset.after(asked - onset.n, failures=1)
            self._failures = (onset, {**codes, code: codes.get(code, 0) + 1})
            if onset.evidence >= self._enough:
                self.why = str(self.counts)
        self._asked = asked

    def hangs(self, seconds: float) -> None:
        """It has not answered for so long, and keeps its worker from all else: once is enough."""
        self.why = self.why or f"it hung: no answer within {seconds:g} s"

    def hear(self, of_all: Evidence) -> None:
        """What the pool says: what all workers saw, and whether that is enough."""
        self.of_all = of_all.counts
        self.why = self.why or of_all.set_aside

    @property
    def counts(self) -> Counts:
        """What this worker saw."""
        return self._seen()[1]

    def evidence(self, act: Act) -> Evidence:
        """All that it knows, for whoever goes on from here."""
        onset, counts = self._seen()
        return Evidence(act=act, onset=onset, codes=counts.codes, set_aside=self.why)

    def _seen(self) -> tuple[Onset, Counts]:
        """At one moment: the failures are read last, and are part of what was asked by then."""
        asked = self._asked
        onset, codes = self._failures
        asked = max(asked, onset.n)
        return onset.after(asked - onset.n), Counts(asked=asked, codes=codes)

    def told(self) -> dict[str, Any]:
        """For the status: how many it was asked, how many it failed, and why it is set aside.

        ``all_workers``: what the workers of the service saw together.
        """
        own = self.counts
        of_all = max(own, self.of_all, key=lambda counts: counts.asked)  # there may be no pool
        return {
            "asked": own.asked,
            "failed": own.failed,
            "all_workers": {"asked": of_all.asked, "failed": of_all.failed},
            "set_aside": self.why or None,
        }
