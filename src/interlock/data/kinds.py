"""The kinds of values, and what one of each is in Python and in DuckDB.

>>> PYTHON_TYPES["category"], SQL_TYPES["category"]
(<class 'str'>, 'VARCHAR')
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType

PYTHON_TYPES: Mapping[str, type] = MappingProxyType(
    {
        "int": int,
        "float": float,
        "bool": bool,
        "str": str,
        "category": str,
        "date": date,
        "datetime": datetime,
    }
)
SQL_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "int": "BIGINT",
        "float": "DOUBLE",
        "bool": "BOOLEAN",
        "str": "VARCHAR",
        "category": "VARCHAR",
        "date": "DATE",
    }
)
"""Of the kinds that a history's value may have."""
