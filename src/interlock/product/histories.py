"""From declared histories to definitions: pure data, with a digest that names what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.clock import parse_span
from interlock.digest import digest_json
from interlock.features.aggregates import CustomHistory, DeclaredAggregate, History
from interlock.features.definition import Aggregate, HistoryDefinition
from interlock.features.predicate import text, typed
from interlock.features.where import parse_where
from interlock.product.kinds import aggregate_kind


def history_definition(
    history: History,
    kinds: Mapping[str, str],
    columns: Mapping[str, str],
    packed: Mapping[str, str],
) -> HistoryDefinition:
    """The definition of a declared history without mistakes.

    ``kinds`` are those of fields and features, ``columns`` those of the source's columns. The
    digest covers what the values depend on: the source's declaration, and where the entity is a
    request feature the ``packed`` code.
    """
    aggregates = tuple(
        _aggregate(name, declared, columns) for name, declared in history.aggregates.items()
    )
    row: dict[str, Any] = {
        "name": history_name(history),
        "source": history.source.name,
        "entity": tuple((name, _entity_kind(kinds[name])) for name in history.entity_names),
        "refresh": parse_span(history.refresh),
        "landing": parse_span(history.landing),
    }
    if isinstance(history, CustomHistory):
        row["sql"] = history.sql.strip()
    made = [key for key in history.by if not isinstance(key, str)]
    digest = digest_json(
        {
            **row,
            "aggregates": [a.to_row() for a in aggregates],
            "rows": history.source.to_row(),
            "code": dict(packed) if made else {},
        }
    )
    return HistoryDefinition(**row, aggregates=aggregates, digest=digest)


def history_name(history: History) -> str:
    """The declared name, else source and entity: 'sales_by_neighbourhood'."""
    return history.name or f"{history.source.name}_by_{'_'.join(history.entity_names)}"


def _entity_kind(kind: str) -> str:
    return "str" if kind == "category" else kind


def _aggregate(name: str, declared: DeclaredAggregate, columns: Mapping[str, str]) -> Aggregate:
    where = declared.where
    return Aggregate(
        name=name,
        function=declared.function,
        column=declared.column,
        window=parse_span(str(declared.window)) if declared.window else None,
        ttl=parse_span(declared.ttl) if declared.ttl else None,
        default=declared.default,
        kind=aggregate_kind(declared, columns),
        quantile=None if declared.quantile is None else float(declared.quantile),
        where=None if where is None else text(typed(parse_where(where), columns)),
    )
