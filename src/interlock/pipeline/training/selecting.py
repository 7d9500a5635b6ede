"""Who wins, by what was packaged: the metric on the tune rows, and the cost of serving breaks ties.

Baselines are yardsticks and take no part. What a search chose within a candidate stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.digest import seed_from
from interlock.evaluate.selection import Ranked, rank
from interlock.pipeline.context import Context
from interlock.pipeline.training.ranking import Ranking
from interlock.pipeline.training.seen import load_predicted
from interlock.release.cost import ServingCost


def select(
    context: Context,
    described: Mapping[str, Mapping[str, Any]],
    ranking: Ranking,
    *,
    seed_root: str,
) -> list[dict[str, Any]]:
    """A plain JSON row a candidate, best first.

    ``described`` rows hold the blobs of what was predicted for the tune rows, and the cost. At most
    one row is chosen, and one is unless there are none.
    """
    scored = {
        name: row
        for name, row in described.items()
        if not row["baseline"] and row["failure"] is None and row["tune"] is not None
    }
    found = rank(
        ranking.metric,
        ranking.y,
        {
            name: load_predicted(context, row["tune_predicted"]).beside(ranking.rows)
            for name, row in scored.items()
        },
        {name: ServingCost.from_row(row["cost"]) for name, row in scored.items()},
        seed=seed_from("selection", seed_root),
        clusters=ranking.clusters,
    )
    return [_row(place, scored[place.name]["cost"]) for place in found]


def _row(place: Ranked, cost: Mapping[str, Any]) -> dict[str, Any]:
    apart = place.difference
    interval = apart.interval if apart else None
    return {
        "name": place.name,
        "value": place.value,
        "difference": None if apart is None or apart.value != apart.value else apart.value,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "n": apart.n if apart else None,
        "cost": dict(cost),
        "tied": place.tied,
        "chosen": place.chosen,
        "because": place.because,
    }


def winner_of(selection: Sequence[Mapping[str, Any]]) -> str | None:
    """The candidate that was chosen; None where none could be ranked."""
    return next((str(row["name"]) for row in selection if row["chosen"]), None)
