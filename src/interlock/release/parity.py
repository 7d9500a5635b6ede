"""Does the packaged model answer as the trained one did? The numbers behind that check.

Trees must agree to the bit, linear models within 1e-12 relative; rows are held-out ones and
:func:`edge_rows`, which lie where answers jump: on every threshold and one unit in the last place
beside it, missing, infinite, tiny and huge values, category codes known and unknown.

>>> exactness = compare(np.array([[1.0], [2.0]]), np.array([[1.0], [2.5]]))
>>> exactness
Exactness(rows=2, bit_identical=1, worst_absolute=0.5, worst_relative=0.25)
>>> exactness.within(0.0)
False
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.release.export.exported import Edges

Matrix = NDArray[np.float64]

MAX_EDGE_ROWS = 2_000
_TINY = (0.0, -0.0, 5e-324, -5e-324, 1e-300, -1e-300)
_MANY = 64  # category codes tried a column


@dataclass(frozen=True, kw_only=True)
class Exactness:
    """How closely two sets of raw scores agree.

    ``bit_identical`` counts rows all of whose outputs have equal bits. ``worst_relative`` is
    relative to the value or to the median size of the values, whichever is larger, as a sum that
    cancels has few digits to compare; it is infinite where one is finite and the other not.
    """

    rows: int
    bit_identical: int
    worst_absolute: float
    worst_relative: float

    def within(self, tolerance: float) -> bool:
        """Whether all rows agree: to the bit for 0, else within the relative tolerance."""
        if self.rows == 0:
            return False
        identical = self.bit_identical == self.rows
        return identical or (tolerance > 0 and self.worst_relative <= tolerance)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; an infinite distance becomes None."""
        return {k: None if v == np.inf else v for k, v in asdict(self).items()}


def compare(native: Matrix, exported: Matrix) -> Exactness:
    """Compare two (n_rows, n_outputs) float64 arrays; raises ValueError for unequal shapes."""
    if native.shape != exported.shape:
        raise ValueError(f"shapes must be equal, got {native.shape} and {exported.shape}")
    first, second = (np.ascontiguousarray(a, dtype=np.float64) for a in (native, exported))
    equal = first.view(np.int64) == second.view(np.int64)
    distance = np.zeros(first.shape)
    finite = np.isfinite(first) & np.isfinite(second)
    np.subtract(first, second, out=distance, where=finite)
    distance = np.abs(distance)
    distance[~finite & ~equal] = np.inf
    size = np.abs(np.where(finite, first, 1.0))
    scale = np.maximum(size, float(np.median(size)) if size.size else 1.0)
    relative = distance / np.where(scale > 0, scale, 1.0)
    return Exactness(
        rows=len(first),
        bit_identical=int(equal.all(axis=1).sum()),
        worst_absolute=float(distance.max(initial=0.0)),
        worst_relative=float(relative.max(initial=0.0)),
    )


def edge_values(edges: Edges) -> dict[int, list[float]]:
    """Each matrix column's thresholds with their two neighbours, ascending, all finite.

    For probes that craft requests whose numeric fields lie where the model's answer jumps.
    """
    return {column: _neighbours(values) for column, values in edges.thresholds.items()}


def edge_rows(edges: Edges, matrix: Matrix, *, limit: int = MAX_EDGE_ROWS) -> Matrix:
    """At most ``limit`` rows at the model's edges, (n_rows, n_columns), the same each time.

    Built from rows of ``matrix``, spread evenly: first each column alone takes its special values,
    then every second column takes the next of its thresholds and their neighbours.
    """
    n_columns = matrix.shape[1]
    if len(matrix) == 0:
        raise ValueError("edge rows are made from rows of the matrix, got none")
    alone = [
        (column, value)
        for column in range(n_columns)
        for value in _specials(column, edges, matrix[:, column])
    ]
    alone = _spread(alone, limit // 2)
    together = _together(edges, limit - len(alone))
    base = matrix[np.linspace(0, len(matrix) - 1, len(alone) + len(together)).astype(int)].copy()
    for row, (column, value) in enumerate(alone):
        base[row, column] = value
    for row, changes in enumerate(together, start=len(alone)):
        for column, value in changes.items():
            base[row, column] = value
    return np.ascontiguousarray(base)


def _neighbours(values: Sequence[float]) -> list[float]:
    finite = np.array([v for v in values if np.isfinite(v)])
    with np.errstate(over="ignore"):
        around = np.concatenate([finite, *(np.nextafter(finite, to) for to in (-np.inf, np.inf))])
    return [float(v) for v in np.unique(around) if np.isfinite(v)]


def _specials(column: int, edges: Edges, seen: Matrix) -> list[float]:
    """Values that a column alone may take: those which the estimator accepts there."""
    missing = [np.nan] if edges.missing or bool(np.isnan(seen).any()) else []
    if column in edges.codes:
        codes = _spread(list(edges.codes[column]), _MANY)
        return [*codes, max(edges.codes[column], default=0.0) + 1.0, *missing]
    huge = [1e300, -1e300, np.inf, -np.inf] if edges.infinite else [1e6, -1e6]
    return [*_TINY, *huge, *missing]


def _together(edges: Edges, limit: int) -> list[dict[int, float]]:
    """Changes of many columns at once, until each threshold has had its turn or at the limit."""
    values = {column: v for column, v in edge_values(edges).items() if v}
    if not values:
        return []
    step = min(2, len(values))
    rows = min(limit, step * max(len(v) for v in values.values()))
    turns = {column: cycle(_spread(v, rows // step)) for column, v in values.items()}
    return [
        {column: next(turns[column]) for column in islice(values, row % step, None, step)}
        for row in range(rows)
    ]


def _spread(items: list[Any], limit: int) -> list[Any]:
    """At most ``limit`` of the items, evenly spread, first and last among them."""
    if len(items) <= limit:
        return items
    return [items[i] for i in np.linspace(0, len(items) - 1, limit).astype(int)]
