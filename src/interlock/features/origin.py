"""What a history's aggregate is made of, in a line.

>>> visits = Aggregate(name="visits_7d", function="count", column=None, window=604_800_000_000,
...                    ttl=None, default=0, kind="int")
>>> shops = HistoryDefinition(name="shops", source="visits", entity=(("shop", "str"),),
...     refresh=86_400_000_000, landing=0, aggregates=(visits,), digest="")
>>> made_of(shops, visits), span_of(shops, visits)
('visits: count(*) by shop', '7d, every 1d')
"""

from __future__ import annotations

from interlock.clock import format_span
from interlock.features.definition import Aggregate, HistoryDefinition


def made_of(history: HistoryDefinition, wanted: Aggregate) -> str:
    """'visits: count(*) by shop where amount > 3'."""
    over = f"{wanted.function}({wanted.column or '*'})"
    if history.sql is not None:
        over = "SQL"
    elif wanted.quantile is not None:
        over = f"quantile({wanted.column}, {wanted.quantile:g})"
    where = f" where {wanted.where}" if wanted.where else ""
    return f"{history.source}: {over} by {', '.join(name for name, _ in history.entity)}{where}"


def span_of(history: HistoryDefinition, wanted: Aggregate) -> str:
    """'7d, every 1d': how far back it looks, and how often it is made anew."""
    every = f"every {format_span(history.refresh)}"
    if history.sql is not None:
        return every
    return f"{format_span(wanted.window)}, {every}" if wanted.window else f"all, {every}"
