"""What a delivery has to tell of how its winner was chosen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.release.cost import ServingCost
from interlock.report.content import Ranked
from interlock.verdict import Interval


def tell_ranking(ranking: Iterable[Mapping[str, Any]]) -> tuple[Ranked, ...]:
    """The rows of :func:`interlock.pipeline.training.selecting.select`, best first."""
    return tuple(map(_ranked, ranking))


def _ranked(row: Mapping[str, Any]) -> Ranked:
    apart, interval = None, None
    if row["low"] is not None:
        interval = Interval(low=row["low"], high=row["high"])
    if row["difference"] is not None:
        apart = Estimate(value=row["difference"], interval=interval, n=row["n"], units=row["n"])
    return Ranked(
        name=row["name"],
        value=row["value"],
        difference=apart,
        cost=str(ServingCost.from_row(row["cost"])),
        chosen=row["chosen"],
        because=row["because"],
    )
