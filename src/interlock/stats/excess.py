"""Whether a rate has risen: by more than chance allows, and by enough to matter.

>>> highest_rate(0.10, 1_000, margin=0.01) == 0.10 + 3 * (0.10 * 0.90 / 1_000) ** 0.5
True
>>> highest_rate(0.0, 1_000, margin=0.01)
0.01
"""

from __future__ import annotations

import math


def highest_rate(reference: float, rows: int, *, margin: float) -> float:
    """The highest rate among ``rows`` that the reference's rate accounts for.

    Three standard errors above it (Shewhart's p-chart: "Economic Control of Quality of Manufactured
    Product", 1931), and ``margin`` at least, which also holds where the reference was never
    anything but 0 or 1 and the standard error vanishes. Raises ValueError for a rate that is none,
    or without rows.
    """
    if not 0 <= reference <= 1 or rows < 1:
        raise ValueError(f"a rate in [0, 1] and rows are needed, got {reference} and {rows}")
    chance = 3 * math.sqrt(reference * (1 - reference) / rows)
    return reference + max(chance, margin)
