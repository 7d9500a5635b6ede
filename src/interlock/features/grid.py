"""The grid of a history: the moments at which its values exist.

>>> from interlock.clock import DAY, HOUR
>>> definition = HistoryDefinition(
...     name="m", source="s", entity=(), refresh=DAY, landing=HOUR, aggregates=(), digest="")
>>> grid_point(2 * DAY + HOUR, definition) == 2 * DAY, grid_point(2 * DAY, definition) == DAY
(True, True)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interlock.features.definition import HistoryDefinition


def grid_point(instant: int, definition: HistoryDefinition) -> int:
    """The last multiple of ``refresh`` whose values have landed by the instant (microseconds)."""
    return (instant - definition.landing) // definition.refresh * definition.refresh


def grid_points(
    instants: npt.NDArray[np.int64], definition: HistoryDefinition
) -> npt.NDArray[np.int64]:
    """:func:`grid_point` of each instant, shape ``(n_rows,)``."""
    steps: npt.NDArray[np.int64] = (instants - definition.landing) // definition.refresh
    return steps * definition.refresh
