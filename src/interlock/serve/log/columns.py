"""Columns made of records that look alike, one for each of what a record tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.serve.log.packed import (
    BOOL,
    FLOAT,
    INT,
    NIL,
    TEXT,
    Places,
    Unlike,
    as_text,
    merged,
    present,
)
from interlock.serve.log.shape import Alike, Path


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that the records' values at a ``path`` make.

    ``make`` raises Unlike where they cannot be read together. Where the column ``of`` has another
    value than this, all of it is null.
    """

    path: Path
    make: Callable[[Alike], pa.Array]
    of: tuple[str, Any] | None = None


def texts(field: str) -> Column:
    """Strings."""
    return Column(path=(field,), make=lambda alike: alike.packed.texts(_at(alike, field)))


def instants(field: str, kind: pa.DataType) -> Column:
    """Instants, or null."""
    return Column(path=(field,), make=lambda alike: _ints(alike, field).cast(kind))


def ints(field: str, kind: pa.DataType) -> Column:
    """Whole numbers of a type, or null."""

    def make(alike: Alike) -> pa.Array:
        try:
            return _ints(alike, field).cast(kind)
        except pa.ArrowInvalid:
            raise Unlike from None

    return Column(path=(field,), make=make)


def _ints(alike: Alike, field: str) -> pa.Array:
    at = _at(alike, field)
    kinds = alike.packed.kinds(at)
    (there,) = np.nonzero(kinds != NIL)
    found = pa.array(alike.packed.ints(at[there]))
    return merged([(there, found)], len(at), pa.int64())


def bodies(field: str) -> Column:
    """Bytes as texts, what is no UTF-8 among them with backslashes."""

    def make(alike: Alike) -> pa.Array:
        found = alike.packed.bytes_of(_at(alike, field))
        try:
            return as_text(found)
        except Unlike:
            told = [body.decode("utf-8", "backslashreplace") for body in found.to_pylist()]
            return pa.array(told, pa.string())

    return Column(path=(field,), make=make)


def said(field: str) -> Column:
    """The parts of a list as ``str`` tells them."""

    def make(alike: Alike) -> pa.Array:
        parts = [alike.packed.said(at) for _, at in _within(alike, field)]
        return _lists(parts, len(alike))

    return Column(path=(field,), make=make)


def json(field: str) -> Column:
    """A map of plain values as JSON."""

    def make(alike: Alike) -> pa.Array:
        parts: list[pa.Array | str] = []
        before = "{"
        for (_, key), at in _within(alike, field):
            parts += [f"{before}{msgspec.json.encode(key).decode()}:", alike.packed.json(at)]
            before = ","
        return pc.binary_join_element_wise(*parts, "}", "")

    return Column(path=(field,), make=make)


def counts(field: str) -> Column:
    """A map of whole numbers as JSON."""

    def make(alike: Alike) -> pa.Array:
        for _, at in _within(alike, field):
            _need_only(alike, at, INT)
        return json(field).make(alike)

    return Column(path=(field,), make=make)


def float_lists(field: str) -> Column:
    """Lists of floats."""

    def make(alike: Alike) -> pa.Array:
        parts = [pa.array(alike.packed.floats(at)) for _, at in _within(alike, field)]
        return _lists(parts, len(alike))

    return Column(path=(field,), make=make)


def float_at(field: str, place: int) -> Column:
    """One of a list's floats."""

    def make(alike: Alike) -> pa.Array:
        return pa.array(alike.packed.floats(_at(alike, field, place)))

    return Column(path=(field, place), make=make)


def numbers(field: str) -> Column:
    """What a value is as a number; null for a text or nothing."""

    def make(alike: Alike) -> pa.Array:
        packed, at = alike.packed, _at(alike, field)
        ways = {
            FLOAT: packed.floats,
            INT: lambda some: packed.ints(some).astype(np.float64),
            BOOL: lambda some: packed.truths(some).astype(np.float64),
        }
        return _chosen(alike, at, ways, pa.float64(), null=(NIL, TEXT))

    return Column(path=(field,), make=make)


def classes(field: str) -> Column:
    """What a value is as a class; null for a float or nothing."""

    def make(alike: Alike) -> pa.Array:
        said = alike.packed.said
        ways = {INT: said, BOOL: said, TEXT: said}
        return _chosen(alike, _at(alike, field), ways, pa.string(), null=(NIL, FLOAT))

    return Column(path=(field,), make=make)


def empty(field: str, *, of: tuple[str, Any]) -> Column:
    """Whether a string is empty."""

    def make(alike: Alike) -> pa.Array:
        return pc.equal(alike.packed.texts(_at(alike, field)), "")

    return Column(path=(field,), make=make, of=of)


def _at(alike: Alike, *path: str | int) -> Places:
    try:
        return alike.places[path]
    except KeyError:
        raise Unlike from None


def _within(alike: Alike, field: str) -> list[tuple[Path, Places]]:
    """The values in a list or map, in their order."""
    found = [(path, at) for path, at in alike.places.items() if path[0] == field]
    if any(len(path) != 2 for path, _ in found):  # a value itself, or lists in lists
        raise Unlike
    return found


def _lists(parts: list[pa.Array], n: int) -> pa.Array:
    """Lists of one of each part."""
    order = np.arange(n * len(parts)).reshape(len(parts), n).T.ravel()
    offsets = np.arange(0, n * len(parts) + 1, len(parts), dtype=np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.concat_arrays(parts).take(pa.array(order))
    )


def _chosen(
    alike: Alike,
    at: Places,
    ways: Mapping[int, Callable[[Places], Any]],
    kind: pa.DataType,
    *,
    null: tuple[int, ...],
) -> pa.Array:
    """Values of each kind in its way."""
    kinds = alike.packed.kinds(at)
    parts = []
    for found in present(kinds):
        if found in ways:
            (rows,) = np.nonzero(kinds == found)
            values = ways[found](at[rows])
            parts.append((rows, values if isinstance(values, pa.Array) else pa.array(values)))
        elif found not in null:
            raise Unlike
    return merged(parts, len(at), kind)


def _need_only(alike: Alike, at: Places, kind: int) -> None:
    if not (alike.packed.kinds(at) == kind).all():
        raise Unlike
