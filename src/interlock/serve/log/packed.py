"""Values of many MessagePack records at once, without an object for each.

A :class:`Packed` is the bytes that the records lie in; ``at``, of shape ``(n,)``, are places in
them where a value begins. What cannot be said of all of them raises :class:`Unlike`: those records
are then read one at a time.

>>> from msgspec import msgpack
>>> parts = [msgpack.encode(value) for value in (1.5, None, -300)]
>>> packed, at = Packed(b"".join(parts)), np.array([0, 9, 10])
>>> packed.stops(at).tolist(), packed.json(at).to_pylist()
([9, 10, 13], ['1.5', 'null', '-300'])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Places = NDArray[np.int64]

NIL: Final = 0
BOOL: Final = 1
INT: Final = 2
FLOAT: Final = 3
TEXT: Final = 4
BYTES: Final = 5
OTHER: Final = 6  # lists, maps, 32-bit floats and extensions: never read here
LONGEST_TEXT: Final = 1_024  # bytes that are compared at once
PADDING: Final = LONGEST_TEXT + 64  # so that they, and a number, can be read where a byte can
_NEVER = 1 << 40  # the end of what is never read: behind any
_JSON = msgspec.json.Encoder()


class Unlike(Exception):  # noqa: N818 - it says what the records are
    """The records cannot be read together."""


def _table(rows: dict[range, int], *, default: int = 0) -> Places:
    """A number for each first byte."""
    found = np.full(256, default, np.int64)
    for firsts, number in rows.items():
        found[list(firsts)] = number
    return found


def _of(*firsts: int) -> range:
    return range(firsts[0], firsts[-1] + 1)


_KIND = _table(
    {
        _of(0x00, 0x7F): INT,
        _of(0xA0, 0xBF): TEXT,
        _of(0xC0): NIL,
        _of(0xC2, 0xC3): BOOL,
        _of(0xC4, 0xC6): BYTES,
        _of(0xCB): FLOAT,
        _of(0xCC, 0xD3): INT,
        _of(0xD9, 0xDB): TEXT,
        _of(0xE0, 0xFF): INT,
    },
    default=OTHER,
)
_HEAD = _table({_of(0xC4): 2, _of(0xC5): 3, _of(0xC6): 5, _of(0xD9): 2, _of(0xDA): 3, _of(0xDB): 5})
_HEAD[_HEAD == 0] = 1
_SIZE = _HEAD + _table(  # bytes of a value, but for what its own length says
    {_of(0xCC): 1, _of(0xCD): 2, _of(0xCE): 4, _of(0xCF): 8}
    | {_of(0xD0): 1, _of(0xD1): 2, _of(0xD2): 4, _of(0xD3): 8, _of(0xCB): 8}
    | {_of(first): first & 31 for first in range(0xA0, 0xC0)}
)
_SIZE[_KIND == OTHER] = _NEVER
_LENGTH_BITS = _table(  # of a length that follows the first byte
    {_of(0xC4): 8, _of(0xC5): 16, _of(0xC6): 32, _of(0xD9): 8, _of(0xDA): 16, _of(0xDB): 32}
)
_LONG = _LENGTH_BITS > 0
_SIZE_OR_LONG = np.where(_LONG, 2 * _NEVER, _SIZE)
_LENGTH_SHIFT = (64 - _LENGTH_BITS).astype(np.uint64)
_NUMBER_BITS = _table(
    {_of(0xCC): 8, _of(0xCD): 16, _of(0xCE): 32, _of(0xCF): 64}
    | {_of(0xD0): 8, _of(0xD1): 16, _of(0xD2): 32, _of(0xD3): 64}
)
_NUMBER_SHIFT = 64 - _NUMBER_BITS
_SIGNED = _table({_of(0xD0, 0xD3): 1}).astype(bool)
_SMALL = _table({_of(f): f for f in range(0x80)} | {_of(f): f - 256 for f in range(0xE0, 0x100)})


_KINDS, _HEADS, _SIZES, _BITS = (t.tolist() for t in (_KIND, _HEAD, _SIZE, _LENGTH_BITS))


def plain(record: bytes, at: int) -> tuple[int, int, int]:
    """The kind of the value there, where what it says begins, and where it ends.

    >>> plain(b"\\xa3abc", 0) == (TEXT, 1, 4)
    True
    """
    first = record[at]
    end = at + _SIZES[first]
    if _BITS[first]:
        end += int.from_bytes(record[at + 1 : at + 1 + _BITS[first] // 8], "big")
    return _KINDS[first], at + _HEADS[first], end


class Packed:
    """The first ``size`` bytes of the data (default: all), in which many records lie."""

    def __init__(self, data: bytes, size: int | None = None) -> None:
        if size is None or len(data) < size + PADDING:
            data = b"".join((memoryview(data)[:size], bytes(PADDING)))
        self.data = data
        self._bytes = np.frombuffer(self.data, np.uint8)
        self._words = self._unaligned(">u8")
        self._doubles = self._unaligned(">f8")

    def _unaligned(self, kind: str) -> NDArray[Any]:
        """A view of values of that type that begin at every byte."""
        kind_of = np.dtype(kind)
        count = len(self.data) - kind_of.itemsize + 1
        return np.ndarray((count,), kind_of, self.data, strides=(1,))

    def firsts(self, at: Places) -> NDArray[np.uint8]:
        """The bytes there."""
        return self._bytes.take(at)

    def kinds(self, at: Places) -> Places:
        """What kind of value begins there."""
        return _KIND.take(self.firsts(at))

    def same(self, at: Places, text: bytes) -> NDArray[np.bool_]:
        """Where these very bytes are, at most so many as LONGEST_TEXT."""
        if not text:
            return np.ones(len(at), bool)
        view = self._unaligned(f"V{len(text)}")
        found: NDArray[np.bool_] = view[at] == np.void(text)
        return found

    def stops(self, at: Places) -> Places:
        """Where the values end that begin there; far behind the bytes for what is not plain."""
        firsts = self.firsts(at)
        sizes = _SIZE_OR_LONG.take(firsts)
        stops = at + sizes
        if len(sizes) and sizes.max() >= _NEVER:
            long = _LONG.take(firsts)
            lengths = self._lengths(at[long], firsts[long])
            stops[long] = at[long] + _SIZE.take(firsts[long]) + lengths
        return stops

    def _lengths(self, at: Places, firsts: NDArray[np.uint8]) -> Places:
        words = self._words[at + 1].astype(np.uint64)
        return (words >> _LENGTH_SHIFT.take(firsts)).astype(np.int64)

    def ints(self, at: Places) -> Places:
        """Whole numbers. Raises Unlike for those that 64 bits with a sign do not hold."""
        firsts = self.firsts(at)
        _need(_KIND.take(firsts) == INT)
        words = self._words[at + 1].astype(np.uint64)
        signed, shift = _SIGNED.take(firsts), _NUMBER_SHIFT.take(firsts)
        _need(~((firsts == 0xCF) & (words >> np.uint64(63) == 1)))
        small = _NUMBER_BITS.take(firsts) == 0
        shift = np.where(small, 0, shift)
        long = np.where(
            signed, words.view(np.int64) >> shift, (words >> shift.view(np.uint64)).view(np.int64)
        )
        return np.where(small, _SMALL.take(firsts), long)

    def floats(self, at: Places) -> NDArray[np.float64]:
        """Double floats."""
        _need(self.kinds(at) == FLOAT)
        return self._doubles[at + 1].astype(np.float64)

    def bytes_of(self, at: Places, kind: int = BYTES) -> pa.BinaryArray:
        """What the values of that kind say; ``at`` ascends."""
        firsts = self.firsts(at)
        _need(_KIND.take(firsts) == kind)
        begins, ends = at + _HEAD.take(firsts), self.stops(at)
        return self.cut(begins, ends)

    def cut(self, begins: Places, ends: Places) -> pa.BinaryArray:
        """The bytes between places that ascend."""
        between = np.stack([begins, ends], axis=1).ravel().astype(np.int32)
        if not len(between):
            return pa.array([], pa.binary())
        buffers = [None, pa.py_buffer(between), pa.py_buffer(self.data)]
        every = pa.Array.from_buffers(pa.binary(), len(between) - 1, buffers)
        return every.take(pa.array(np.arange(0, len(between), 2)))

    def texts(self, at: Places) -> pa.StringArray:
        """Strings; ``at`` ascends."""
        return as_text(self.bytes_of(at, TEXT))

    def said(self, at: Places) -> pa.StringArray:
        """Any plain values as ``str`` tells them, nil too."""
        return self._told(at, _SAID)

    def json(self, at: Places) -> pa.StringArray:
        """Any plain values as JSON, but for bytes."""
        return self._told(at, _TOLD)

    def _told(
        self, at: Places, ways: dict[int, Callable[[Packed, Places], pa.StringArray]]
    ) -> pa.StringArray:
        kinds = self.kinds(at)
        parts = []
        for kind in present(kinds):
            if kind not in ways:
                raise Unlike
            (rows,) = np.nonzero(kinds == kind)
            parts.append((rows, ways[kind](self, at[rows])))
        return merged(parts, len(at), pa.string())

    def truths(self, at: Places) -> NDArray[np.bool_]:
        """Whether true."""
        firsts = self.firsts(at)
        _need(_KIND.take(firsts) == BOOL)
        found: NDArray[np.bool_] = firsts == 0xC3
        return found


def present(kinds: Places) -> list[int]:
    """The kinds that there are."""
    return np.nonzero(np.bincount(kinds, minlength=OTHER + 1))[0].tolist()


def _need(held: NDArray[np.bool_]) -> None:
    if not held.all():
        raise Unlike


def as_text(values: pa.BinaryArray) -> pa.StringArray:
    """The same as strings. Raises Unlike where it is no UTF-8."""
    try:
        return values.cast(pa.string())
    except pa.ArrowInvalid:
        raise Unlike from None


def merged(parts: list[tuple[Places, pa.Array]], n: int, kind: pa.DataType) -> pa.Array:
    """One array of ``n`` values made of those of some rows each; null where there is none."""
    if len(parts) == 1 and len(parts[0][0]) == n:
        return parts[0][1]
    places = np.full(n, sum(len(rows) for rows, _ in parts), np.int64)
    begun = 0
    for rows, _ in parts:
        places[rows] = np.arange(begun, begun + len(rows))
        begun += len(rows)
    every = pa.concat_arrays([*(values for _, values in parts), pa.nulls(1, kind)])
    return every.take(pa.array(places))


def _float_json(values: NDArray[np.float64]) -> pa.StringArray:
    lines = _JSON.encode_lines(values.tolist())
    (ends,) = np.nonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
    begins = np.concatenate([[0], ends[:-1] + 1])
    return as_text(Packed(lines).cut(begins, ends))


def _float_said(values: NDArray[np.float64]) -> pa.StringArray:
    size = np.abs(values)
    if (
        (size == 0) | (size >= 1e-4) & (size < 1e16)
    ).all():  # elsewhere JSON writes exponents in another way
        return _float_json(values)
    return pa.array([repr(value) for value in values.tolist()], pa.string())


def _text_json(values: pa.StringArray) -> pa.StringArray:
    """Strings as JSON; most need no escape."""
    held = np.frombuffer(values.buffers()[2] or b"", np.uint8)
    if ((held < 0x20) | (held == ord('"')) | (held == ord("\\"))).any():
        return pa.array([_JSON.encode(text).decode() for text in values.to_pylist()], pa.string())
    return pc.binary_join_element_wise('"', values, '"', "")


def _either(values: NDArray[np.bool_], yes: str, no: str) -> pa.StringArray:
    return pc.if_else(pa.array(values), yes, no)


_TOLD: dict[int, Callable[[Packed, Places], pa.StringArray]] = {
    NIL: lambda packed, at: pa.repeat("null", len(at)),
    BOOL: lambda packed, at: _either(packed.truths(at), "true", "false"),
    INT: lambda packed, at: pa.array(packed.ints(at)).cast(pa.string()),
    FLOAT: lambda packed, at: _float_json(packed.floats(at)),
    TEXT: lambda packed, at: _text_json(packed.texts(at)),
}
_SAID: dict[int, Callable[[Packed, Places], pa.StringArray]] = {
    NIL: lambda packed, at: pa.repeat("None", len(at)),
    BOOL: lambda packed, at: _either(packed.truths(at), "True", "False"),
    INT: _TOLD[INT],
    FLOAT: lambda packed, at: _float_said(packed.floats(at)),
    TEXT: lambda packed, at: packed.texts(at),
}
