"""The kinds that stored types are read as."""

import pyarrow as pa
import pytest

from interlock.product.kinds import kind_of, kinds_of


@pytest.mark.parametrize(
    ("arrow", "kind"),
    [
        (pa.bool_(), "bool"),
        (pa.int8(), "int"),
        (pa.uint64(), "int"),
        (pa.float32(), "float"),
        (pa.decimal128(10, 2), "float"),
        (pa.string(), "str"),
        (pa.large_string(), "str"),
        (pa.dictionary(pa.int32(), pa.string()), "str"),
        (pa.dictionary(pa.int8(), pa.int64()), "int"),
        (pa.date32(), "date"),
        (pa.timestamp("us", tz="UTC"), "datetime"),
        (pa.binary(), "other"),
        (pa.list_(pa.int64()), "other"),
        (pa.null(), "other"),
    ],
)
def test_the_kind_of_a_stored_type(arrow, kind):
    assert kind_of(arrow) == kind
    assert kinds_of(pa.schema([("a", arrow)])) == {"a": kind}
