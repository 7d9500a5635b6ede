"""How soon the service is ready: started several times from nothing, one after the other.

The bundle's files are in the page cache by then; what is measured is the interpreter, the imports,
the verification, the loading and the warming up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import structs

from interlock.clock import monotonic
from interlock.gates.service.start import FEWEST_STARTS
from interlock.serve.plan import ServePlan
from interlock.serve.workers.process import RunningService


def cold_starts(
    launch: Callable[[ServePlan], RunningService],
    plan: ServePlan,
    place: Path,
    *,
    starts: int = FEWEST_STARTS,
) -> tuple[float, ...]:
    """Seconds from each start of a process until it said that it was ready; each is then stopped.

    Raises OperatorError or IntegrityError when one does not get ready.
    """
    found = []
    for number in range(starts):
        begun = monotonic()
        service = launch(structs.replace(plan, log=str(place / f"start-{number}")))
        found.append(monotonic() - begun)
        service.stop()
    return tuple(found)
