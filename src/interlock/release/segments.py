"""Segments of the requests a release answers: how many good rows stand behind each.

A segment is one combination of values of a few request fields, features or aggregates; a number is
cut into bins by declared edges. It is covered when enough rows of it were learned from, and where
asked for, enough were tested. A value that is missing, outside the edges or was never seen belongs
to no covered segment.

>>> here = Segments(by=(Axis(name="zone", kind="str"),), min_rows=30, rows={("a",): (40, 5)})
>>> why = here.reader(("area", "zone"))
>>> why((120.0, "a")), why((120.0, "b")), why((120.0, None))
('', 'zone b: no row of training, 30 needed', 'zone is missing')
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from interlock.clock import format_span
from interlock.wording import counted

Key = tuple[Any, ...]
Why = Callable[[tuple[Any, ...]], str]

_MOST_SHOWN = 60  # characters of a value that is repeated to a consumer


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One of the values a segment is named by.

    ``edges`` cut a number into bins [e0, e1), [e1, e2), …; the last includes its upper end, and
    what lies outside belongs to none. The first may be -inf, the last inf. A value without edges is
    its own segment; ``kind`` is then int, bool, str or category.
    """

    name: str
    kind: str
    edges: tuple[float, ...] = ()

    def place(self, value: Any) -> Any:
        """The value as a segment's name has it: itself, or its bin's number; None for none.

        >>> cut = Axis(name="area", kind="float", edges=(0.0, 100.0, 200.0))
        >>> [cut.place(area) for area in (-1.0, 0.0, 99.9, 100.0, 200.0, 200.1, float("nan"), None)]
        [None, 0, 0, 1, 1, None, None, None]
        """
        if value is None or value != value:
            return None
        if not self.edges:
            return value
        last = len(self.edges) - 2
        found = bisect_right(self.edges, value) - 1
        if found > last:
            return last if value == self.edges[-1] else None
        return found if found >= 0 else None

    def label(self, place: Any) -> str:
        """'zone north', 'area 100 to 200'."""
        if not self.edges:
            return f"{self.name} {_shown(place)}"
        low, high = self.edges[place], self.edges[place + 1]
        if low == -math.inf:
            return f"{self.name} below {number_text(high)}"
        if high == math.inf:
            return f"{self.name} from {number_text(low)}"
        return f"{self.name} {number_text(low)} to {number_text(high)}"

    def problem(self, value: Any) -> str:
        """Why a value has no place."""
        if value is None or value != value:
            return f"{self.name} is missing"
        low, high = number_text(self.edges[0]), number_text(self.edges[-1])
        return f"{self.name} {number_text(value)} is outside {low} to {high}"

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; an infinite edge is null."""
        edges = [edge if math.isfinite(edge) else None for edge in self.edges]
        return {"name": self.name, "kind": self.kind, "edges": edges}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Axis:
        """The inverse of :meth:`to_row`."""
        edges = [math.inf if edge is None else float(edge) for edge in row["edges"]]
        if edges and row["edges"][0] is None:
            edges[0] = -math.inf
        return cls(name=row["name"], kind=row["kind"], edges=tuple(edges))


@dataclass(frozen=True, kw_only=True)
class Segments:
    """The segments seen, and what each needs.

    ``rows`` holds by segment (rows learned from, rows of the test part); with ``within`` (µs) only
    those of the last so long before the end of training count as learned from.
    """

    by: tuple[Axis, ...]
    min_rows: int
    min_test: int = 0
    within: int | None = None
    rows: Mapping[Key, tuple[int, int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """'neighbourhood', 'stories × area'."""
        return " × ".join(axis.name for axis in self.by)

    @property
    def covered(self) -> frozenset[Key]:
        """The segments that rows are answered for."""
        return frozenset(key for key, rows in self.rows.items() if self._enough(rows))

    @property
    def asked(self) -> str:
        """What a segment needs: 'at least 30 rows of training and 5 of test'."""
        window = "" if self.within is None else f" in its last {format_span(self.within)}"
        test = f" and {self.min_test:,} of test" if self.min_test else ""
        return f"at least {_rows(self.min_rows)} of training{window}{test}"

    def counted(self, learned: Iterable[Key | None], tested: Iterable[Key | None]) -> Segments:
        """The same, with the rows of these segments; None is the place of a row without one."""
        taught, asked = Counter(learned), Counter(tested)
        keys = sorted({*taught, *asked} - {None}, key=_order)
        rows = {key: (taught[key], asked[key]) for key in keys if key is not None}
        return replace(self, rows=rows)

    def key(self, values: Sequence[Any]) -> Key | None:
        """The segment of a row's values, one an axis; None where one of them has no place."""
        places = tuple([axis.place(v) for axis, v in zip(self.by, values, strict=True)])
        return None if None in places else places

    def label(self, key: Key) -> str:
        """'neighbourhood 12:40', 'stories two, area 100 to 200'."""
        return ", ".join(axis.label(place) for axis, place in zip(self.by, key, strict=True))

    def reason(self, values: Sequence[Any]) -> str:
        """Why a row of these values is not covered; "" where it is."""
        for axis, value in zip(self.by, values, strict=True):
            if axis.place(value) is None:
                return axis.problem(value)
        key = self.key(values)
        assert key is not None
        return self.shortage(key)

    def shortage(self, key: Key) -> str:
        """What a segment lacks; "" where it is covered."""
        learned, tested = self.rows.get(key, (0, 0))
        if learned < self.min_rows:
            window = "" if self.within is None else f" in its last {format_span(self.within)}"
            return (
                f"{self.label(key)}: {_rows(learned)} of training{window}, {self.min_rows} needed"
            )
        if tested < self.min_test:
            return f"{self.label(key)}: {_rows(tested)} of test, {self.min_test} needed"
        return ""

    def reader(self, names: Sequence[str]) -> Why:
        """A function that says of a row of ``names``' values why it is not covered, or ""."""
        places = [names.index(axis.name) for axis in self.by]
        if len(places) == 1 and not self.by[0].edges:
            return self._plain_reader(places[0])
        axes = [(names.index(axis.name), axis.place) for axis in self.by]
        covered = self.covered

        def why(known: tuple[Any, ...]) -> str:
            if tuple([place(known[i]) for i, place in axes]) in covered:
                return ""
            return self.reason([known[i] for i in places])

        return why

    def _plain_reader(self, place: int) -> Why:
        """The commonest case: one value, its own segment."""
        covered = frozenset(key[0] for key in self.covered)

        def why(known: tuple[Any, ...]) -> str:
            value = known[place]
            return "" if value in covered else self.reason((value,))

        return why

    def _enough(self, rows: tuple[int, int]) -> bool:
        return rows[0] >= self.min_rows and rows[1] >= self.min_test

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, segments in order."""
        return {
            "by": [axis.to_row() for axis in self.by],
            "min_rows": self.min_rows,
            "min_test": self.min_test,
            "within": self.within,
            "rows": [[list(key), *rows] for key, rows in self.rows.items()],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Segments:
        """The inverse of :meth:`to_row`."""
        return cls(
            by=tuple(Axis.from_row(axis) for axis in row["by"]),
            min_rows=row["min_rows"],
            min_test=row["min_test"],
            within=row["within"],
            rows={tuple(key): (learned, tested) for key, learned, tested in row["rows"]},
        )


def _order(key: Key | None) -> tuple[tuple[str, Any], ...]:
    return tuple((type(part).__name__, part) for part in key or ())


def _rows(n: int) -> str:
    return "no row" if n == 0 else counted(n, "row")


def number_text(value: float) -> str:
    """Four significant digits, and every digit of a larger whole part, grouped.

    >>> number_text(12_310.4), number_text(0.83123), number_text(float("-inf"))
    ('12,310', '0.8312', '-∞')
    """
    if not math.isfinite(value):
        return "no number" if value != value else "∞" if value > 0 else "-∞"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"
