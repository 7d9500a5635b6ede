"""A unit in a table: which rows are about the unit of a key.

A key is texts, part by part, as the prediction log shows them; a column is compared as what it
holds, so that the number 17 of a table is the ``17`` or ``17.0`` of a key.

>>> holds(pa.table({"house": [17, 18], "floor": ["1", "1"]}), ["house", "floor"], ("17.0", "1"))
array([ True, False])
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def holds(table: pa.Table, columns: Sequence[str], key: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows have the key in these columns, (n_rows,). Raises KeyError for other columns."""
    found = np.ones(table.num_rows, dtype=np.bool_)
    for column, part in zip(columns, key, strict=True):
        encoded = table[column].combine_chunks().dictionary_encode()
        same = [is_part(value, part) for value in encoded.dictionary.to_pylist()]
        codes = encoded.indices.fill_null(len(same)).to_numpy(zero_copy_only=False)
        found &= np.array([*same, False])[codes]
    return found


def is_part(value: Any, part: str) -> bool:
    """Whether a value is what that part of a key says.

    >>> is_part(17, "17"), is_part("017", "17"), is_part(date(2024, 5, 31), "2024-05-31")
    (True, False, True)
    >>> is_part(True, "true"), is_part(True, "1")
    (True, False)
    """
    if value is None or str(value) == part:
        return value is not None
    if isinstance(value, bool):
        return str(value).lower() == part
    if isinstance(value, int | float | Decimal):
        return _is_number(value, part)
    return isinstance(value, date) and value.isoformat() == part


def texts_of(kind: str, part: str) -> tuple[str, ...]:
    """How the prediction log writes the values of a kind that are what that part of a key says.

    For a column of texts, where :func:`is_part` cannot ask the values themselves. A kind that is
    not known has its texts alone.

    >>> texts_of("int", "07"), texts_of("str", "07"), texts_of("float", "7"), texts_of("int", "x")
    (('7',), ('07',), ('7.0', '7'), ())
    """
    if kind == "bool":
        return tuple(text for text in ("True", "False") if is_part(text == "True", part))
    if kind not in ("int", "float"):
        return (part,)
    try:
        named = Decimal(part)
        whole = int(named) if named.is_finite() and named == named.to_integral_value() else None
    except (InvalidOperation, OverflowError):
        return ()
    found = [] if kind == "int" or named.is_nan() else [str(float(part))]
    if kind == "float" and named == 0:
        found = ["0.0", "-0.0"]
    return (*found, *([] if whole is None else [str(whole)]))


def _is_number(value: float | Decimal, part: str) -> bool:
    """Exactly that number; whole ones beyond 2**53 are not taken for their neighbours."""
    try:
        named = float(part) if isinstance(value, float) else Decimal(part)
    except (ValueError, InvalidOperation):
        return False
    return named == value if isinstance(named, float) or named.is_finite() else False
