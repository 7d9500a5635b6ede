"""Which units a request is about, read from its bytes before anybody has answered it.

Where the unit's key is made of request fields, only those are decoded; where features are part of
it, they are computed as the release would. A body that cannot be read that far has no units:
whoever answers it will say what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec.structs import astuple

from interlock.features.result import FeatureFailure
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.decode import request_struct, without_unset
from interlock.serve.loaded.instant import instant_reader
from interlock.serve.loaded.pick import picker
from interlock.serve.loaded.release import LoadedRelease

Units = Sequence[tuple[Any, ...]]
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def units_reader(release: LoadedRelease, now: Callable[[], int]) -> Callable[[bytes], Units]:
    """A function from a request's body to the keys of its rows' units; empty where it has none."""
    if set(release.contract.answer.entity) <= set(release.fields):
        return _of_fields(release)
    return _of_features(release, now)


def _of_fields(release: LoadedRelease) -> Callable[[bytes], Units]:
    wanted = release.contract.answer.entity
    fields = {field.name: field for field in release.schema.fields}
    schema = replace(release.schema, fields=tuple(fields[name] for name in wanted))
    struct = request_struct(schema, strict=False)
    one = msgspec.json.Decoder(struct)
    many = msgspec.json.Decoder(list[struct])  # type: ignore[valid-type]

    def read(body: bytes) -> Units:
        try:
            if body.lstrip(b" \t\r\n")[:1] == b"[":
                return [without_unset(astuple(row)) for row in many.decode(body)]
            return (without_unset(astuple(one.decode(body))),)
        except _UNREADABLE:
            return ()

    return read


def _of_features(release: LoadedRelease, now: Callable[[], int]) -> Callable[[bytes], Units]:
    instant = instant_reader(release.schema, None)
    computed = release.packed
    names = (*release.fields, *release.names)
    pick = picker(names, release.contract.answer.entity)

    def read(body: bytes) -> Units:
        moment = now()
        try:
            rows = release.decoder.decode(body).rows
            return [pick(row + computed.row(row, instant(row, moment))) for row in rows]
        except (ServiceError, FeatureFailure):
            return ()

    return read
