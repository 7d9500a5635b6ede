"""A segment of the prediction log: its bytes, and how to read them back.

A segment is a file ``<worker>-<number>.log``: a header, then records, each ``length u32, crc u32,
sequence u64, payload`` (little endian). Invariants:

- one process writes a segment, at its end only; a later process of that worker starts the next;
- the checksum is seeded with the segment's own random salt and the record's sequence, so neither a
  payload that imitates a record nor stale bytes of another segment are ever taken for a record;
- reading never raises for damaged bytes: it says which stretch is unreadable and goes on behind it.

>>> seal(b"hello", sequence=7, salt=1)[16:]
b'hello'
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import msgspec

LONGEST = 1 << 26  # bytes of one payload
_CHUNK = 1 << 22  # bytes of a run, but for a longer record
_MAGIC = b"ILKLOG1\n"
_HEADER = struct.Struct("<8sQII")  # magic, first sequence, salt, checksum of what precedes
_RECORD = struct.Struct("<IIQ")  # length, checksum, sequence
_NAME = re.compile(r"([A-Za-z0-9_]{1,64})-(\d{8,})\.log")

RECORD_HEAD = _RECORD.size  # bytes before a payload
HEADER_SIZE = 2 * _HEADER.size  # bytes; written twice, so that one flipped bit costs no record


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One payload of the log. ``worker``, ``segment`` and ``offset`` identify it for ever."""

    worker: str
    segment: int
    offset: int  # bytes from the segment's start
    sequence: int
    payload: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """A stretch of a segment that holds no readable record; ``at_end`` when none follows it."""

    path: Path
    offset: int  # bytes
    size: int  # bytes
    at_end: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """A segment's file and what its name says."""

    path: Path
    worker: str
    number: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """Records that follow one another in a segment without a gap, from ``offset`` on.

    ``sizes`` are the bytes of the payloads, ``sequences`` their numbers: 16 bytes a record.
    """

    segment: Segment
    offset: int  # bytes
    sizes: array[int]
    sequences: array[int]

    def read(self, *, more: int = 0) -> bytes:
        """The run's bytes, anew, and so many behind it as there are. Raises OSError."""
        with self.segment.path.open("rb", buffering=0) as stream:
            return _read(stream, self.offset, self.size + more)

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(self.sizes) + RECORD_HEAD * len(self.sizes)

    def records(self, data: bytes) -> Iterator[Record]:
        """Its records; ``data`` are its bytes."""
        worker, number, start = self.segment.worker, self.segment.number, 0
        for size, sequence in zip(self.sizes, self.sequences, strict=True):
            yield Record(
                worker=worker,
                segment=number,
                offset=self.offset + start,
                sequence=sequence,
                payload=data[start + RECORD_HEAD : start + RECORD_HEAD + size],
            )
            start += RECORD_HEAD + size


def segment_path(directory: Path, worker: str, number: int) -> Path:
    """Where the segment of that worker and number lies."""
    return directory / f"{worker}-{number:08d}.log"


def list_segments(directory: Path) -> list[Segment]:
    """The directory's segments, ordered by worker, then by number."""
    found = []
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match:
            found.append(Segment(path=path, worker=match[1], number=int(match[2])))
    return sorted(found, key=lambda segment: (segment.worker, segment.number))


def header(first_sequence: int, salt: int) -> bytes:
    """The bytes a segment begins with."""
    start = _HEADER.pack(_MAGIC, first_sequence, salt, 0)[:-4]
    return 2 * (start + struct.pack("<I", zlib.crc32(start)))


def read_header(data: bytes) -> tuple[int, int] | None:
    """(first sequence, salt), or None where the bytes are no whole header."""
    if len(data) < HEADER_SIZE:
        return None
    for copy in (0, _HEADER.size):
        magic, first, salt, checksum = _HEADER.unpack_from(data, copy)
        if magic == _MAGIC and checksum == zlib.crc32(data[copy : copy + _HEADER.size - 4]):
            return first, salt
    return None


def seal(payload: bytes, *, sequence: int, salt: int) -> bytes:
    """The record's bytes."""
    return _RECORD.pack(len(payload), _checksum(payload, sequence, salt), sequence) + payload


def seal_all(payloads: Sequence[bytes], *, first: int, salt: int) -> bytes:
    """The bytes of records that follow one another, the sequence of the first being ``first``.

    Raises ValueError for a payload of more than LONGEST bytes.
    """
    pack, crc32 = _RECORD.pack, zlib.crc32
    parts: list[bytes] = []
    for sequence, payload in enumerate(payloads, first):
        size = len(payload)
        if size > LONGEST:
            raise ValueError(f"a payload must have at most {LONGEST} bytes")
        checksum = crc32(payload, salt ^ (sequence & 0xFFFFFFFF) ^ (sequence >> 32))
        parts += (pack(size, checksum, sequence), payload)
    return b"".join(parts)


def _checksum(payload: bytes, sequence: int, salt: int) -> int:
    return zlib.crc32(payload, salt ^ (sequence & 0xFFFFFFFF) ^ (sequence >> 32))


def is_erased(record: Record) -> bool:
    """Whether its payload was erased: nothing but zeros, which no payload of a service is."""
    return is_zero(record.payload)


def is_zero(payload: bytes) -> bool:
    """Whether there is something, and nothing but zeros."""
    return payload[:1] == b"\0" and not payload.strip(b"\0")


def erased(size: int, *, sequence: int, salt: int) -> bytes:
    """The bytes that take an erased record's place; ``size`` is its payload's, in bytes.

    >>> len(erased(5, sequence=7, salt=1)) == len(seal(b"hello", sequence=7, salt=1))
    True
    """
    return seal(bytes(size), sequence=sequence, salt=salt)


def is_there(path: Path, record: Record) -> bool:
    """Whether that segment still has what was read from it. Raises FileNotFoundError."""
    with path.open("rb") as stream:
        stream.seek(record.offset + _RECORD.size)
        return stream.read(len(record.payload)) == record.payload


def read_segment(segment: Segment, *, after: Record | None = None) -> Iterator[Record | Damage]:
    """The segment's records in the order written, and the damaged stretches between them.

    Bytes that a living writer has only begun to write appear as damage at the end. Those that come
    ``after`` a record are read without the ones before.
    """
    for found in read_runs(segment, after=after):
        if isinstance(found, Damage):
            yield found
        else:
            yield from found[0].records(found[1])


def read_runs(
    segment: Segment, *, after: Record | None = None
) -> Iterator[tuple[Run, bytes] | Damage]:
    """As :func:`read_segment`, some thousand records at a time; beside them the bytes read there.

    Those begin with the run's own.
    """
    with segment.path.open("rb", buffering=0) as stream:
        start = stream.read(HEADER_SIZE)
        head = read_header(start)
        if head is None:
            if start:
                size = os.fstat(stream.fileno()).st_size
                unfinished = size < HEADER_SIZE
                yield Damage(path=segment.path, offset=0, size=size, at_end=unfinished)
            return
        last, offset = head[0] - 1, HEADER_SIZE
        if after is not None:
            last, offset = after.sequence, after.offset + RECORD_HEAD + len(after.payload)
        yield from _runs(segment, stream, offset, salt=head[1], last=last)


def _runs(
    segment: Segment, stream: FileIO, offset: int, *, salt: int, last: int
) -> Iterator[tuple[Run, bytes] | Damage]:
    wanted = _CHUNK
    while data := _read(stream, offset, wanted):
        sizes, sequences, whole, needed = _walk(data, salt=salt, last=last)
        if sizes:
            yield Run(segment=segment, offset=offset, sizes=sizes, sequences=sequences), data
            last, offset, wanted = sequences[-1], offset + whole, _CHUNK
            continue
        if needed > len(data) == wanted:
            wanted = needed
            continue
        skipped, at_end = _to_next_record(_read(stream, offset, -1), salt=salt, last=last)
        if skipped:
            yield Damage(path=segment.path, offset=offset, size=skipped, at_end=at_end)
        if at_end:
            return
        offset, wanted = offset + skipped, _CHUNK


def _read(stream: FileIO, offset: int, size: int) -> bytes:
    stream.seek(offset)
    return stream.read(size)


def _walk(data: bytes, *, salt: int, last: int) -> tuple[array[int], array[int], int, int]:
    """The records that the bytes begin with: their sizes and sequences, and the bytes they take.

    Last, how many bytes it takes to read the first one, where it is not there whole; else 0.
    """
    view, unpack, crc32, head = memoryview(data), _RECORD.unpack_from, zlib.crc32, RECORD_HEAD
    sizes, sequences = array("q"), array("q")
    at, end = 0, len(data)
    while (start := at + head) <= end:
        size, checksum, sequence = unpack(data, at)
        if sequence <= last or size > LONGEST:
            return sizes, sequences, at, 0
        stop = start + size
        if stop > end:
            return sizes, sequences, at, stop
        if crc32(view[start:stop], salt ^ (sequence & 0xFFFFFFFF) ^ (sequence >> 32)) != checksum:
            return sizes, sequences, at, 0
        sizes.append(size)
        sequences.append(sequence)
        at, last = stop, sequence
    return sizes, sequences, at, start


def _to_next_record(rest: bytes, *, salt: int, last: int) -> tuple[int, bool]:
    """How many bytes to skip until a record begins, and whether none does, to the end."""
    not_zero = len(rest.rstrip(b"\0"))  # a record begins before its last byte that is not zero
    for offset in range(min(not_zero, len(rest) - RECORD_HEAD + 1)):
        length, checksum, sequence = _RECORD.unpack_from(rest, offset)
        start, stop = offset + RECORD_HEAD, offset + RECORD_HEAD + length
        if stop > len(rest) or not last < sequence <= last + len(rest):
            continue
        if _checksum(rest[start:stop], sequence, salt) == checksum:
            return offset, False
    return len(rest), True


def cut_torn_tail(segment: Segment) -> tuple[int | None, int]:
    """Cut what a dead writer had only begun to write; keep it aside in a ``.torn`` file.

    Returns the last sequence number given out so far (None: the segment's beginning is unreadable)
    and the number of bytes cut. A damaged stretch that records follow stays as it is. Raises
    OSError.
    """
    with segment.path.open("rb") as stream:
        head = read_header(stream.read(HEADER_SIZE))
    last = head[0] - 1 if head else None
    cut = 0
    for found in read_segment(segment):
        if isinstance(found, Record):
            last = found.sequence
        elif found.at_end:
            cut = found.size
            _keep_aside(found)
    return last, cut


def _keep_aside(torn: Damage) -> None:
    with torn.path.open("r+b") as stream:
        stream.seek(torn.offset)
        rest = stream.read()
        with torn.path.with_suffix(".torn").open("ab") as aside:
            aside.write(rest)
            aside.flush()
            os.fsync(aside.fileno())
        stream.truncate(torn.offset)
        os.fsync(stream.fileno())
