"""By which columns a unit is found in stored tables, and in requests kept as JSON."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from interlock.data.naming import names
from interlock.data.unit import holds, is_part
from interlock.digest import digest_json
from interlock.product.binding import Bound


def entity_digest(product: str, key: tuple[str, ...]) -> str:
    """What records of an erasure have in place of the key; who can guess it can compare."""
    return digest_json({"product": product, "entity": list(key)})


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One unit: the names of its key's parts, under which columns may have them, and the key.

    ``fields`` are request fields; of a product that declares no unit there are none, and the key
    is that of the examples' ``source``, which has the unit's columns as it is declared now.
    """

    fields: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]
    key: tuple[str, ...]
    source: str = ""

    @classmethod
    def of(cls, bound: Bound, key: tuple[str, ...]) -> Unit:
        """The unit of that key, as the product declares it now."""
        fields, source = bound.product.unit_fields, bound.examples_source
        named: list[tuple[str, ...]] = [(bound.mapping[f], f, f"request.{f}") for f in fields]
        if not fields:
            one = len(source.keys) == 1
            named = [(k, "key") if one else (k,) for k in source.keys]
        return cls(fields=fields, columns=tuple(named), key=key, source=source.name)

    @property
    def complete(self) -> bool:
        """Whether the key has as many parts as the declared unit."""
        return len(self.columns) == len(self.key)

    def rows(self, table: pa.Table) -> NDArray[np.bool_] | None:
        """Which rows are the unit's, (n_rows,); None where the table does not say."""
        there = set(table.column_names)
        chosen = [next((c for c in some if c in there), None) for some in self.columns]
        if not self.complete or None in chosen:
            return None
        return holds(table, [str(c) for c in chosen], self.key)

    def is_request(self, request: Mapping[str, Any]) -> bool:
        """Whether a request, as JSON has it, is about the unit."""
        if not self.fields or not self.complete:
            return False
        pairs = zip(self.fields, self.key, strict=True)
        return all(is_part(request.get(field), part) for field, part in pairs)

    def may_be_named(self, text: str) -> bool:
        """Whether a report or a page of one names every part of the key."""
        return names(html.unescape(text), self.key)
