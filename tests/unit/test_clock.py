"""Time: microseconds UTC, days that begin where the zone says, and nothing naive."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock import clock
from interlock.clock import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    format_instant,
    format_span,
    instant_of,
    parse_instant,
    parse_span,
    to_datetime,
    zone_named,
)
from interlock.errors import AuthorError

ZONES = ["UTC", "America/New_York", "America/Sao_Paulo", "America/Havana", "Asia/Kathmandu"]
instants = st.integers(-(10**16), 4 * 10**15)  # about 1653 to 2096


def utc(*parts):
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * SECOND


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("0s", 0),
        ("1us", 1),
        ("20ms", 20_000),
        ("3s", 3 * SECOND),
        ("15m", 15 * MINUTE),
        ("6h", 6 * HOUR),
        ("90d", 90 * DAY),
        ("2w", 14 * DAY),
        ("007d", 7 * DAY),
    ],
)
def test_spans(text, span):
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "text", ["", "90", "d", "-1d", "1.5d", "1 d", "1d ", "1D", "1y", "1d2h", "٣d", None, 90, b"1d"]
)
def test_anything_else_is_no_span(text):
    with pytest.raises(AuthorError) as caught:
        parse_span(text)
    assert str(caught.value) == (
        "error[C102]: a span of time cannot be read\n"
        "  expected: a whole number and one of us, ms, s, m, h, d, w, such as '90d'\n"
        f"  got: {text!r}\n"
        "  fix: write the span as, for example, '1d' or '15m'"
    )


def test_a_span_beyond_every_calendar_is_no_span():
    with pytest.raises(AuthorError, match="C102"):
        parse_span("9" * 5_000 + "d")
    with pytest.raises(AuthorError, match="C102"):
        parse_span("1000000000d")  # would not fit in 64 bits


@given(st.integers(0, 10**16))
def test_a_span_is_written_in_its_largest_unit_and_reads_back(span):
    text = format_span(span)
    assert parse_span(text) == span
    assert len(text) <= len(f"{span}us")


@pytest.mark.parametrize(
    ("span", "text"),
    [(0, "0d"), (DAY, "1d"), (36 * HOUR, "36h"), (90 * SECOND, "90s"), (1_500, "1500us")],
)
def test_spans_as_people_read_them(span, text):
    assert format_span(span) == text


@given(instants, st.sampled_from(ZONES))
def test_an_instant_is_the_same_whatever_the_zone_it_is_shown_in(instant, zone):
    moment = to_datetime(instant, zone=zone)
    assert moment.tzinfo == ZoneInfo(zone)
    assert instant_of(moment) == instant
    assert instant_of(moment.astimezone(timezone(timedelta(hours=5, minutes=30)))) == instant


@given(instants)
def test_a_formatted_instant_reads_back(instant):
    assert parse_instant(format_instant(instant)) == instant


def test_instants_as_people_read_them():
    assert format_instant(0) == "1970-01-01T00:00:00Z"
    assert format_instant(-1) == "1969-12-31T23:59:59.999999Z"
    assert format_instant(utc(1997, 1, 2, 5)) == "1997-01-02T05:00:00Z"


@given(
    st.dates(date(1900, 1, 1), date(2090, 1, 1)),
    st.sampled_from(ZONES),
)
def test_a_day_is_followed_by_the_next_without_gap_or_overlap(day, zone):
    """A date is its first moment: the moment before it belongs to the day before."""
    start = instant_of(day, zone=zone)
    assert to_datetime(start, zone=zone).date() == day
    assert to_datetime(start - 1, zone=zone).date() == day - timedelta(days=1)
    length = instant_of(day + timedelta(days=1), zone=zone) - start
    assert 20 * HOUR <= length <= 28 * HOUR


def test_days_when_the_clocks_change():
    new_york, sao_paulo, havana = "America/New_York", "America/Sao_Paulo", "America/Havana"

    def hours(day, zone):
        days = instant_of(day + timedelta(days=1), zone=zone) - instant_of(day, zone=zone)
        return days // HOUR

    assert hours(date(1997, 4, 6), new_york) == 23
    assert hours(date(1997, 10, 26), new_york) == 25
    assert hours(date(1997, 1, 2), new_york) == 24
    # no midnight: the day begins at one o'clock
    assert instant_of(date(2018, 11, 4), zone=sao_paulo) == utc(2018, 11, 4, 3)
    # two midnights: the day begins at the first
    assert instant_of(date(2020, 11, 1), zone=havana) == utc(2020, 11, 1, 4)
    assert hours(date(2020, 11, 1), havana) == 25


def test_one_date_is_another_instant_in_another_zone():
    day = date(1997, 1, 2)
    assert instant_of(day, zone="America/New_York") == utc(1997, 1, 2, 5)
    assert instant_of(day, zone="Asia/Kathmandu") == utc(1997, 1, 1, 18, 15)


def test_an_aware_time_needs_no_zone_and_ignores_one():
    moment = datetime(1997, 1, 2, tzinfo=UTC)
    assert instant_of(moment, zone="America/New_York") == instant_of(moment) == utc(1997, 1, 2)


def test_naive_times_are_refused():
    for read in (
        lambda: instant_of(datetime(1997, 1, 2, 3, 4)),
        lambda: instant_of(datetime(1997, 1, 2, 3, 4), zone="UTC"),
        lambda: parse_instant("1997-01-02T03:04:00"),
        lambda: parse_instant("1997-01-02T03:04:00", zone="UTC"),
    ):
        with pytest.raises(AuthorError) as caught:
            read()
        assert str(caught.value) == (
            "error[C104]: a timestamp has no time zone\n"
            "  expected: a timestamp with a UTC offset\n"
            "  got: 1997-01-02T03:04:00\n"
            "  fix: store timestamps with a zone, or as UTC"
        )


def test_a_date_without_a_zone_is_refused():
    for read in (lambda: instant_of(date(1997, 1, 2)), lambda: parse_instant("1997-01-02")):
        with pytest.raises(AuthorError) as caught:
            read()
        assert str(caught.value) == (
            "error[C105]: a date needs a zone to be an instant\n"
            "  expected: zone='…' on the source or on il.asked_at\n"
            "  got: 1997-01-02\n"
            "  fix: declare the zone, for example zone='UTC'"
        )


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "America", "UTC\x00", 5]
)
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(AuthorError) as caught:
        zone_named(name)
    assert str(caught.value) == (
        "error[C103]: no such time zone\n"
        "  expected: an IANA name such as 'America/New_York' or 'UTC'\n"
        f"  got: {name!r}\n"
        "  fix: correct the zone's name"
    )


def test_a_date_in_an_unknown_zone_is_refused():
    with pytest.raises(AuthorError, match="C103"):
        instant_of(date(1997, 1, 2), zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1997-01-02", utc(1997, 1, 2, 5)),
        ("1997-01-02T05:00:00Z", utc(1997, 1, 2, 5)),
        ("1997-01-02T00:00:00-05:00", utc(1997, 1, 2, 5)),
        ("1997-01-02 05:00+00:00", utc(1997, 1, 2, 5)),
        ("1997-01-02T05:00:00.000001Z", utc(1997, 1, 2, 5) + 1),
    ],
)
def test_moments(text, instant):
    assert parse_instant(text, zone="America/New_York") == instant


@pytest.mark.parametrize(
    "text", ["", "now", "1997-13-01", "1997-02-30", "97-01-02", "19970102T0", "1997-01-02T25:00Z"]
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(AuthorError) as caught:
        parse_instant(text, zone="UTC")
    assert str(caught.value) == (
        "error[C106]: a moment cannot be read\n"
        "  expected: a date like 1996-12-31 or a time like 1996-12-31T00:00:00Z\n"
        f"  got: {text!r}\n"
        "  fix: write it in ISO 8601, with an offset if it has a time"
    )


def test_the_clock_tells_the_present(monkeypatch):
    monkeypatch.setattr(clock.time, "time_ns", lambda: 1_234_567_999)
    assert clock.now() == 1_234_567


def test_the_monotonic_clock_never_goes_back():
    ticks = [clock.monotonic() for _ in range(1_000)]
    assert ticks == sorted(ticks)
    assert ticks[-1] - ticks[0] < 10  # seconds
