"""Whether the sources, as they are now, still hold a unit.

They are somebody else's and never written: who erases is told, since deliveries and refreshes take
what they hold.
"""

from __future__ import annotations

from dataclasses import dataclass

from interlock.data.revisions import FOREVER
from interlock.data.taking import take
from interlock.errors import AuthorError
from interlock.pipeline.erasing.unit import Unit
from interlock.product.binding import Bound


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The names of sources that ``hold`` the unit, and of those that could not be read."""

    hold: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()


def search_sources(bound: Bound, unit: Unit) -> Sources:
    """Look into every row of every source, known by now or not, sound or not."""
    found = {name: _holds(bound, name, unit) for name in bound.sources}
    return Sources(
        hold=tuple(name for name, holds in found.items() if holds),
        unreadable=tuple(name for name, holds in found.items() if holds is None),
    )


def _holds(bound: Bound, name: str, unit: Unit) -> bool | None:
    """None where it cannot be read."""
    source = bound.sources[name]
    try:
        taken = take(source, project_dir=bound.project_dir, as_of=FOREVER, zone=bound.zone)
    except AuthorError:
        return None
    rows = [unit.rows(table) for table in (taken.revisions, taken.quarantined)]
    return any(bool(some.any()) for some in rows if some is not None)
