import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.serve.log.segment import (
    HEADER_SIZE,
    Damage,
    Record,
    Segment,
    cut_torn_tail,
    header,
    list_segments,
    read_header,
    read_segment,
    seal,
    segment_path,
)

SALT = 0xDEADBEEF


def segment_of(directory, data):
    path = segment_path(directory, "w0", 3)
    path.write_bytes(data)
    return Segment(path=path, worker="w0", number=3)


def written(payloads, first=5):
    parts = [header(first, SALT)]
    parts += [seal(p, sequence=first + i, salt=SALT) for i, p in enumerate(payloads)]
    return b"".join(parts)


def payloads_of(segment):
    return [found.payload for found in read_segment(segment) if isinstance(found, Record)]


def test_a_record_says_where_it_lies(tmp_path):
    segment = segment_of(tmp_path, written([b"one", b"two"]))
    assert list(read_segment(segment)) == [
        Record(worker="w0", segment=3, offset=HEADER_SIZE, sequence=5, payload=b"one"),
        Record(worker="w0", segment=3, offset=HEADER_SIZE + 19, sequence=6, payload=b"two"),
    ]


def test_segments_come_in_numeric_order_and_strangers_are_passed_over(tmp_path):
    for name in ("w1-00000000.log", "w0-00000010.log", "w0-00000009.log"):
        (tmp_path / name).touch()
    for name in ("w0.tally", "w0-00000009.torn", "x.log", "w0-1.log", "a-b-00000001.log"):
        (tmp_path / name).touch()
    assert [s.path.name for s in list_segments(tmp_path)] == [
        "w0-00000009.log",
        "w0-00000010.log",
        "w1-00000000.log",
    ]


def test_every_cut_of_a_segment_keeps_exactly_the_whole_records_and_the_bytes_cut(tmp_path):
    payloads = [b"first record", b"", b"\0\0\0\0", b"last " * 9]
    data = written(payloads)
    ends = [HEADER_SIZE]
    for payload in payloads:
        ends.append(ends[-1] + 16 + len(payload))
    for size in range(len(data) + 1):
        segment = segment_of(tmp_path, data[:size])
        torn = segment.path.with_suffix(".torn")
        torn.unlink(missing_ok=True)
        whole = sum(end <= size for end in ends[1:])
        last, cut = cut_torn_tail(segment)
        assert payloads_of(segment) == payloads[:whole], size
        assert last == (None if size < HEADER_SIZE else 4 + whole)
        kept = torn.read_bytes() if torn.exists() else b""
        assert segment.path.read_bytes() + kept == data[:size]
        assert len(kept) == cut
        assert not [f for f in read_segment(segment) if isinstance(f, Damage)]


@settings(max_examples=300, deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=40), min_size=1, max_size=6),
    data=st.data(),
)
def test_one_damaged_byte_costs_at_most_the_record_it_lies_in(payloads, data):
    clean = bytearray(written(payloads))
    place = data.draw(st.integers(0, len(clean) - 1))
    clean[place] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as directory:
        segment = segment_of(Path(directory), bytes(clean))
        found = payloads_of(segment)
    start, hurt = HEADER_SIZE, None
    for index, payload in enumerate(payloads):
        if start <= place < start + 16 + len(payload):
            hurt = index
        start += 16 + len(payload)
    assert found == [p for i, p in enumerate(payloads) if i != hurt]


def test_damage_is_reported_with_its_place_and_the_records_behind_it_are_read(tmp_path):
    data = bytearray(written([b"aaaa", b"bbbb", b"cccc"]))
    data[HEADER_SIZE + 20 + 17] ^= 1
    segment = segment_of(tmp_path, bytes(data))
    found = list(read_segment(segment))
    assert found[1] == Damage(path=segment.path, offset=HEADER_SIZE + 20, size=20, at_end=False)
    assert [f.payload for f in found if isinstance(f, Record)] == [b"aaaa", b"cccc"]


def test_a_damaged_middle_is_never_cut(tmp_path):
    data = bytearray(written([b"aaaa", b"bbbb", b"cccc"]))
    data[HEADER_SIZE + 17] ^= 1
    segment = segment_of(tmp_path, bytes(data))
    assert cut_torn_tail(segment) == (7, 0)
    assert segment.path.read_bytes() == bytes(data)


def test_a_payload_cannot_pose_as_a_record(tmp_path):
    forged = struct.pack("<IIQ", 4, 0, 6) + b"evil"
    forged += b"".join(seal(b"evil", sequence=6, salt=salt) for salt in range(1000))
    data = bytearray(written([forged, b"honest"]))
    data[HEADER_SIZE] ^= 1  # the outer record's length no longer holds
    segment = segment_of(tmp_path, bytes(data))
    assert payloads_of(segment) == [b"honest"]


def test_bytes_of_another_segment_are_not_taken_for_records(tmp_path):
    stale = seal(b"stale", sequence=6, salt=SALT + 1)
    segment = segment_of(tmp_path, written([b"mine"]) + stale)
    assert payloads_of(segment) == [b"mine"]


def test_zeros_left_by_a_power_cut_are_a_torn_tail(tmp_path):
    segment = segment_of(tmp_path, written([b"mine"]) + bytes(1 << 20))
    assert cut_torn_tail(segment) == (5, 1 << 20)
    assert payloads_of(segment) == [b"mine"]


def test_either_copy_of_the_header_is_enough():
    data = bytearray(header(9, SALT))
    data[3] ^= 1
    assert read_header(bytes(data)) == (9, SALT)
    data[HEADER_SIZE - 1] ^= 1
    assert read_header(bytes(data)) is None
