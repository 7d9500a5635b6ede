"""Answers of the champion beside the scores of a challenger in shadow, as a table to ask.

Invariants: neither log is ever whole in memory: both are read some thousand records at a time into
a database of bounded memory that spills to disk and is gone with it. Rows whose caller chose the
arm are left out, and so are replays, refusals, and those that were erased since. A row's unit is
in the table as a number that nothing can be read from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from interlock.data.engine import connect
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.read import read_log
from interlock.serve.log.segment import Record as Entry
from interlock.serve.log.shipping import read_all
from interlock.stats.grouped import GROUPS, GROWTH, ZERO

_MEMORY = "256MB"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(T|$)")
_BATCH = 4_096
_PLACE = [("worker", pa.string()), ("segment", pa.int64()), ("place", pa.int64())]
_ANSWER = [("number", pa.float64()), ("answer", pa.string()), ("declined", pa.bool_())]
_SCORE = pa.schema([*_PLACE, ("error", pa.string()), *_ANSWER])


class _Asked(msgspec.Struct, frozen=True, gc=False):
    """What of a champion's record is compared, or says where it belongs."""

    time: int
    status: int
    pinned: bool = False
    replay: bool = False
    entity: tuple[Any, ...] = ()
    request: bytes = b""
    features: msgspec.Raw = msgspec.Raw(b"\x80")
    prediction: float | int | str | bool | None = None
    not_covered: str = ""


class _Scored(msgspec.Struct, frozen=True, gc=False):
    status: int
    shadows: tuple[str, int, int] | None = None
    prediction: float | int | str | bool | None = None
    not_covered: str = ""
    error: str = ""


_ASKED, _SCORED = msgspec.msgpack.Decoder(_Asked), msgspec.msgpack.Decoder(_Scored)
_REQUEST, _FEATURES = msgspec.json.Decoder(dict[str, Any]), msgspec.msgpack.Decoder(dict[str, Any])


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The table ``pairs`` of rows that both were asked about; ``waiting`` are not scored yet.

    Its columns: ``unit``, ``part_of`` (the group of units), ``failed``, ``error``, ``same``,
    ``limits``, ``difference``, ``size`` (its bin), ``beyond``; of the k-th of ``names`` ``n<k>``
    (as a number) and ``t<k>`` (as a text). ``unlogged`` are names that no row has.
    """

    connection: duckdb.DuckDBPyConnection
    names: tuple[str, ...]
    unlogged: tuple[str, ...]
    waiting: int

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What a SELECT gives."""
        found: list[tuple[Any, ...]] = self.connection.execute(statement, values).fetchall()
        return found


@contextmanager
def paired(
    log: Path, scores: Path, *, since: int, names: Sequence[str], tolerance: float, relative: bool
) -> Iterator[Pairs]:
    """The pairs since an instant (µs UTC), with what they have under these ``names``.

    A difference is ``beyond`` where it is larger than ``tolerance``, in the target's unit or, if
    ``relative``, as a share of the champion's answer. Raises IntegrityError S153, S180, S181.
    """
    with closing(connect(threads=1)) as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        connection.execute("SET preserve_insertion_order = false")
        there = _fill(connection, log, since, names)
        _insert(connection, "scores", _SCORE, _score_rows(scores))
        limit = f"{tolerance!r} * abs(a.number)" if relative else repr(tolerance)
        connection.execute(_PAIRS.format(limit=limit, growth=math.log(GROWTH), zero=ZERO))
        connection.execute("DROP TABLE scores")
        ((asked, found),) = connection.execute(_COUNTS).fetchall()
        connection.execute("DROP TABLE asked")
        yield Pairs(
            connection=connection,
            names=tuple(names),
            unlogged=tuple(name for name in names if found and name not in there),
            waiting=asked - found,
        )


_PAIRS = """
    CREATE TABLE pairs AS
    WITH joined AS (
        SELECT a.*, s.error, s.error <> '' AS failed,
            s.error = '' AND a.answer IS NOT DISTINCT FROM s.answer AS same,
            s.error = '' AND a.declined <> s.declined AS limits,
            CASE WHEN s.error = '' THEN s.number - a.number END AS difference,
            abs(s.number - a.number) > {limit} AS beyond_limit
        FROM asked a JOIN scores s USING (worker, segment, place)
    )
    SELECT * EXCLUDE (worker, segment, place, number, answer, declined, beyond_limit),
        difference IS NOT NULL AND beyond_limit AS beyond,
        CASE WHEN difference IS NULL THEN NULL WHEN difference = 0 THEN 0
            ELSE sign(difference)::INTEGER * (
                ceil(ln(least(abs(difference), 1e308)) / {growth})::INTEGER + {zero}
            ) END AS size
    FROM joined
"""
_COUNTS = "SELECT (SELECT count(*) FROM asked), (SELECT count(*) FROM pairs)"


def _fill(
    connection: duckdb.DuckDBPyConnection, log: Path, since: int, names: Sequence[str]
) -> set[str]:
    """Read the service's log into the table ``asked``; the names that rows had."""
    named = [
        column
        for k in range(len(names))
        for column in ((f"n{k}", pa.float64()), (f"t{k}", pa.string()))
    ]
    own = [("unit", pa.uint64()), ("part_of", pa.int32())]
    there: set[str] = set()
    rows = (
        _asked_row(entry, asked, names, there)
        for entry, asked in _asked(log)
        if asked.status == 200 and asked.time >= since and not (asked.pinned or asked.replay)
    )
    _insert(connection, "asked", pa.schema([*_PLACE, *_ANSWER, *own, *named]), rows)
    return there


def _asked(log: Path) -> Iterator[tuple[Entry, _Asked]]:
    for entry in PREDICTIONS.of(read_all(log)):
        try:
            yield entry, _ASKED.decode(entry.payload)
        except msgspec.DecodeError:
            PREDICTIONS.told(entry)  # raises, with what is wrong
            raise


def _asked_row(
    entry: Entry, asked: _Asked, names: Sequence[str], there: set[str]
) -> tuple[Any, ...]:
    place = (entry.worker, entry.segment, entry.offset)
    unit = _unit(asked.entity or place)
    values: list[float | str | None] = []
    if names:
        known = {**_REQUEST.decode(asked.request), **_FEATURES.decode(asked.features)}
        for name in names:
            if name in known:
                there.add(name)
            values += _cell(known.get(name))
    answer = _answer(asked.prediction)
    return (*place, *answer, bool(asked.not_covered), unit, unit % GROUPS, *values)


def _unit(key: tuple[Any, ...]) -> int:
    digest = blake2b(msgspec.json.encode(key), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _answer(prediction: Any) -> tuple[float | None, str | None]:
    """A number, and what two answers are equal by: 1 is another class than true."""
    if prediction is None:
        return None, None
    number = prediction if isinstance(prediction, float) else None
    return number, msgspec.json.encode(prediction).decode()


def _cell(value: Any) -> tuple[float | None, str | None]:
    """A value as a number, where it is one, and as a text; missing is neither.

    A day or an instant is its month in UTC, as where the model gate cuts rows.

    >>> _cell(3.0), _cell("1997-01-31"), _cell("1997-01-31T23:30:00-05:00"), _cell(None)
    ((3.0, '3'), (None, '1997-01'), (None, '1997-02'), (None, None))
    """
    if value is None or value != value:
        return None, None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        return number, str(int(number)) if number.is_integer() else str(value)
    if isinstance(value, str) and _DAY.match(value):
        with suppress(ValueError):
            moment = datetime.fromisoformat(value)
            return None, f"{moment if moment.tzinfo is None else moment.astimezone(UTC):%Y-%m}"
    return None, str(value)


def _score_rows(scores: Path) -> Iterator[tuple[Any, ...]]:
    if not scores.is_dir():
        return
    for entry in read_log(scores):
        score = _SCORED.decode(entry.payload)
        if score.shadows is not None:
            error = "" if score.status == 200 else score.error or str(score.status)
            yield *score.shadows, error, *_answer(score.prediction), bool(score.not_covered)


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    schema: pa.Schema,
    rows: Iterable[tuple[Any, ...]],
) -> None:
    """Make the table of the rows, some thousand at a time."""
    connection.register("batch", schema.empty_table())
    connection.execute(f"CREATE TABLE {table} AS FROM batch")
    rest = iter(rows)
    while some := list(islice(rest, _BATCH)):
        columns = [
            pa.array(values, field.type)
            for values, field in zip(zip(*some, strict=True), schema, strict=True)
        ]
        connection.register("batch", pa.Table.from_arrays(columns, schema=schema))
        connection.execute(f"INSERT INTO {table} FROM batch")
    connection.unregister("batch")
