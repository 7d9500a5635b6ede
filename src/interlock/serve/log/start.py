"""Where a worker's log goes on when its process starts: behind everything that was given out.

No sequence number and no segment's number is used twice, whatever the process before died of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from interlock.errors import OperatorError
from interlock.serve.log.segment import Damage, cut_torn_tail, list_segments, read_segment
from interlock.serve.log.tally import Tally, TallyFile


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


def recover_dead(directory: Path) -> None:
    """Set aside the torn tails of workers that died and were not started again.

    That of one that lives is being written. Raises OSError, IntegrityError S152.
    """
    newest = {segment.worker: segment for segment in list_segments(directory)}
    for worker, segment in newest.items():
        if not any(isinstance(found, Damage) and found.at_end for found in read_segment(segment)):
            continue
        try:
            tally = TallyFile.open(directory, worker)
        except OperatorError:
            continue
        try:
            tally.write(recover(directory, worker, tally.read()).tally)
        finally:
            tally.close()
