"""History features as a product declares them: windowed aggregates of a source, per entity.

>>> from interlock.features.aggregates import History, count, median
>>> median("price", "180d").window
'180d'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interlock.data.source import Source
    from interlock.features.declare import RequestFeature

Default = float | int | str | None


@dataclass(frozen=True, kw_only=True)
class DeclaredAggregate:
    """What to compute; its name comes from the keyword it is given under. Spans as '180d'."""

    function: str
    column: str | None = None
    window: str | None = None
    ttl: str | None = None
    default: Default = None


def _aggregate(function: str, column: str | None, window: str | None, default: Default) -> Any:
    return DeclaredAggregate(
        function=function,
        column=column,
        window=window,
        default=default,
    )


def count(window: str | None = None) -> DeclaredAggregate:
    """The number of rows in the window; 0 for an entity never seen."""
    found: DeclaredAggregate = _aggregate("count", None, window, 0)
    return found


def total(column: str, window: str | None = None, *, default: Default = None) -> DeclaredAggregate:
    """The sum of a column over the window, skipping nulls. Declared as ``il.sum``."""
    found: DeclaredAggregate = _aggregate("sum", column, window, default)
    return found


def mean(column: str, window: str | None = None, *, default: Default = None) -> DeclaredAggregate:
    """The mean of a column over the window, skipping nulls."""
    found: DeclaredAggregate = _aggregate("mean", column, window, default)
    return found


def minimum(
    column: str, window: str | None = None, *, default: Default = None
) -> DeclaredAggregate:
    """The least value of a column in the window. Declared as ``il.min``."""
    found: DeclaredAggregate = _aggregate("min", column, window, default)
    return found


def maximum(
    column: str, window: str | None = None, *, default: Default = None
) -> DeclaredAggregate:
    """The greatest value of a column in the window. Declared as ``il.max``."""
    found: DeclaredAggregate = _aggregate("max", column, window, default)
    return found


def median(column: str, window: str | None = None, *, default: Default = None) -> DeclaredAggregate:
    """The median of a column over the window; the mean of the middle two of an even count."""
    found: DeclaredAggregate = _aggregate("median", column, window, default)
    return found


def latest(
    column: str, window: str | None = None, *, ttl: str | None = None, default: Default = None
) -> DeclaredAggregate:
    """The newest row's value by event time; missing when older than ``ttl``."""
    return DeclaredAggregate(
        function="latest",
        column=column,
        window=window,
        ttl=ttl,
        default=default,
    )


@dataclass(frozen=True, init=False)
class History:
    """Aggregates of one source's rows for one entity, refreshed together on a fixed grid.

    ``by`` is a column that is also a request field, a request feature, or several of them.
    ``refresh`` is the grid's step, ``landing`` how long after a grid point its values are there.
    """

    source: Source
    by: tuple[str | RequestFeature, ...]
    refresh: str
    landing: str
    name: str
    aggregates: dict[str, DeclaredAggregate] = field(hash=False)

    def __init__(
        self,
        source: Source,
        *,
        by: str | RequestFeature | tuple[str | RequestFeature, ...],
        refresh: str,
        landing: str = "0s",
        name: str = "",
        **aggregates: DeclaredAggregate,
    ) -> None:
        keys = by if isinstance(by, tuple) else (by,)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "by", keys)
        object.__setattr__(self, "refresh", refresh)
        object.__setattr__(self, "landing", landing)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "aggregates", dict(aggregates))

    @property
    def entity_names(self) -> tuple[str, ...]:
        """The names of the entity's keys."""
        return tuple(key if isinstance(key, str) else key.name for key in self.by)
