"""What those who judge a challenger know of it, on file beside the log.

One small file a judge, replaced whole: ``<log>/<worker>.rollout.json`` of each worker, and
``<log>/pool.rollout.json`` of their parent, who judges by what all of them saw. It is the memory of
who is started again, and what the status, ``interlock rollout show`` and whoever can end a rollout
read: a worker holds no ledger and no key, so it can only stop asking.

Invariants: a file counts for the very act on the rollout that it names, so an old one says nothing
of a later rollout; what cannot be read counts as not said; there are counts and codes in it, and
nothing of a request.

>>> import tempfile
>>> place = Path(tempfile.mkdtemp())
>>> act = Act(generation=3, revision=1, digest="d", release="1.1.0")
>>> found = Evidence(act=act, onset=Onset(tolerated=0.01).after(4, 4), codes={"S125": 4})
>>> leave(place, "w0", found)
>>> left(place) == {"w0": found}, str(found)
(True, '4 of 4 answers failed (4 × S125)')
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from interlock.stats.onset import Onset
from interlock.store.rows import RolloutRow

POOL = "pool"
_ENDING = ".rollout.json"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Which challenger, in which act on its rollout."""

    generation: int
    revision: int
    digest: str
    release: str


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many answers were asked for, and how many failed with which code."""

    asked: int = 0
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many failed."""
        return sum(self.codes.values())

    def since(self, before: Counts) -> Counts:
        """What came after ``before``; all of it, where that is no part of it.

        >>> Counts(asked=9, codes={"S125": 2}).since(Counts(asked=5, codes={"S125": 1}))
        Counts(asked=4, codes={'S125': 1})
        >>> Counts(asked=3).since(Counts(asked=5))
        Counts(asked=3, codes={})
        """
        asked = self.asked - before.asked
        more = {code: n - before.codes.get(code, 0) for code, n in self.codes.items()}
        lacking = set(before.codes) - set(self.codes)
        if lacking or min((asked, *more.values())) < 0 or sum(more.values()) > asked:
            return self
        return Counts(asked=asked, codes={code: n for code, n in more.items() if n})

    def __str__(self) -> str:
        why = ", ".join(f"{n} × {code}" for code, n in sorted(self.codes.items()))
        return f"{self.failed:,} of {self.asked:,} answers failed" + (f" ({why})" if why else "")


def total(counts: Iterable[Counts]) -> Counts:
    """Of several together."""
    asked, codes = 0, Counter[str]()
    for each in counts:
        asked += each.asked
        codes.update(each.codes)
    return Counts(asked=asked, codes=dict(codes))


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge has seen of a challenger; ``set_aside`` is why it asks it no more, or "".

    ``taken`` is what the pool has of each worker.
    """

    act: Act
    onset: Onset
    codes: dict[str, int] = {}
    taken: dict[str, Counts] = {}
    set_aside: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError where the codes are not those of the failures."""
        if min((0, *self.codes.values())) < 0 or sum(self.codes.values()) != self.onset.failures:
            raise ValueError("the codes are not those of the failures")

    @property
    def counts(self) -> Counts:
        """How many it was asked, and how many of that it failed."""
        return Counts(asked=self.onset.n, codes=self.codes)

    def __str__(self) -> str:
        return str(self.counts)


def leave(log: Path, judge: str, evidence: Evidence) -> None:
    """Put it on file. Raises OSError."""
    path = log / f"{judge}{_ENDING}"
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(msgspec.json.encode(evidence))
    new.replace(path)


def left(log: Path) -> dict[str, Evidence]:
    """What each judge left last, by its name; nothing, where the folder cannot be read."""
    try:
        judges = sorted(path.name.removesuffix(_ENDING) for path in log.glob(f"*{_ENDING}"))
    except OSError:
        return {}
    found = {judge: left_by(log, judge) for judge in judges}
    return {judge: evidence for judge, evidence in found.items() if evidence is not None}


def left_by(log: Path, judge: str) -> Evidence | None:
    """What that one left last."""
    try:
        return msgspec.json.decode((log / f"{judge}{_ENDING}").read_bytes(), type=Evidence)
    except (OSError, msgspec.MsgspecError):
        return None


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the workers of a service saw of a challenger; ``set_aside`` is why it is asked no more.

    Since the last act on its rollout; "" where it still is asked.
    """

    counts: Counts
    set_aside: str = ""


def seen(log: Path, row: RolloutRow) -> Seen | None:
    """What is on file about that act; None where no service has said anything yet."""
    act = Act(
        generation=row.generation, revision=row.revision, digest=row.bundle, release=row.label
    )
    found = {judge: one for judge, one in left(log).items() if one.act == act}
    if not found:
        return None
    workers = total(one.counts for judge, one in found.items() if judge != POOL)
    pool = found[POOL].counts if POOL in found else workers
    counts = max(workers, pool, key=lambda one: one.asked)  # the pool knows of crashes, and later
    verdicts = [one.set_aside for one in found.values() if one.set_aside]
    return Seen(counts=counts, set_aside=next(iter(verdicts), ""))
