"""What a Delta table holds is what was written; what it cannot hold is refused beforehand."""

from pathlib import Path

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from interlock.errors import OperatorError
from interlock.serve.batch.delta import make_delta, require_delta

HELD = {
    "whole numbers beyond 2^53": pa.array([2**63 - 1, -(2**63), 2**53 + 1, None]),
    "numbers": pa.array([0.1, float("inf"), -0.0, None]),
    "decimals": pa.array([1, 2], pa.decimal128(38, 10)),
    "texts": pa.array(["", "a\nb\x00", "漢字 🏠", None]),
    "long texts": pa.array(["a"], pa.large_string()),
    "categories": pa.array(["a", "b", "a"]).dictionary_encode(),
    "bytes": pa.array([b"\x00\xff"]),
    "truth": pa.array([True, None]),
    "dates": pa.array([0, -1], pa.date32()),
    "moments": pa.array([0, -1, 2**50], pa.timestamp("us", tz="UTC")),
    "milliseconds": pa.array([0, -1], pa.timestamp("ms", tz="UTC")),
    "seconds": pa.array([0, -1], pa.timestamp("s")),
    "lists": pa.array([[1, None], []]),
    "structs": pa.array([{"a": 1, "b": "x"}]),
    "nothing": pa.nulls(2),
}
NOT_HELD = {
    "bytes of a number": pa.array([255], pa.uint8()),
    "unsigned": pa.array([2**64 - 1], pa.uint64()),
    "nanoseconds": pa.array([1], pa.timestamp("ns")),
    "a zone": pa.array([1], pa.timestamp("us", tz="America/New_York")),
    "a time of day": pa.array([1], pa.time64("us")),
    "a duration": pa.array([1], pa.duration("us")),
    "half": pa.array([1], pa.float16()),
    "within a list": pa.array([[1]], pa.list_(pa.uint32())),
}


@pytest.mark.parametrize("name", HELD)
def test_what_is_held_is_read_back(tmp_path, name):
    pq.write_table(pa.table({"of it": HELD[name]}), tmp_path / "part-00000.parquet")
    require_delta(tmp_path, pa.schema([("of it", HELD[name].type)]))
    make_delta(tmp_path)
    found = deltalake.DeltaTable(tmp_path).to_pyarrow_table()["of it"].to_pylist()
    due = HELD[name].to_pylist()
    assert [v and getattr(v, "timestamp", lambda v=v: v)() for v in found] == [
        v and getattr(v, "timestamp", lambda v=v: v)() for v in due
    ]


@pytest.mark.parametrize("name", NOT_HELD)
def test_what_is_not_held_is_named(tmp_path, name):
    schema = pa.schema([("fine", pa.int64()), ("odd", NOT_HELD[name].type)])
    with pytest.raises(OperatorError) as caught:
        require_delta(tmp_path, schema)
    assert caught.value.code == "S157"
    assert f"got: odd ({NOT_HELD[name].type})" in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "é漢", "a#b?c", "50%", "*[1]~'&+"])
def test_a_directory_of_any_other_name_holds_a_table(tmp_path, name):
    place = tmp_path / name
    place.mkdir()
    pq.write_table(pa.table({"a": [1]}), place / "part-00000.parquet")
    require_delta(place, pa.schema([("a", pa.int64())]))
    make_delta(place)
    assert deltalake.DeltaTable(place).to_pyarrow_table().num_rows == 1


@pytest.mark.parametrize("name", ["a%20b", "up%2F..", "back\\slash", "line\nbreak"])
def test_a_directory_that_the_library_would_look_for_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(OperatorError, match="S190"):
        require_delta(tmp_path / name, pa.schema([("a", pa.int64())]))
    assert list(tmp_path.iterdir()) == []


def test_a_relative_directory_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = Path("memory:x")
    place.mkdir()
    pq.write_table(pa.table({"a": [1]}), place.absolute() / "part-00000.parquet")
    make_delta(place)
    assert deltalake.DeltaTable(place.absolute()).to_pyarrow_table().num_rows == 1
