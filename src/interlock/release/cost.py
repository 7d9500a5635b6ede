"""What a packaged model costs to serve: counted, not timed, so that the same bytes cost the same.

A release is content-addressed and must come out the same on any day and machine; a stopwatch would
not. What is counted stands in for time for these reasons:

* an exported model is cheaper than a native one, whatever its size: the service scores it in one
  call of a compiled runtime, while a native one first loads the library that trained it, and passes
  its Python layers with every request;
* an exported model's *steps* are the comparisons on the longest way through each of its trees, the
  products and sums of its matrices and the width of its tables: what one answer takes at most. A
  comparison waits for memory more often than a product does, so counting both as one favours trees
  if anything, and linear models are far apart from them all the same;
* where the steps are the same, or not known (native formats), fewer *bytes* are cheaper: what must
  be shipped, verified, loaded and kept in the caches.

The encoder stands before every candidate and is left out.

>>> ServingCost(exported=True, steps=40, size=900) < ServingCost(exported=True, steps=41, size=1)
True
>>> ServingCost(exported=True, steps=9_999, size=9) < ServingCost(exported=False, steps=0, size=1)
True
>>> str(ServingCost(exported=True, steps=1_240, size=84_300))
'1,240 steps, 84,300 bytes'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interlock.wording import counted


@dataclass(frozen=True, kw_only=True)
class ServingCost:
    """``steps`` of one answer at most, 0 where they are not known; ``size`` in bytes."""

    exported: bool
    steps: int
    size: int

    @property
    def order(self) -> tuple[int, int, int]:
        """What costs are compared by: exported first, then fewer steps, then fewer bytes."""
        return (0 if self.exported else 1, self.steps if self.exported else 0, self.size)

    def __lt__(self, other: ServingCost) -> bool:
        return self.order < other.order

    def __str__(self) -> str:
        steps = counted(self.steps, "step") if self.exported else "native"
        return f"{steps}, {self.size:,} bytes"

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ServingCost:
        """The inverse of :meth:`to_row`."""
        return cls(**row)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)
