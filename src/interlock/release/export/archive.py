"""A skops file written so that the same fit gives the same bytes.

As skops writes it, a file holds memory addresses, the time of day, sets in hash order, and whatever
memory lay between the fields of a structured array. :func:`canonical` numbers objects in the order
in which they are met, fixes times and order, and blanks the gaps; what is loaded is equal.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np

_SCHEMA = "schema.json"
_DATE = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
_ADDRESSES = frozenset({"_stop_words_id"})  # attributes in which scikit-learn keeps an id()


def canonical(payload: bytes) -> bytes:
    """The same archive with stable names, order, times and gaps."""
    with ZipFile(io.BytesIO(payload)) as source:
        names = _Names()
        schema = names.renamed(json.loads(source.read(_SCHEMA)))
        members = {_SCHEMA: json.dumps(schema, sort_keys=False, separators=(",", ":")).encode()}
        for old, new in names.files.items():
            members[new] = _without_gaps(old, source.read(old))
    return _archive(members)


@dataclass(kw_only=True)
class _Names:
    """Stable numbers for objects and stable names for files, in the order they are met."""

    ids: dict[int, int] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    def renamed(self, state: Any) -> Any:
        if isinstance(state, list):
            return [self.renamed(item) for item in state]
        if not isinstance(state, dict):
            return state
        if state.get("__loader__") == "SetNode":
            state = {**state, "content": sorted(state["content"], key=_without_ids)}
        return {key: self._value(key, value) for key, value in self._kept(state).items()}

    def _kept(self, state: dict[str, Any]) -> dict[str, Any]:
        """Plain values lose their number: whether two equal ones are one object is chance."""
        if state.get("__loader__") == "JsonNode":
            return {key: value for key, value in state.items() if key != "__id__"}
        return state

    def _value(self, key: str, value: Any) -> Any:
        if key == "__id__" and isinstance(value, int):
            return self.ids.setdefault(value, len(self.ids) + 1)
        if key == "file" and isinstance(value, str):
            suffix = value.rpartition(".")[2]
            return self.files.setdefault(value, f"{len(self.files)}.{suffix}")
        if key in _ADDRESSES and isinstance(value, dict) and "content" in value:
            return self.renamed({**value, "content": "0"})
        return self.renamed(value)


def _without_ids(state: Any) -> str:
    """A sort key for the members of a set that does not depend on where they lie in memory."""
    if isinstance(state, dict):
        kept = {k: _without_ids(v) for k, v in state.items() if k not in ("__id__", "file")}
        return json.dumps(kept, sort_keys=True)
    if isinstance(state, list):
        return json.dumps([_without_ids(item) for item in state])
    return json.dumps(state)


def _without_gaps(name: str, content: bytes) -> bytes:
    """An array file whose bytes between the fields of a structured array are zero."""
    if not name.endswith(".npy"):
        return content
    array = np.load(io.BytesIO(content), allow_pickle=False)
    if array.dtype.names is None:
        return content
    clean = np.zeros(array.shape, dtype=array.dtype)
    for column in array.dtype.names:
        clean[column] = array[column]
    buffer = io.BytesIO()
    np.save(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def _archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", compression=ZIP_STORED) as target:
        for name, content in members.items():
            entry = ZipInfo(name, date_time=_DATE)
            entry.create_system = 3
            entry.external_attr = _READABLE
            target.writestr(entry, content)
    return buffer.getvalue()
