"""Keys and units as text: the very text that json.dumps gives a row at a time."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.product.training_set import json_lists

MOMENTS = st.integers(0, 10**15).map(lambda us: datetime(1970, 1, 1, tzinfo=UTC) + us * MICRO)
MICRO = timedelta(microseconds=1)
ROW = st.tuples(
    st.none() | st.integers(-(2**53), 2**53),
    st.none() | st.text(max_size=5),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.booleans(),
    st.none() | MOMENTS,
)
TYPES = (pa.int64(), pa.string(), pa.float64(), pa.bool_(), pa.timestamp("us", tz="UTC"))


@given(rows=st.lists(ROW, min_size=1, max_size=20))
@settings(max_examples=200, deadline=None)
def test_every_row_is_written_as_json_dumps_writes_it(rows):
    columns = [
        pa.chunked_array([pa.array(values, kind)])
        for values, kind in zip(zip(*rows, strict=True), TYPES, strict=True)
    ]
    assert json_lists(columns).to_pylist() == [json.dumps(row, default=str) for row in rows]


def test_parts_never_run_into_each_other():
    found = json_lists([pa.array(["1, 1", "1"]), pa.array(["1", "1, 1"])]).to_pylist()
    assert len(set(found)) == 2
