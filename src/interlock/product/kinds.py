"""The kinds of a source's columns: what their stored types are read as.

>>> kinds_of(pa.schema([("price", pa.decimal128(9, 2)), ("photo", pa.binary())]))
{'price': 'float', 'photo': 'other'}
"""

from __future__ import annotations

import pyarrow as pa


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
