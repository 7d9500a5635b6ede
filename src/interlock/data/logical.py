"""Tables in one canonical form, and their digest.

Invariants: equal rows have equal digests, whatever file, chunking, column order or null padding
they came with; the digest reads values and names, never file bytes.

>>> one = pa.table({"a": pa.array([1, None], pa.int32()), "b": ["x", "y"]})
>>> two = pa.table({"b": pa.array(["x", "y"]).dictionary_encode(), "a": [1, None]})
>>> table_digest(canonical(one)[0]) == table_digest(canonical(two)[0])
True
"""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.data.conform import MOMENT, is_text
from interlock.digest import canonical_json

_EXACT_DIGITS = 18  # decimal digits that surely fit int64


def canonical_type(found: pa.DataType) -> pa.DataType | None:
    """The one type kept for values of that type; None when Interlock does not read it.

    Whole numbers become int64, other numbers float64, times microseconds.
    """
    types = pa.types
    if types.is_dictionary(found):
        found = found.value_type
    if types.is_integer(found):
        return pa.int64()
    if types.is_decimal(found):
        return pa.int64() if found.scale == 0 and found.precision <= _EXACT_DIGITS else pa.float64()
    if types.is_floating(found):
        return pa.float64()
    if types.is_timestamp(found):
        return MOMENT if found.tz is not None else pa.timestamp("us")
    for known, kept in (
        (types.is_boolean, pa.bool_()),
        (is_text, pa.string()),
        (types.is_date, pa.date32()),
        (types.is_null, pa.float64()),
    ):
        if known(found):
            return kept
    return None


def canonical(table: pa.Table) -> tuple[pa.Table, dict[str, str]]:
    """(the table in canonical types, {column left out: its type}).

    NaN becomes null: missing has one form. Whole numbers beyond int64 become null too.
    """
    kept: dict[str, pa.ChunkedArray] = {}
    left_out: dict[str, str] = {}
    for name in table.column_names:
        column = table[name]
        wanted = canonical_type(column.type)
        if wanted is None:
            left_out[name] = str(column.type)
            continue
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_uint64(column.type):
            most = pa.scalar(
                2**63 - 1, pa.uint64()
            )  # a plain int would be int64, and the column with it
            column = pc.if_else(pc.less_equal(column, most), column, None)
        column = column.cast(wanted, safe=False)
        if pa.types.is_float64(wanted):
            column = pc.if_else(pc.is_nan(column), None, column)
        kept[name] = column
    return pa.table(kept), left_out


def table_digest(table: pa.Table) -> str:
    """SHA-256 over names, types, validity and values of a canonical table, in row order."""
    state = hashlib.sha256()
    names = sorted(table.column_names)
    schema = [[name, str(table.schema.field(name).type)] for name in names]
    state.update(canonical_json({"rows": table.num_rows, "schema": schema}))
    for name in names:
        _add(state, table[name].combine_chunks())
    return state.hexdigest()


def _add(state: hashlib._Hash, column: pa.Array) -> None:
    """One column: a byte of validity a row, then the values with nulls as zero."""
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    state.update(valid.astype(np.uint8).tobytes())
    if pa.types.is_string(column.type):
        texts = pc.fill_null(column, "")
        lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False)
        state.update(lengths.astype("<i8").tobytes())
        state.update("".join(texts.to_pylist()).encode())
        return
    if pa.types.is_boolean(column.type):
        values = pc.fill_null(column, False).to_numpy(zero_copy_only=False).astype("<u1")
    elif pa.types.is_floating(column.type):
        values = pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False) + 0.0  # -0.0 is 0.0
        values = values.astype("<f8")
    else:
        wide = column.cast(pa.int32()) if pa.types.is_date(column.type) else column
        values = pc.fill_null(wide.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        values = values.astype("<i8")
    state.update(values.tobytes())
