"""What a release knows of its features: pure data, as it stands in ``features.json``.

Invariant: ``request`` is in dependency order, ``inputs`` in the order of the model's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

COUNTS = ("count", "distinct")  # aggregates that are 0 where no row counts


@dataclass(frozen=True, kw_only=True)
class Input:
    """One value that the model sees: a request field, a request feature or an aggregate.

    ``kind`` is int, float, bool, str or category; ``categories`` is the closed list of a category.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FeatureDefinition:
    """A request feature: which packed function computes it, from which arguments.

    ``arguments`` name request fields, other features or ``as_of``; ``nullable_arguments`` are those
    whose annotation admits None. ``categories`` is the closed list of a Literal. A post-processing
    function is described likewise: its kind is float, one of its arguments ``prediction``.
    """

    name: str
    arguments: tuple[str, ...]
    nullable_arguments: tuple[str, ...]
    kind: str
    optional: bool
    module: str
    function: str
    categories: tuple[str, ...] = ()
    unit: str = ""
    description: str = ""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FeatureDefinition:
        """The definition of its plain values, from JSON's lists as well as from tuples."""
        return cls(**_tupled(row, "arguments", "nullable_arguments", "categories"))


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One windowed aggregate of a source's rows.

    ``window`` and ``ttl`` are in microseconds; a window of None reaches back to the first row, and
    a row older than ``ttl`` never counts. ``where`` is the canonical text of a predicate
    (:mod:`interlock.features.where`); ``quantile`` is for that function alone.
    """

    name: str
    function: str
    column: str | None
    window: int | None
    ttl: int | None
    default: float | int | str | None
    kind: str
    quantile: float | None = None
    where: str | None = None

    @property
    def reach(self) -> int | None:
        """How far back a row may count (microseconds); None: to the first row."""
        limits = [limit for limit in (self.window, self.ttl) if limit is not None]
        return min(limits) if limits else None

    @property
    def missing(self) -> float | int | str | None:
        """The value where no row counts: as declared; 0 for a count that declares none."""
        return 0 if self.default is None and self.function in COUNTS else self.default

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; what came later is left out where it is not used."""
        return _without_unused(asdict(self), "quantile", "where")


@dataclass(frozen=True, kw_only=True)
class HistoryDefinition:
    """The aggregates of one source for one entity, refreshed together.

    ``entity`` pairs each key's name with its kind; a key that is a request feature is computed on
    the source's rows by the packed function. ``refresh`` and ``landing`` are in microseconds.
    ``sql`` is the query of a history that is written by hand; its aggregates are ``custom``.
    """

    name: str
    source: str
    entity: tuple[tuple[str, str], ...]
    refresh: int
    landing: int
    aggregates: tuple[Aggregate, ...]
    digest: str
    sql: str | None = None

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; what came later is left out where it is not used."""
        row = asdict(self) | {"aggregates": [a.to_row() for a in self.aggregates]}
        return _without_unused(row, "sql")


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Everything between a request and the encoder."""

    request: tuple[FeatureDefinition, ...]
    histories: tuple[HistoryDefinition, ...]
    inputs: tuple[Input, ...]

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"histories": [h.to_row() for h in self.histories]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FeatureSet:
        """The inverse of :meth:`to_row`, from JSON's lists as well as from tuples."""
        return cls(
            request=tuple(map(FeatureDefinition.from_row, row["request"])),
            histories=tuple(_history(r) for r in row["histories"]),
            inputs=tuple(Input(**_tupled(r, "categories")) for r in row["inputs"]),
        )


def _without_unused(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {k: v for k, v in row.items() if v is not None or k not in names}


def _tupled(row: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {k: tuple(v) if k in names else v for k, v in row.items()}


def _history(row: Mapping[str, Any]) -> HistoryDefinition:
    fields = dict(row)
    fields["entity"] = tuple((name, kind) for name, kind in row["entity"])
    fields["aggregates"] = tuple(Aggregate(**r) for r in row["aggregates"])
    return HistoryDefinition(**fields)
