"""A directory of Parquet files made a Delta Lake table by a log beside them.

What Delta Lake cannot hold is asked before the first row is computed: its library takes unsigned
numbers for signed ones and writes their bounds so, by which readers then leave rows out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.types as kinds

from interlock.errors import OperatorError, StoreError
from interlock.store.delta_place import require_delta_place

_PLAIN = (
    kinds.is_null,
    kinds.is_boolean,
    kinds.is_signed_integer,
    kinds.is_float32,
    kinds.is_float64,
    kinds.is_decimal128,
    kinds.is_string,
    kinds.is_large_string,
    kinds.is_string_view,
    kinds.is_binary,
    kinds.is_large_binary,
    kinds.is_date32,
)


def require_delta(path: Path, schema: pa.Schema) -> None:
    """Raises OperatorError S159 without the library, S157 for what a Delta table cannot hold.

    And OperatorError S190 for a directory that it cannot stand in.
    """
    try:
        import deltalake  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise OperatorError(
            "S159",
            "Delta tables need another library",
            expected="the extra 'delta'",
            got="no module deltalake",
            fix="pip install 'interlock[delta]'",
        ) from None
    require_delta_place(path, changes=False, fix="choose another directory, or write parts")
    odd = [f"{field.name} ({field.type})" for field in schema if not _is_held(field.type)]
    if odd:
        raise OperatorError(
            "S157",
            "a Delta table cannot hold columns of these types",
            where=str(path),
            expected="signed numbers, texts, dates, and timestamps in microseconds or coarser, "
            "in UTC or without a zone",
            got=", ".join(odd),
            fix="convert these columns of the input, leave them out, or write parts",
        )


def make_delta(path: Path) -> None:
    """Write the log of a directory of parts; a table that is one already stays. Raises S156."""
    import deltalake  # noqa: PLC0415 - an extra

    place = str(path.absolute())  # a relative one may look like an address
    try:
        if deltalake.DeltaTable.is_deltatable(place):
            return
        deltalake.convert_to_deltalake(place)
    except deltalake.exceptions.DeltaError as error:
        raise StoreError(
            "S156",
            "the parts cannot be made a Delta table",
            where=str(path),
            expected="a directory of Parquet files",
            got=str(error).partition("\n")[0],
            fix="read the parts as Parquet, or choose another place",
            untouched="the Parquet parts, which are whole",
        ) from error


def _is_held(kind: pa.DataType) -> bool:
    """Whether a column of that type is read back as what was written."""
    if kinds.is_timestamp(kind):
        return kind.unit != "ns" and kind.tz in (None, "UTC")
    if kinds.is_nested(kind) or kinds.is_dictionary(kind):
        return all(map(_is_held, _within(kind)))
    return any(is_kind(kind) for is_kind in _PLAIN)


def _within(kind: pa.DataType) -> Iterator[pa.DataType]:
    """The types that a type is made of."""
    if kinds.is_dictionary(kind):
        yield kind.value_type
    elif kinds.is_map(kind):
        yield from (kind.key_type, kind.item_type)
    else:
        yield from (kind.field(place).type for place in range(kind.num_fields))
