"""Where a worker's log goes on when its process starts: behind everything that was given out.

No sequence number and no segment's number is used twice, whatever the process before died of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from interlock.serve.log.segment import cut_torn_tail, list_segments
from interlock.serve.log.tally import Tally


@dataclass(frozen=True, kw_only=True)
class Start:
    """The counts so far, and the number of the next segment."""

    tally: Tally
    number: int


def recover(directory: Path, worker: str, tally: Tally) -> Start:
    """Cut the newest segment's torn tail; an older one is looked at where that has no beginning.

    Raises OSError.
    """
    mine = [segment for segment in list_segments(directory) if segment.worker == worker]
    number = mine[-1].number + 1 if mine else 0
    following, torn = tally.next_sequence, 0
    for segment in reversed(mine):
        last, cut = cut_torn_tail(segment)
        torn += cut
        if last is not None:
            following = max(following, last + 1)
            break
    return Start(tally=replace(tally, next_sequence=following, cut=tally.cut + torn), number=number)
