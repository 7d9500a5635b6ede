"""A row's record, encoded in two parts, reads back as one record of the same fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.serve.log.record import Phases, Record, read_record, record_bytes
from interlock.serve.log.row_records import RowRecord, RowRecords

VALUES = st.one_of(st.none(), st.integers(-(2**53), 2**53), st.text(), st.floats(allow_nan=False))
SHARED = Record(
    id="", time=0, product="p", status=200, digest="d" * 64, label="1.2.0", arm="challenger"
)
OWN = st.builds(
    RowRecord,
    id=st.text(),
    time=st.integers(0, 2**62),
    as_of=st.integers(-(2**62), 2**62),
    entity=st.tuples(VALUES, VALUES),
    request=st.binary(),
    features=st.dictionaries(st.text(), VALUES),
    grid=st.dictionaries(st.text(), st.integers(0, 2**62)),
    prediction=VALUES,
    phases=st.builds(Phases, decode=st.floats(0, 1e6), score=st.floats(0, 1e6)),
    probabilities=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    interval=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    not_covered=st.text(),
    degraded=st.booleans(),
    row=st.none() | st.integers(0, 1_000),
)


@given(own=OWN)
def test_reads_back_as_the_record_of_its_fields(own):
    fields = {name: getattr(own, name) for name in RowRecord.__struct_fields__}
    whole = Record(
        **fields,
        product=SHARED.product,
        status=SHARED.status,
        digest=SHARED.digest,
        label=SHARED.label,
        arm=SHARED.arm,
    )
    made = read_record(RowRecords(SHARED, (), ()).encoded(own))
    assert made == read_record(record_bytes(whole))


def test_has_every_field_of_a_record_that_is_not_shared_or_set_by_others():
    shared = {"product", "status", "digest", "label", "assigned", "arm", "replay"}
    set_later = {"error", "message", "instead", "pinned", "shadows"}  # by refusals, by arms
    assert set(Record.__struct_fields__) == set(RowRecord.__struct_fields__) | shared | set_later
    assert len(RowRecord.__struct_fields__) <= 15, "their number stands in four bits"


@pytest.mark.parametrize("names", [(), ("area",), ("class", "from", "not a name", "é")])
def test_values_are_named_whatever_they_are_called(names):
    records = RowRecords(SHARED, names, names)
    values = tuple(range(len(names)))
    named = dict(zip(names, values, strict=True))
    own = RowRecord(
        "i", 1, 1, (), records.request(values), records.features(values), {}, None, Phases()
    )
    record = read_record(records.encoded(own))
    assert record.features == named
    assert (
        record.request
        == b"{"
        + b",".join(b'"%s":%d' % (name.encode(), value) for name, value in named.items())
        + b"}"
    )
