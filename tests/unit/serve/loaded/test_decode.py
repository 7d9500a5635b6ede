"""Decoding requests: one meaning, two paths, every mistake listed."""

import difflib
import json
import time
import tracemalloc
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.clock import EARLIEST, LATEST, instant_of
from interlock.data.request import Field, RequestSchema
from interlock.serve.errors import FieldMistake, InvalidRequest, ServiceError
from interlock.serve.loaded import audit as module
from interlock.serve.loaded.audit import MAX_LISTED, audit
from interlock.serve.loaded.decode import RequestDecoder

SCHEMA = RequestSchema(
    name="House",
    fields=(
        Field(name="valued_on", kind="date", asked_at=True, zone="UTC"),
        Field(name="seen_at", kind="datetime", optional=True),
        Field(name="year_built", kind="int", ge=1800),
        Field(name="area", kind="float", gt=0, le=1e6),
        Field(name="stories", kind="category", categories=("one", "two")),
        Field(name="garage", kind="int", optional=True),
        Field(name="name", kind="str", optional=True),
        Field(name="sold", kind="bool"),
        Field(name="note", kind="scalar", optional=True),
    ),
)
RIGHT = {
    "valued_on": "2024-05-31",
    "year_built": 1990,
    "area": 120.5,
    "stories": "one",
    "sold": True,
}
DECODER = RequestDecoder(SCHEMA)


def body(**changes):
    return json.dumps({k: v for k, v in (RIGHT | changes).items() if v is not ...}).encode()


def mistakes(data):
    with pytest.raises(InvalidRequest) as caught:
        DECODER.decode(data)
    return caught.value.fields


def test_values_come_in_the_order_of_the_schema_with_none_for_missing():
    decoded = DECODER.decode(body(seen_at="2024-05-31T12:00:00Z"))
    moment = datetime(2024, 5, 31, 12, tzinfo=UTC)
    assert decoded.rows == (
        (date(2024, 5, 31), moment, 1990, 120.5, "one", None, None, True, None),
    )
    assert not decoded.is_list


def test_a_list_is_many_rows():
    decoded = DECODER.decode(b"[" + body() + b"," + body(garage=None) + b"]")
    assert decoded.is_list
    assert decoded.rows[0] == decoded.rows[1]


def test_an_explicit_null_is_missing_where_the_field_is_optional():
    assert DECODER.decode(body(garage=None)).rows == DECODER.decode(body()).rows


def test_every_mistake_is_listed_at_once():
    found = mistakes(
        body(year_bilt=1, year_built=..., area=-1, stories="three", sold="yes", garage=2**53 + 1)
    )
    assert [(m.field, m.what, m.expected, m.got) for m in found] == [
        ("area", "is out of range", "a number > 0 and ≤ 1000000", "-1"),
        ("stories", "is not one of the categories", "one of one, two", '"three"'),
        ("sold", "is a text", "true or false", '"yes"'),
        ("year_bilt", "is not a field; did you mean 'year_built'?", "", ""),
        ("garage", "is a number out of range", "a whole number", "9007199254740993"),
        ("year_built", "is missing", "a whole number ≥ 1800", ""),
    ]


def test_mistakes_in_a_list_name_the_row():
    found = mistakes(b"[" + body() + b"," + body(area="big") + b", 7]")
    assert found == (
        FieldMistake(
            row=1,
            field="area",
            what="is a text",
            expected="a number > 0 and ≤ 1000000",
            got='"big"',
        ),
        FieldMistake(row=2, what="is not an object", expected="an object: House", got="7"),
    )


@pytest.mark.parametrize(
    ("written", "field", "what"),
    [
        ('"area": NaN', "area", "is not a number"),
        ('"area": 1e309', "area", "is a number out of range"),
        ('"area": -Infinity', "area", "is a number out of range"),
        ('"area": ' + "9" * 5_000, "area", "is a number out of range"),
        ('"area": null', "area", "is null"),
        ('"area": true', "area", "is true or false"),
        ('"year_built": 1990.0', "year_built", "is a number"),
        ('"year_built": 1e3', "year_built", "is a number"),
        ('"year_built": 9007199254740993', "year_built", "is a number out of range"),
        ('"name": "\\ud800"', "name", "has half a surrogate pair"),
        ('"name": "' + "a" * 4_097 + '"', "name", "is too long: 4097 characters"),
        ('"valued_on": "20240531"', "valued_on", "cannot be read"),
        ('"seen_at": "2024-05-31T12:00:00"', "seen_at", "cannot be read"),
        ('"sold": [[[[]]]]', "sold", "is a list"),
        ('"stories": {"one": 1}', "stories", "is an object"),
        ('"garage": 1, "garage": 1', "garage", "is given twice"),
        ('"garage": null, "garage": 1', "garage", "is given twice"),
        ('"garage": 1, "\\u0067arage": null', "garage", "is given twice"),
        ('"garage" : 1, "garage"\n:1', "garage", "is given twice"),
        ('"name": "\\u003a", "name": ":"', "name", "is given twice"),
    ],
)
def test_what_a_lenient_parser_would_let_through_is_found(written, field, what):
    name = written.split('"')[1]
    rest = json.dumps({k: v for k, v in RIGHT.items() if k != name})
    found = mistakes(("{" + written + "," + rest[1:]).encode())
    assert [(m.field, m.what) for m in found] == [(field, what)]


def test_an_escape_cannot_hide_a_duplicate_behind_a_moment():
    seen = '"seen_at": "2024-05-31T12\\u003a00\\u003a00Z"'
    twice = "{" + seen + "," + seen + "," + body().decode()[1:]
    assert [m.what for m in mistakes(twice.encode())] == ["is given twice"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the body is not JSON: Expecting value (line 1, column 1)"),
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes"),
        (b"\xff\xfe{}", "the body is not JSON: byte 0 is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "the body is not JSON: byte 7 is not UTF-8"),
        (b"[" * 100_000, "the body is not JSON: it is nested too deeply"),
        (b'{"a":' * 100_000, "the body is not JSON: it is nested too deeply"),
        (b"{}\0", "the body is not JSON: Extra data (line 1, column 3)"),
    ],
)
def test_what_is_not_json_is_said_with_its_place(data, message):
    with pytest.raises(ServiceError) as caught:
        DECODER.decode(data)
    assert caught.value.code == "S111"
    assert caught.value.what.startswith(message)


def test_an_empty_list_and_too_long_a_list_are_refused():
    assert [m.what for m in mistakes(b"[]")] == ["the list is empty"]
    with pytest.raises(ServiceError) as caught:
        RequestDecoder(SCHEMA, max_rows=2).decode(b"[" + b",".join([body()] * 3) + b"]")
    assert (caught.value.code, caught.value.what) == (
        "S113",
        "the list has 3 rows; at most 2 are taken",
    )


@pytest.mark.parametrize(
    "data",
    [
        b"{" + b",".join(b'"unknown%06d":1' % i for i in range(60_000)) + b"}",
        b"{" + b",".join([b'"area":1'] * 110_000) + b"}",
        b'{"' + b"k" * 1_000_000 + b'":1}',
        b'{"name":"' + b"\\ud800" * 160_000 + b'"}',
        b"[" + b",".join([b"{}"] * 999) + b"]",
        b"[" + b"[]," * 300_000 + b"[]]",
        b'{"area":' + b"9" * 1_000_000 + b"}",
        b'{"year_built":' + b"9" * 1_000_000 + b"}",
        b'{"a":"' + b'\\"' * 500_000,
    ],
)
def test_a_hostile_body_costs_bounded_time_and_memory(data):
    tracemalloc.start()
    begun = time.process_time()
    with pytest.raises(ServiceError) as caught:
        DECODER.decode(data)
    seconds = time.process_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 3  # tracing makes it about five times slower
    assert peak < 120 << 20
    assert len(caught.value.fields) <= MAX_LISTED
    assert all(len(m.field) <= 600 and len(m.got) <= 600 for m in caught.value.fields)


def test_a_small_body_of_many_mistakes_has_few_words_looked_for(monkeypatch):
    asked = []

    def counted(name, function):
        return lambda *given: asked.append(name) or function(*given)

    monkeypatch.setattr(difflib, "get_close_matches", counted("guess", difflib.get_close_matches))
    monkeypatch.setattr(module, "described", counted("described", module.described))
    found = mistakes(json.dumps([{}] * 400 + [{f"year_bilt{i}": 1} for i in range(90)]).encode())
    assert len(found) == MAX_LISTED
    found = mistakes(json.dumps({f"year_bilt{i}": 1 for i in range(90)}).encode())
    hinted = [m.what for m in found if m.what.startswith("is not a field")]
    assert hinted[:4] == ["is not a field; did you mean 'year_built'?"] * 3 + ["is not a field"]
    assert asked.count("guess") == 6
    assert asked.count("described") == 2 * len(SCHEMA.fields)


def test_mistakes_beyond_the_listed_ones_are_counted():
    with pytest.raises(InvalidRequest) as caught:
        DECODER.decode(b"[" + b",".join([b"{}"] * 30) + b"]")
    assert caught.value.what == "the request has 150 mistakes, the first 100 of them listed"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.sampled_from([2**53, 2**53 + 1, -(2**53), 1799, 1800, 10**6, 10**6 + 1, 0]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["one", "two", "2024-05-31", "2024-13-01", "2024-05-31T12:00:00Z", "a:b"]),
    st.sampled_from(["2024-05-31T12:00:00+01:00", "2024-05-31T12:00:00", "\ud800", "x" * 4_097]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)
RIGHT_VALUES = {
    "valued_on": st.dates().map(str),
    "seen_at": st.datetimes().map(lambda t: t.isoformat() + "Z")
    | st.sampled_from(["0001-01-01T00:00:00+01:00", "9999-12-31T23:30:00-00:30"]),
    "year_built": st.integers(1800, 2100),
    "area": st.floats(0.001, 1e6) | st.integers(1, 9),
    "stories": st.sampled_from(["one", "two"]),
    "garage": st.none() | st.integers(0, 99),
    "name": st.none() | st.text(max_size=5),
    "sold": st.booleans(),
}
NAMES = st.sampled_from([*RIGHT_VALUES, "aera", ""])


@st.composite
def bodies(draw):
    """Objects that are nearly right: a few pairs changed, dropped, doubled or added."""
    pairs = [(name, draw(values)) for name, values in RIGHT_VALUES.items()]
    for _ in range(draw(st.integers(0, 2))):
        name = draw(NAMES)
        change = draw(st.sampled_from(["drop", "set", "add", "double"]))
        if change in ("drop", "set"):
            pairs = [pair for pair in pairs if pair[0] != name]
        if change in ("set", "add"):
            pairs.append((name, draw(SCALARS)))
        if change == "double":
            pairs += [pair for pair in pairs if pair[0] == name]
    ascii_only = draw(st.booleans())
    written = [
        json.dumps(k, ensure_ascii=True)
        + draw(st.sampled_from([":", ": ", " :"]))
        + json.dumps(v, ensure_ascii=ascii_only)
        for k, v in draw(st.permutations(pairs))
    ]
    return ("{" + ",".join(written) + "}").encode("utf-8", "surrogatepass")


def _accepts(check):
    try:
        return check()
    except ServiceError:
        return False


@settings(max_examples=600, deadline=None)
@given(st.lists(bodies(), min_size=1, max_size=2), st.booleans())
def test_the_fast_path_accepts_exactly_what_the_slow_path_finds_right(objects, as_list):
    data = b"[" + b",".join(objects) + b"]" if as_list else objects[0]
    slow = _accepts(lambda: audit(data, SCHEMA, max_rows=10) == ((), 0))
    fast = _accepts(lambda: bool(DECODER.decode(data).rows))
    assert fast == slow


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40) | st.text(alphabet='{}[]":,0123eE.-+ntfalsru\\ \t\n', max_size=40))
def test_no_bytes_make_it_raise_anything_but_a_refusal(data):
    data = data if isinstance(data, bytes) else data.encode()
    with pytest.raises(ServiceError):
        DECODER.decode(data)


@pytest.mark.parametrize("name", [field.name for field in SCHEMA.fields])
def test_half_a_surrogate_pair_is_refused_in_any_field(name):
    with pytest.raises(ServiceError, match="") as refused:
        DECODER.decode(json.dumps({name: "\ud800"}).encode())
    assert refused.value.code == "S110" or refused.value.fields


MOMENTS = RequestSchema(
    name="Moments",
    fields=(
        Field(name="at", kind="datetime", asked_at=True),
        Field(name="seen_at", kind="datetime", optional=True),
    ),
)
FIRST, LAST = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
BEFORE, AFTER = "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"


@pytest.mark.parametrize("field", ["at", "seen_at"])
@pytest.mark.parametrize("moment", [BEFORE, AFTER, "0001-01-01T00:59:59.999999+01:00"])
def test_a_moment_outside_the_years_of_utc_is_refused(field, moment):
    row = {"at": "2024-05-31T12:00:00Z", field: moment}
    for content in (row, [row]):
        with pytest.raises(InvalidRequest) as caught:
            RequestDecoder(MOMENTS).decode(json.dumps(content).encode())
        (mistake,) = caught.value.fields
        assert (mistake.field, mistake.what, mistake.got) == (
            field,
            "is out of range",
            json.dumps(moment),
        )


@pytest.mark.parametrize("moment", [FIRST, LAST, "0001-01-01T01:00:00+01:00"])
def test_the_first_and_the_last_moment_are_taken(moment):
    ((at, seen_at),) = RequestDecoder(MOMENTS).decode(json.dumps({"at": moment}).encode()).rows
    assert seen_at is None
    assert EARLIEST <= instant_of(at) <= LATEST


def test_a_day_is_refused_where_its_first_moment_is_before_the_year_1_of_utc():
    def decoder(zone):
        asked = Field(name="on", kind="date", asked_at=True, zone=zone)
        return RequestDecoder(RequestSchema(name="Day", fields=(asked,)))

    first = b'{"on": "0001-01-01"}'
    assert decoder("UTC").decode(first).rows == ((date(1, 1, 1),),)
    with pytest.raises(InvalidRequest, match="S110") as caught:
        decoder("Asia/Tokyo").decode(first)
    assert caught.value.fields[0].what == "is out of range"
