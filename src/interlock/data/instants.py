"""Columns of dates, timestamps or ISO 8601 text as instants: int64 microseconds UTC.

>>> days = pa.chunked_array([pa.array(["1997-01-02", None]).cast(pa.date32())])
>>> found = instants_of(days, zone="America/New_York")
>>> found.values.tolist(), found.missing.tolist()
([852181200000000, 0], [False, True])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interlock.clock import instant_of
from interlock.data.conform import Mask, conform, is_text, type_problem
from interlock.data.rule import Rule

_DAY = r"^\d{4}-\d\d-\d\d$"
_NAIVE = r"^\d{4}-\d\d-\d\d[T ][\d:.,]+$"
_MOMENT = Rule(kind="datetime", nullable=True)

UNREADABLE = "must be a date or a time with a zone"


@dataclass(frozen=True, kw_only=True)
class Instants:
    """``values`` is 0 where there is none; ``missing`` and ``unreadable`` say why."""

    values: npt.NDArray[np.int64]
    missing: Mask
    unreadable: Mask

    @property
    def known(self) -> Mask:
        """The rows with an instant."""
        return ~(self.missing | self.unreadable)


def time_problem(found: pa.DataType) -> str | None:
    """Why a column of that type holds no instants; None if it may."""
    return None if pa.types.is_date(found) else type_problem(found, "datetime")


def needs_zone(column: pa.ChunkedArray) -> bool:
    """Whether the column holds dates, which are instants only in a zone."""
    if pa.types.is_date(column.type):
        return True
    return is_text(column.type) and _mostly(column, _DAY)


def instants_of(column: pa.ChunkedArray, *, zone: str | None) -> Instants:
    """The column's instants, a date being its first moment in ``zone``.

    ``time_problem`` must have found nothing, and ``zone`` be given if ``needs_zone``.
    """
    missing = pc.is_null(column).to_numpy()
    days = needs_zone(column)
    rule = Rule(kind="date", nullable=True, zone=zone) if days else _MOMENT
    values = conform(column, rule).values
    unreadable = pc.is_null(values).to_numpy(zero_copy_only=False) & ~missing
    micros = _midnights(values, zone) if days else values.cast(pa.int64())
    filled = pc.fill_null(micros, 0).to_numpy(zero_copy_only=False)
    return Instants(values=filled.astype(np.int64), missing=missing, unreadable=unreadable)


def are_naive(column: pa.ChunkedArray) -> bool:
    """Whether the column is text, and most of it times without a UTC offset."""
    return is_text(column.type) and _mostly(column, _NAIVE)


def _mostly(column: pa.ChunkedArray, pattern: str) -> bool:
    """Whether most texts match; the others are then judged row by row."""
    matches = pc.sum(pc.match_substring_regex(column.cast(pa.string()), pattern)).as_py() or 0
    return bool(2 * matches > len(column) - column.null_count)


def _midnights(days: pa.Array, zone: str | None) -> pa.Array:
    encoded = days.dictionary_encode()
    distinct = [instant_of(day, zone=zone) for day in encoded.dictionary.to_pylist()]
    return pa.array(distinct, pa.int64()).take(encoded.indices)
