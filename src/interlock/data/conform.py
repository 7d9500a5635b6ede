"""Columns held to their rules, whole columns at a time.

Invariants: a value is judged as the live service judges it: a float stands for a whole number only
if it is one, a bool is no number, NaN and infinities are no values, a time has a zone. A value that
breaks a rule is a fault of its row and null in the result; nothing is repaired in silence.

>>> found = conform(pa.chunked_array([[1850, 1700, None]]), Rule(kind="int", ge=1800))
>>> found.values.to_pylist(), [(f.phrase, f.rows.tolist()) for f in found.faults]
([1850, None, None], [('is missing', [2]), ('must be ≥ 1800', [1])])
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from interlock.clock import EARLIEST, LATEST, instant_of
from interlock.data import engine
from interlock.data.rule import EXACT_INT, MISSING, OUTSIDE, PHRASES, TOO_BIG, Rule

Mask = npt.NDArray[np.bool_]

MOMENT = pa.timestamp("us", tz="UTC")
NAIVE = "a timestamp without zone"

_ARROW = {
    "int": pa.int64(),
    "float": pa.float64(),
    "str": pa.string(),
    "category": pa.string(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "datetime": MOMENT,
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CALENDAR: dict[str, tuple[date, date]] = {
    "date": (date.min, date.max),
    "datetime": (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
}
_SIGNS = {"≥": operator.ge, ">": operator.gt, "≤": operator.le, "<": operator.lt}
_OFFSET = r"(Z|z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)$"
_NUMBER = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"  # DuckDB would take '1_0' for 10
_PARSERS = {
    # as a double 2^53 + 1 would be 2^53, which is exact: what is beyond is made far too big
    "int": "CASE WHEN regexp_full_match(x, '\\s*[+-]?\\d+(\\.0*)?\\s*') "
    f"THEN CASE WHEN TRY_CAST(split_part(x, '.', 1) AS HUGEINT) BETWEEN -{EXACT_INT} "
    f"AND {EXACT_INT} THEN TRY_CAST(x AS DOUBLE) ELSE 1e300 END END",
    "float": f"CASE WHEN regexp_full_match(x, '{_NUMBER}') THEN TRY_CAST(x AS DOUBLE) END",
    "bool": "TRY_CAST(x AS BOOLEAN)",
    "date": "CASE WHEN regexp_full_match(x, '\\d{4}-\\d\\d-\\d\\d') THEN TRY_CAST(x AS DATE) END",
    "datetime": f"CASE WHEN regexp_matches(x, 'T| ') AND regexp_matches(x, '{_OFFSET}') "
    # microseconds, rounded as the live service does, where the cast would cut
    r"THEN TRY_CAST(regexp_replace(x, '(\.\d{6})\d+', '\1') AS TIMESTAMPTZ) "
    r"+ to_microseconds(CASE WHEN regexp_matches(x, '\.\d{6}[5-9]') THEN 1 ELSE 0 END) END",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Row numbers (ascending) that break one rule, and what they are told."""

    phrase: str
    rows: npt.NDArray[np.intp]


@dataclass(frozen=True, kw_only=True)
class Conformed:
    """The column in its kind's one Arrow type, faulty values null; and the faults."""

    values: pa.Array
    faults: tuple[Fault, ...]


def is_text(kind: pa.DataType) -> bool:
    """Whether the Arrow type holds text, dictionary-encoded or not."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def type_problem(found: pa.DataType, kind: str, *, parse: bool = False) -> str | None:
    """Why a column of that Arrow type cannot hold values of the kind; None if it can.

    Text is read as dates and datetimes, as in JSON; with ``parse`` (a CSV file) as any kind.
    """
    if pa.types.is_dictionary(found):
        found = found.value_type
    numeric = pa.types.is_integer(found) or pa.types.is_floating(found) or _is_decimal(found)
    fits = {
        "int": numeric,
        "float": numeric,
        "str": is_text(found),
        "category": is_text(found),
        "bool": pa.types.is_boolean(found),
        "date": pa.types.is_date(found),
        "datetime": pa.types.is_timestamp(found) and found.tz is not None,
    }[kind]
    textual = is_text(found) and (parse or kind in ("date", "datetime"))
    if fits or textual or pa.types.is_null(found):
        return None
    if kind == "datetime" and pa.types.is_timestamp(found):
        return NAIVE
    return str(found)


def conform(column: pa.ChunkedArray, rule: Rule) -> Conformed:
    """The column's values by the rule. ``type_problem`` must have found nothing."""
    raw = _plain(column)
    missing = pc.is_null(raw).to_numpy(zero_copy_only=False)
    values, fault = _read(raw, rule.kind)
    bad = pc.is_null(values).to_numpy(zero_copy_only=False) & ~missing
    faults = [_fault(bad, fault)]
    if not rule.nullable:
        faults.insert(0, _fault(missing, MISSING))
    for phrase, mask in _broken(values, rule):
        mask = mask & ~missing & ~bad
        bad |= mask
        faults.append(_fault(mask, phrase))
    if bad.any():
        values = pc.if_else(pa.array(~bad), values, pa.scalar(None, values.type))
    return Conformed(values=values, faults=tuple(f for f in faults if len(f.rows)))


def _is_decimal(found: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(found))


def _fault(mask: Mask, phrase: str) -> Fault:
    return Fault(phrase=phrase, rows=np.flatnonzero(mask))


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array; dictionaries and string views decoded."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return whole.cast(pa.string()) if is_text(whole.type) else whole


def _read(raw: pa.Array, kind: str) -> tuple[pa.Array, str]:
    """(values with what cannot be read as null, what those rows are told)."""
    if pa.types.is_null(raw.type):
        return raw.cast(_ARROW[kind]), PHRASES[kind]
    if kind in _PARSERS and is_text(raw.type):
        raw = parsed(raw, kind)
    if kind == "int":
        return _whole(raw), PHRASES[kind]
    if kind == "float":
        values = raw.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_finite(values), values, None), PHRASES[kind]
    return raw.cast(_ARROW[kind], safe=False), PHRASES[kind]


def parsed(texts: pa.Array, kind: str) -> pa.Array:
    """Texts read as the kind; null where they cannot be."""
    table = pa.table({"i": np.arange(len(texts)), "x": texts})
    connection = engine.connect()
    try:
        statement = f"SELECT {_PARSERS[kind]} AS x FROM texts ORDER BY i"  # noqa: S608
        return engine.run(connection, statement, texts=table)["x"].combine_chunks()
    finally:
        connection.close()


def _whole(raw: pa.Array) -> pa.Array:
    """Whole numbers as int64; those beyond int64 are clipped, so that they stay too big."""
    if pa.types.is_integer(raw.type):
        if not pa.types.is_uint64(raw.type):
            return raw.cast(pa.int64())
        return pc.min_element_wise(raw, pa.scalar(2**63 - 1, pa.uint64()), skip_nulls=False).cast(
            pa.int64()
        )
    values = raw.cast(pa.float64(), safe=False)
    whole = pc.and_(pc.is_finite(values), pc.equal(values, pc.floor(values)))
    clipped = pc.max_element_wise(
        pc.min_element_wise(values, 2.0**62, skip_nulls=False), -(2.0**62), skip_nulls=False
    )
    return pc.if_else(whole, clipped, None).cast(pa.int64())


def _broken(values: pa.Array, rule: Rule) -> list[tuple[str, Mask]]:
    """(what they are told, rows) of readable values outside size, bounds or closed list."""
    found: list[tuple[str, Mask]] = []
    if rule.kind in ("int", "float"):
        numbers = pc.fill_null(values, 0).to_numpy(zero_copy_only=False)
        if rule.kind == "int":
            found.append((TOO_BIG, (numbers > EXACT_INT) | (numbers < -EXACT_INT)))
        for sign, bound in rule.bounds:
            found.append((f"must be {sign} {bound:g}", ~_SIGNS[sign](numbers, bound)))
    if rule.kind in _CALENDAR:
        first, last = (pa.scalar(end, values.type) for end in _calendar(rule))
        outside = pc.or_(pc.less(values, first), pc.greater(values, last))
        found.append((OUTSIDE, _mask(outside)))
    if rule.kind == "category":
        listed = pc.is_in(values, value_set=pa.array(rule.categories, pa.string()))
        found.append((PHRASES["category"], ~listed.to_numpy(zero_copy_only=False)))
    return [*found, *_broken_text(values, rule)]


def _calendar(rule: Rule) -> tuple[date, date]:
    """The first and the last date or moment that lies in the years 1 to 9999 of UTC."""
    first, last = _CALENDAR[rule.kind]
    if rule.kind == "date" and rule.zone is not None:
        if instant_of(first, zone=rule.zone) < EARLIEST:
            first += timedelta(days=1)
        if instant_of(last, zone=rule.zone) > LATEST:
            last -= timedelta(days=1)
    return first, last


def _length(n: int) -> str:
    """As the service says it, of one row."""
    return f"{n} character" if n == 1 else f"{n} characters"


def _broken_text(values: pa.Array, rule: Rule) -> Iterator[tuple[str, Mask]]:
    """Texts that are too long, too short, or that the pattern does not match as a whole."""
    if rule.max_text is not None:
        long = pc.greater(pc.utf8_length(values), rule.max_text)
        yield f"must be at most {_length(rule.max_text)}", _mask(long)
    if rule.min_text is not None:
        short = pc.less(pc.utf8_length(values), rule.min_text)
        yield f"must be at least {_length(rule.min_text)}", _mask(short)
    if rule.pattern is not None:
        encoded = values.dictionary_encode()  # each distinct text is looked at once
        wanted = re.compile(rule.pattern)
        missed = [not wanted.fullmatch(text) for text in encoded.dictionary.to_pylist()]
        yield (
            f"must match {rule.pattern}",
            _mask(pa.array(missed, pa.bool_()).take(encoded.indices)),
        )


def _mask(found: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return mask


def python_values(values: pa.Array) -> list[Any]:
    """The conformed column as Python values, missing as None; moments as aware datetimes in UTC."""
    if pa.types.is_date(values.type) or pa.types.is_timestamp(values.type):
        encoded = values.dictionary_encode()
        distinct = np.empty(len(encoded.dictionary) + 1, dtype=object)
        distinct[:-1] = _times(encoded.dictionary)
        distinct[-1] = None
        codes = pc.fill_null(encoded.indices, len(distinct) - 1)
        listed: list[Any] = distinct[codes.to_numpy(zero_copy_only=False)].tolist()
        return listed
    if is_text(values.type):
        return list(values.to_numpy(zero_copy_only=False).tolist())
    zero = False if pa.types.is_boolean(values.type) else 0
    plain: list[Any] = pc.fill_null(values, zero).to_numpy(zero_copy_only=False).tolist()
    if values.null_count:
        for row in np.flatnonzero(pc.is_null(values).to_numpy(zero_copy_only=False)):
            plain[row] = None
    return plain


def _times(distinct: pa.Array) -> list[Any]:
    if pa.types.is_date(distinct.type):
        return list(distinct.to_pylist())
    return [_EPOCH + timedelta(microseconds=i) for i in distinct.cast(pa.int64()).to_pylist()]
