"""What all workers of a service saw of a challenger, judged together by their parent.

Each worker leaves what it has seen on file (:mod:`interlock.serve.rollout.evidence`). The parent
adds what has come since it looked last to one sequence, as one lot: so N workers under a N-th of
the traffic each find a failing challenger as soon as one would. Its verdict is on file too, and all
workers hear of it; what one of them found by itself holds for all. A worker that crashed while a
challenger answered is a failed answer, too: what it was asked last, it cannot tell any more.

The hypothesis is about that sequence: of the answers that are not yet in it, each fails with
probability at most 1 %, given all that is. When workers tell, and when the parent looks, is a
matter of clocks, not of what was seen (but for a worker that has set the challenger aside, which
counts none any more).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from interlock.clock import monotonic
from interlock.serve.rollout.evidence import POOL, Act, Counts, Evidence, leave, left, total
from interlock.serve.rollout.target import Target
from interlock.serve.rollout.watch import ENOUGH_POOLED, begun

LOOK_SECONDS = 0.25
CRASHED = "worker crashed"  # in place of a code
_PARENT = "parent"


def pooled(known: Evidence, said: Mapping[str, Evidence]) -> Evidence:
    """What is known, with what the workers say that is new; and the verdict on all of it."""
    about = {name: one for name, one in said.items() if one.act == known.act}
    new = total(
        one.counts.since(known.taken[name]) if name in known.taken else one.counts
        for name, one in about.items()
    )
    onset = known.onset.after(new.asked, new.failed)
    found = replace(
        known,
        onset=onset,
        codes=total((known.counts, new)).codes,
        taken={**known.taken, **{name: one.counts for name, one in about.items()}},
    )
    return replace(found, set_aside=known.set_aside or _verdict(found, about))


def _verdict(found: Evidence, about: Mapping[str, Evidence]) -> str:
    """Why the challenger is to be asked no more; "" where it may be."""
    for name, one in sorted(about.items()):
        if one.set_aside:
            return f"{name}: {one.set_aside}"
    return f"of all workers, {found}" if found.onset.evidence >= ENOUGH_POOLED else ""


class Pool:
    """The parent's side: looks at what the workers left beside the log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._known: Evidence | None = None
        self._left: Evidence | None = None  # what is on file
        self._before = 0  # crashes that are not this act's
        self._due = 0.0

    def look(self, target: Target, crashes: int) -> None:
        """Judge anew, if it is time and a challenger answers. Never raises for the disk.

        ``crashes`` is how many workers have crashed since the service began.
        """
        if target.rival is None or monotonic() < self._due:
            return
        self._due = monotonic() + LOOK_SECONDS
        act = act_of(target)
        said = left(self._log)
        known = self._known
        if known is None or known.act != act:
            known = begun(said.get(POOL), act)
            self._before = crashes - known.taken.get(_PARENT, Counts()).asked
        if crashes > self._before:
            said[_PARENT] = _crashed(act, crashes - self._before)
        found = pooled(known, {name: one for name, one in said.items() if name != POOL})
        self._known = found
        if found != self._left:
            with suppress(OSError):  # a full disk: each worker judges by itself, until it takes it
                self._tell(found)

    def _tell(self, found: Evidence) -> None:
        leave(self._log, POOL, found)
        before, self._left = self._left, found
        told = before is not None and before.act == found.act and before.set_aside
        if found.set_aside and not told:
            why = f"{found.act.release} is set aside: {found.set_aside}"
            print(why, file=sys.stderr, flush=True)


def _crashed(act: Act, crashes: int) -> Evidence:
    """What the parent itself saw fail."""
    onset = begun(None, act).onset.after(crashes, crashes)
    return Evidence(act=act, onset=onset, codes={CRASHED: crashes})


def act_of(target: Target) -> Act:
    """What a target that has a rival is evidence about."""
    rival = target.rival
    assert rival is not None
    return Act(
        generation=target.generation,
        revision=target.revision,
        digest=rival.digest,
        release=rival.label,
    )
