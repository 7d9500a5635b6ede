"""What can be wrong with how examples are split."""

from __future__ import annotations

from interlock.errors import Mistake, collecting
from interlock.product.declaration import Declaration
from interlock.train.split import TimeSplit


def split_mistakes(product: Declaration) -> list[Mistake]:
    """Spans or shares that cannot be used; and a split by time needs a time."""
    source = product.examples.source
    found: list[Mistake] = []
    if product.split is not None:
        with collecting(found, where=f"split=il.{type(product.split).__name__}(…)"):
            product.split.validate()
    if isinstance(product.split, TimeSplit) and source.event_time is None:
        return [
            *found,
            Mistake(
                code="C140",
                what="a split by time needs examples that have a time",
                where=f"source {source.name}",
                expected="event_time='…' on the source, or split=il.HashSplit(test=0.2)",
                got="no event time",
                fix="declare event_time, or split by hash",
            ),
        ]
    return found
