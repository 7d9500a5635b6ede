"""The kinds of a source's columns and of what is made of them: what their values are read as.

>>> kinds_of(pa.schema([("price", pa.decimal128(9, 2)), ("photo", pa.binary())]))
{'price': 'float', 'photo': 'other'}
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from interlock.features.aggregates import CUSTOM, DeclaredAggregate

Columns = Mapping[str, Mapping[str, str]]
"""Kinds by column, by source."""


def kinds_of(schema: pa.Schema) -> dict[str, str]:
    """The kind of each column of an Arrow schema; 'other' where it has none."""
    return {field.name: kind_of(field.type) for field in schema}


def kind_of(arrow: pa.DataType) -> str:
    """The kind an Arrow type is read as."""
    if pa.types.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    tests = (
        (pa.types.is_boolean, "bool"),
        (pa.types.is_integer, "int"),
        (pa.types.is_floating, "float"),
        (pa.types.is_decimal, "float"),
        (pa.types.is_string, "str"),
        (pa.types.is_large_string, "str"),
        (pa.types.is_date, "date"),
        (pa.types.is_timestamp, "datetime"),
    )
    return next((kind for test, kind in tests if test(arrow)), "other")


def aggregate_kind(declared: DeclaredAggregate, columns: Mapping[str, str]) -> str:
    """The kind of an aggregate's values; ``columns`` are the kinds of its source's."""
    if declared.function == CUSTOM:
        return str(declared.kind)
    if declared.function in ("count", "distinct"):
        return "int"
    if declared.function in ("mean", "std", "median", "quantile", "share"):
        return "float"
    kind = columns.get(declared.column or "", "int")
    return "str" if kind == "category" else kind
