"""Records that look alike: what stands between their values is the same.

The records of one release differ in their values, and in little else. So a :class:`Shape` is
learned of one record; all those with the same bytes between their values are found together, and
where each value of each lies. Invariants: what a shape fits has the same keys in the same order,
and plain values elsewhere; what is different in any way fits none, and is read by itself.

>>> from msgspec import msgpack
>>> records = [msgpack.encode({"id": word, "x": [1.5]}) for word in ("a", "bcd", "efgh")]
>>> shape = learn(records[0])
>>> list(shape.values)
[('id',), ('x', 0)]
>>> packed = Packed(b"".join(records))
>>> ends = np.cumsum([len(record) for record in records])
>>> alike = shape.fit(packed, np.array([0, *ends[:-1]]), ends)
>>> packed.texts(alike.places[("id",)]).to_pylist()
['a', 'bcd', 'efgh']
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from interlock.serve.log.packed import LONGEST_TEXT, OTHER, TEXT, Packed, Places, plain

Path = tuple[str | int, ...]
_MOST_VALUES = 1_000


@dataclass(frozen=True, kw_only=True)
class Alike:
    """The records that fit: their ``rows``, which ascend, and where each value of theirs begins.

    All arrays are of shape ``(n,)``.
    """

    packed: Packed
    rows: Places
    places: Mapping[Path, Places]

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, path: Path) -> Alike:
        """The same without values elsewhere than there, in it, or around it."""
        within = self._by_field.get(path[0], {})
        there = {known: at for known, at in within.items() if _overlap(known, path)}
        return Alike(packed=self.packed, rows=self.rows, places=there)

    @cached_property
    def _by_field(self) -> dict[str | int, dict[Path, Places]]:
        found: dict[str | int, dict[Path, Places]] = {}
        for path, at in self.places.items():
            found.setdefault(path[0], {})[path] = at
        return found


def _overlap(one: Path, other: Path) -> bool:
    """Whether one of them is the beginning of the other.

    >>> _overlap(("x",), ("x", 0)), _overlap(("x", 1), ("x", 0))
    (True, False)
    """
    few = min(len(one), len(other))
    return one[:few] == other[:few]


@dataclass(frozen=True, kw_only=True)
class Order:
    """How records of several shapes come one after another: their ``rows``, ascending."""

    rows: Places
    places: Places

    @classmethod
    def of(cls, some: Sequence[Alike]) -> Order:
        """Of these, taken one shape after the other."""
        rows = np.concatenate([alike.rows for alike in some])
        places = np.argsort(rows)
        return cls(rows=rows[places], places=places)


def together(some: Sequence[Alike], order: Order) -> Alike:
    """Records that have values at the same paths as one, in their order."""
    if len(some) == 1:
        return some[0]
    places = {
        path: np.concatenate([alike.places[path] for alike in some])[order.places]
        for path in some[0].places
    }
    return Alike(packed=some[0].packed, rows=order.rows, places=places)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The ``values`` in their order; ``before`` each of them, and at the ``end``, stand bytes.

    ``kept`` says of each field of the record how many of the values stand before its end. Without
    an ``end`` it is the shape of how records begin.
    """

    values: tuple[Path, ...]
    before: tuple[bytes, ...]
    end: bytes | None
    kept: Mapping[str, int]

    def beginning(self, fields: Collection[str]) -> Shape:
        """As far as it takes to know these fields; the whole where it lacks one of them."""
        if not fields or any(
            self.kept.get(field, len(self.values)) >= len(self.values) for field in fields
        ):
            return self
        last = max(self.kept[field] for field in fields)
        return replace(self, values=self.values[:last], before=self.before[:last], end=None)

    def fit(self, packed: Packed, starts: Places, stops: Places) -> Alike:
        """Those of the records, which lie between these places, that have this shape."""
        rows, at = np.arange(len(starts)), starts
        places: list[Places] = []
        for text in self.before:
            begins = at + len(text)
            ends = packed.stops(begins)
            kept = (ends <= stops) & packed.same(at, text)
            places.append(begins)
            at = ends
            if not kept.all():
                rows, at, stops = rows[kept], at[kept], stops[kept]
                places = [place[kept] for place in places]
        if self.end is not None:
            kept = (at + len(self.end) == stops) & packed.same(at, self.end)
            rows, places = rows[kept], [place[kept] for place in places]
        return Alike(packed=packed, rows=rows, places=dict(zip(self.values, places, strict=True)))


def learn(record: bytes, *, varying: frozenset[str] | None = None) -> Shape | None:
    """The shape of a record; of other keys than these the values are a part of it. None: none."""
    learner = _Learner(record, varying)
    try:
        end = learner.read(0, ())
    except _Shapeless:
        return None
    if end != len(record):
        return None
    rest = record[learner.begun :]
    shape = Shape(
        values=tuple(learner.values), before=tuple(learner.before), end=rest, kept=learner.kept
    )
    return None if any(len(t) > LONGEST_TEXT for t in (*shape.before, rest)) else shape


class _Shapeless(Exception):  # noqa: N818 - it says what the record is
    pass


class _Learner:
    """Walks through one record and notes its values."""

    def __init__(self, record: bytes, varying: frozenset[str] | None) -> None:
        self.record = record
        self.varying = varying
        self.values: list[Path] = []
        self.before: list[bytes] = []
        self.kept: dict[str, int] = {}
        self.begun = 0  # of the bytes before the next value

    def read(self, at: int, path: Path) -> int:
        """Read what begins there; where it ends."""
        if at >= len(self.record) or len(self.values) > _MOST_VALUES:
            raise _Shapeless
        first = self.record[at]
        if plain(self.record, at)[0] == OTHER and len(path) > 1:
            raise _Shapeless  # lists in lists; an empty one would leave no trace
        if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
            return self._read_map(*self._entries(at, first, 0xDE), path)
        if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
            entries, at = self._entries(at, first, 0xDC)
            for place in range(entries):
                at = self.read(at, (*path, place))
            return at
        _, _, end = self._plain(at)
        if self.varying is None or path[0] in self.varying:
            self.values.append(path)
            self.before.append(self.record[self.begun : at])
            self.begun = end
        return end

    def _read_map(self, entries: int, at: int, path: Path) -> int:
        seen: set[str] = set()
        for _ in range(entries):
            key, at = self._key(at)
            if key in seen:
                raise _Shapeless
            seen.add(key)
            at = self.read(at, (*path, key))
            if not path:
                fixed = self.varying is not None and key not in self.varying
                self.kept[key] = len(self.values) + fixed  # it stands before the next value
        return at

    def _entries(self, at: int, first: int, long: int) -> tuple[int, int]:
        """How many entries there are, and where the first begins."""
        if first < long:
            return first & 15, at + 1
        size = 2 if first == long else 4
        return int.from_bytes(self.record[at + 1 : at + 1 + size], "big"), at + 1 + size

    def _key(self, at: int) -> tuple[str, int]:
        kind, begin, end = self._plain(at)
        if kind != TEXT:
            raise _Shapeless
        try:
            return self.record[begin:end].decode(), end
        except UnicodeDecodeError:
            raise _Shapeless from None

    def _plain(self, at: int) -> tuple[int, int, int]:
        if at >= len(self.record):
            raise _Shapeless
        kind, begin, end = plain(self.record, at)
        if kind == OTHER or end > len(self.record):
            raise _Shapeless
        return kind, begin, end
