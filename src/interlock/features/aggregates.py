"""History features as a product declares them: windowed aggregates of a source, per entity.

Every aggregate takes ``where``, a condition on the row (:mod:`interlock.features.where`), ``ttl``,
an age beyond which no row counts, and ``default``, the value where no row counts. Several windows
make several aggregates.

>>> from interlock.features.aggregates import History, count, median
>>> median("price", "180d").window
'180d'
>>> from interlock.data.source import Source
>>> sales = Source("sales.parquet", key="id", event_time="sold_on")
>>> market = History(sales, by="area", refresh="1d", sales=count(("30d", "180d"), where="new"))
>>> list(market.aggregates)
['sales_30d', 'sales_180d']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interlock.data.source import Source
    from interlock.features.declare import RequestFeature

Default = float | int | str | None
Windows = str | tuple[str, ...] | None

CUSTOM = "custom"  # the function of a value that a query written by hand gives


@dataclass(frozen=True, kw_only=True)
class DeclaredAggregate:
    """What to compute; its name comes from the keyword it is given under. Spans as '180d'.

    ``kind`` is declared for a value of a custom history alone.
    """

    function: str
    column: str | None = None
    window: Windows = None
    where: str | None = None
    ttl: str | None = None
    default: Default = None
    quantile: float | None = None
    kind: str | None = None


def count(
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = 0,
) -> DeclaredAggregate:
    """The number of rows in the window; 0 for an entity never seen."""
    return DeclaredAggregate(function="count", window=window, where=where, ttl=ttl, default=default)


def share(
    window: Windows = None, *, where: str, ttl: str | None = None, default: Default = None
) -> DeclaredAggregate:
    """The rows in the window that fulfil the condition, divided by all rows in the window."""
    return DeclaredAggregate(function="share", window=window, where=where, ttl=ttl, default=default)


def total(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The sum of a column over the window, skipping nulls. Declared as ``il.sum``."""
    return DeclaredAggregate(
        function="sum", column=column, window=window, where=where, ttl=ttl, default=default
    )


def mean(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The mean of a column over the window, skipping nulls."""
    return DeclaredAggregate(
        function="mean", column=column, window=window, where=where, ttl=ttl, default=default
    )


def std(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The sample standard deviation of a column over the window; missing for a single row."""
    return DeclaredAggregate(
        function="std", column=column, window=window, where=where, ttl=ttl, default=default
    )


def minimum(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The least value of a column in the window. Declared as ``il.min``."""
    return DeclaredAggregate(
        function="min", column=column, window=window, where=where, ttl=ttl, default=default
    )


def maximum(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The greatest value of a column in the window. Declared as ``il.max``."""
    return DeclaredAggregate(
        function="max", column=column, window=window, where=where, ttl=ttl, default=default
    )


def median(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The median of a column over the window; the mean of the middle two of an even count."""
    return DeclaredAggregate(
        function="median", column=column, window=window, where=where, ttl=ttl, default=default
    )


def quantile(
    column: str,
    window: Windows = None,
    *,
    q: float,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The q-quantile (0 to 1) of a column, on the line between the two values beside it."""
    return DeclaredAggregate(
        function="quantile",
        column=column,
        window=window,
        where=where,
        ttl=ttl,
        default=default,
        quantile=q,
    )


def distinct(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = 0,
) -> DeclaredAggregate:
    """How many different values a column has in the window; 0 for an entity never seen."""
    return DeclaredAggregate(
        function="distinct", column=column, window=window, where=where, ttl=ttl, default=default
    )


def latest(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The newest value by event time that is not null; missing when older than ``ttl``."""
    return DeclaredAggregate(
        function="latest", column=column, window=window, where=where, ttl=ttl, default=default
    )


def first(
    column: str,
    window: Windows = None,
    *,
    where: str | None = None,
    ttl: str | None = None,
    default: Default = None,
) -> DeclaredAggregate:
    """The oldest value by event time in the window that is not null."""
    return DeclaredAggregate(
        function="first", column=column, window=window, where=where, ttl=ttl, default=default
    )


@dataclass(frozen=True, init=False)
class History:
    """Aggregates of one source's rows for one entity, refreshed together on a fixed grid.

    ``by`` is a column that is also a request field, a request feature, or several of them.
    ``refresh`` is the grid's step, ``landing`` how long after a grid point its values are there,
    ``owner`` who answers for it; that is for the catalogue alone.
    An aggregate over several windows becomes one for each, named after it: ``late_7d``.
    """

    source: Source
    by: tuple[str | RequestFeature, ...]
    refresh: str
    landing: str
    name: str
    owner: str
    aggregates: dict[str, DeclaredAggregate] = field(hash=False)

    def __init__(
        self,
        source: Source,
        *,
        by: str | RequestFeature | tuple[str | RequestFeature, ...],
        refresh: str,
        landing: str = "0s",
        name: str = "",
        owner: str = "",
        **aggregates: DeclaredAggregate,
    ) -> None:
        keys = by if isinstance(by, tuple) else (by,)
        object.__setattr__(self, "source", source)
        object.__setattr__(self, "by", keys)
        object.__setattr__(self, "refresh", refresh)
        object.__setattr__(self, "landing", landing)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "owner", owner)
        object.__setattr__(self, "aggregates", dict(_one_window_each(aggregates)))

    @property
    def entity_names(self) -> tuple[str, ...]:
        """The names of the entity's keys."""
        return tuple(key if isinstance(key, str) else key.name for key in self.by)


@dataclass(frozen=True, init=False)
class CustomHistory(History):
    """A history by a query written by hand, under the same laws of time.

    The query reads the source by its name and may use ``:as_of``, the grid point as a timestamp. It
    sees the rows that were known then, in the revision in force, of events before it; it gives one
    row an entity, with the entity's keys and the ``values``: {name: kind}.
    """

    sql: str

    def __init__(
        self,
        source: Source,
        *,
        sql: str,
        by: str | RequestFeature | tuple[str | RequestFeature, ...],
        refresh: str,
        values: Mapping[str, str],
        defaults: Mapping[str, Default] | None = None,
        landing: str = "0s",
        name: str = "",
        owner: str = "",
    ) -> None:
        kinds = dict(values) if isinstance(values, Mapping) else {}
        given = defaults or {}
        made = {
            value: DeclaredAggregate(function=CUSTOM, kind=kind, default=given.get(value))
            for value, kind in kinds.items()
        }
        super().__init__(source, by=by, refresh=refresh, landing=landing, name=name, owner=owner)
        object.__setattr__(self, "aggregates", made)
        object.__setattr__(self, "sql", sql)


def _one_window_each(
    aggregates: Mapping[str, DeclaredAggregate],
) -> Iterator[tuple[str, DeclaredAggregate]]:
    for name, declared in aggregates.items():
        windows = declared.window if isinstance(declared, DeclaredAggregate) else None
        if not isinstance(windows, tuple) or not windows:
            yield name, declared
            continue
        for window in windows:
            yield f"{name}_{window}", replace(declared, window=window)
