"""From probabilities to the class that is answered, where that is not the likeliest one.

Invariants: many rows get what one row gets, to the bit; only NumPy is imported; a probability that
is NaN decides nothing worth having, the same for many rows and for one.

>>> Decision(threshold=0.2).classes(np.array([[0.7, 0.3], [0.9, 0.1]])).tolist()
[1, 0]
>>> costs = ((0.0, 1.0, 9.0), (1.0, 0.0, 9.0), (5.0, 5.0, 0.0))
>>> Decision(costs=costs).class_one((0.6, 0.3, 0.1))
0
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Matrix: TypeAlias = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Either ``threshold``: of two classes the second from this probability on; or ``costs``, of
    each true class (rows) answered as each class (columns): the class of least expected cost, of
    equals the first.

    Elkan (2001), "The foundations of cost-sensitive learning". Raises ValueError unless one of the
    two is given.
    """

    threshold: float | None = None
    costs: Matrix | None = None

    def __post_init__(self) -> None:
        if (self.threshold is None) == (self.costs is None):
            raise ValueError("a decision needs either a threshold or costs")

    def classes(self, probabilities: Floats) -> NDArray[np.intp]:
        """The index of the class to answer, (n_rows,), for probabilities (n_rows, n_classes)."""
        if self.costs is None:
            assert self.threshold is not None
            return np.asarray(probabilities[:, 1] >= self.threshold, dtype=np.intp)
        expected = np.zeros((len(probabilities), len(self.costs)))
        for true, row in enumerate(self.costs):  # in this order, as class_one adds
            expected += probabilities[:, true : true + 1] * np.array(row)
        return np.asarray(np.argmin(expected, axis=1), dtype=np.intp)

    def class_one(self, probabilities: Sequence[float]) -> int:
        """The index of the class to answer to one row."""
        if self.costs is None:
            assert self.threshold is not None
            return int(probabilities[1] >= self.threshold)
        expected = [0.0] * len(self.costs)
        for share, row in zip(probabilities, self.costs, strict=True):
            for answered, cost in enumerate(row):
                expected[answered] += share * cost
        return _least(expected)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, of the one that is given."""
        if self.costs is None:
            return {"threshold": self.threshold}
        return {"costs": [list(row) for row in self.costs]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Decision:
        """The inverse of :meth:`to_row`."""
        costs = row.get("costs")
        return cls(
            threshold=row.get("threshold"),
            costs=None if costs is None else tuple(tuple(map(float, each)) for each in costs),
        )


def _least(expected: Sequence[float]) -> int:
    """As np.argmin: the first NaN, else the first of the least."""
    best = 0
    for place, value in enumerate(expected):
        if value != value:
            return place
        if value < expected[best]:
            best = place
    return best
