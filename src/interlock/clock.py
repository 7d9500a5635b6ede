"""Time. The only module that asks what time it is; everything else receives ``as_of``.

An instant is an ``int``: microseconds since 1970-01-01T00:00Z. A span is one of microseconds.

>>> parse_span("90d") == 90 * DAY
True
>>> instant_of(date(1997, 1, 2), zone="America/New_York") == parse_instant("1997-01-02T05:00:00Z")
True
"""

from __future__ import annotations

import re
import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from interlock.errors import AuthorError

SECOND = 1_000_000  # microseconds, as are all of these
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_UNITS = {"us": 1, "ms": 1_000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_SPAN = re.compile(r"([0-9]{1,18})(us|ms|s|m|h|d|w)")
_LONGEST = 2**62  # microseconds: sums of an instant and a span fit in 64 bits
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
"""The first and the last instant of the years 1 to 9999 in UTC: what a calendar here can show."""


def now() -> int:
    """The present instant."""
    return time.time_ns() // 1_000


monotonic = time.perf_counter
"""Seconds on a clock that never goes back; for durations only."""


def parse_span(text: str) -> int:
    """'90d', '1h', '20ms' as microseconds. Raises AuthorError for anything else."""
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    span = int(found[1]) * _UNITS[found[2]] if found else _LONGEST
    if span >= _LONGEST:
        raise AuthorError(
            "C102",
            "a span of time cannot be read",
            expected="a whole number and one of us, ms, s, m, h, d, w, such as '90d'",
            got=repr(text)[:100],
            fix="write the span as, for example, '1d' or '15m'",
        )
    return span


def format_span(span: int) -> str:
    """The span in the largest unit that divides it: 86400000000 → '1d'."""
    for unit in ("d", "h", "m", "s", "ms"):
        if span % _UNITS[unit] == 0:
            return f"{span // _UNITS[unit]}{unit}"
    return f"{span}us"


def zone_named(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises AuthorError when there is none."""
    try:
        return ZoneInfo(name)
    except (KeyError, TypeError, ValueError, OSError):
        raise AuthorError(
            "C103",
            "no such time zone",
            expected="an IANA name such as 'America/New_York' or 'UTC'",
            got=repr(name),
            fix="correct the zone's name",
        ) from None


@lru_cache(maxsize=65_536)
def _midnight(day: date, zone: str) -> int:
    return (datetime(day.year, day.month, day.day, tzinfo=zone_named(zone)) - _EPOCH) // timedelta(
        microseconds=1
    )


def instant_of(value: date | datetime, *, zone: str | None = None) -> int:
    """The instant of an aware datetime, or of a date's first moment in ``zone``.

    Raises AuthorError for a naive datetime, and for a date without a zone.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise AuthorError(
                "C104",
                "a timestamp has no time zone",
                expected="a timestamp with a UTC offset",
                got=value.isoformat(),
                fix="store timestamps with a zone, or as UTC",
            )
        return (value - _EPOCH) // timedelta(microseconds=1)
    if zone is None:
        raise AuthorError(
            "C105",
            "a date needs a zone to be an instant",
            expected="zone='…' on the source or on il.asked_at",
            got=value.isoformat(),
            fix="declare the zone, for example zone='UTC'",
        )
    return _midnight(value, zone)


def parse_instant(text: str, *, zone: str | None = None, also: str = "") -> int:
    """'1996-12-31' (its first moment in ``zone``) or ISO 8601 with an offset, as an instant.

    ``also`` is what else the caller takes, for the error. Raises AuthorError C106.
    """
    try:
        if _DATE.fullmatch(text):
            return instant_of(date.fromisoformat(text), zone=zone)
        return instant_of(datetime.fromisoformat(text))
    except ValueError:
        raise AuthorError(
            "C106",
            "a moment cannot be read",
            expected="a date like 1996-12-31 or a time like 1996-12-31T00:00:00Z"
            + (f", or {also}" if also else ""),
            got=repr(text),
            fix="write it in ISO 8601, with an offset if it has a time",
        ) from None


def to_datetime(instant: int, *, zone: str = "UTC") -> datetime:
    """The instant as an aware datetime in ``zone``."""
    return (_EPOCH + timedelta(microseconds=instant)).astimezone(ZoneInfo(zone))


def format_instant(instant: int) -> str:
    """ISO 8601 in UTC, to the second where that is exact: '1997-01-02T05:00:00Z'."""
    return to_datetime(instant).replace(tzinfo=None).isoformat() + "Z"
