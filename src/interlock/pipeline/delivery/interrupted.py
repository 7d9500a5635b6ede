"""Deliveries whose process ended before they did: killed, out of memory, or by its own hand.

The ledger has them running for ever, since nobody was left to say otherwise. Invariants: a delivery
is interrupted where the ledger has it running and no living process holds its lock; whoever only
looks changes nothing, the next delivery puts it on record.
"""

from __future__ import annotations

from dataclasses import replace

from interlock.pipeline.alone import is_owned
from interlock.pipeline.delivery.goal import INTERRUPTED, RUNNING
from interlock.pipeline.places import Places
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow

SENTENCE = "its process ended before it did"


def as_it_is(ledger: Ledger, places: Places, row: DeliveryRow) -> DeliveryRow:
    """A delivery of the ledger as it is by now; an interrupted one says so, unrecorded."""
    if row.status != RUNNING or is_owned(places.owner(row.id)):
        return row
    now = ledger.deliveries.get(row.id) or row  # it may have come to its end meanwhile
    if now.status != RUNNING:
        return now
    return replace(now, status=INTERRUPTED, summary={"sentence": SENTENCE})


def record_interrupted(ledger: Ledger, places: Places, *, at: int) -> list[DeliveryRow]:
    """Put on record every delivery of the project that was interrupted; those that were not yet."""
    found = []
    for row in ledger.deliveries.newest(status=RUNNING):
        seen = as_it_is(ledger, places, row)
        if seen.status == INTERRUPTED:
            moved = ledger.deliveries.move(row.id, status=INTERRUPTED, at=at, summary=seen.summary)
            places.owner(row.id).unlink(missing_ok=True)
            found.append(moved)
    return found
