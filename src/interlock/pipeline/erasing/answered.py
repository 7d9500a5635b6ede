"""The table that a release answers from, without a unit.

Rules:

- where the table's keys have the unit's own fields, its rows are taken out, and nothing else of it
  is in the table: every row of the source counts for its own unit alone;
- other values that the unit's rows went into, and those of a query written by hand, are computed
  again of the very rows that the table was made of, without the unit's, while these are stored;
- a table made of rows that are known to be without the unit is left as it is;
- a table that was erased from names what it was made of, and without whom, by digests: so it is
  known again, and no refresh takes it for the one that it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import pyarrow.compute as pc

from interlock.data.snapshot import from_parquet
from interlock.data.unit import is_part
from interlock.digest import digest_bytes
from interlock.features.assemble import history_rows
from interlock.features.definition import HistoryDefinition
from interlock.features.refresh import refresh
from interlock.pipeline.deploying.refreshing import features_of, packed_functions
from interlock.pipeline.erasing.stored_rows import StoredRows, made_of, without
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.erasing.unit import Unit
from interlock.release.bundle import open_bundle
from interlock.store.online import Key, OnlineWriter, Table


class Became(Enum):
    """What became of a table."""

    CLEAN = "it never held the unit, or does no more"
    REMADE = "its values were computed again without the unit"
    STAYS = "it holds the unit, or may"


@dataclass(frozen=True, kw_only=True)
class Answering:
    """A view that a bundle looks up, and the rows of its source that were ever stored."""

    bundle: str
    definition: HistoryDefinition
    own_keys: tuple[str, ...]  # of the entity: those that no function computes
    rows: tuple[StoredRows, ...]


def erase_keyed(
    writer: OnlineWriter, table: Table, answering: Sequence[Answering], unit: Unit, entity: str
) -> int | None:
    """Take out the rows that are the unit's; how many went, None where rows are not of units."""
    definition, fields = answering[0].definition, set(unit.fields)
    keyed = all(fields and fields <= set(one.own_keys) for one in answering)
    if not keyed or definition.sql is not None:
        return None
    gone = _is_unit(definition, unit)
    return writer.erase(table.view, table.grid, gone, source=without(table.source, entity))


def _is_unit(definition: HistoryDefinition, unit: Unit) -> Callable[[Key], bool]:
    names = [name for name, _ in definition.entity]
    parts = [(names.index(field), part) for field, part in zip(unit.fields, unit.key, strict=True)]
    return lambda key: all(is_part(key[place], part) for place, part in parts)


def erase_computed(
    stores: Stores,
    writer: OnlineWriter,
    table: Table,
    answering: Sequence[Answering],
    unit: Unit,
    entity: str,
) -> Became:
    """Compute the table again without the unit's rows, where it had any and they are stored."""
    for one in answering:
        made = made_of(one.rows, _code(stores, one.bundle))
        known = made.get(table.source)
        if known is not None and known.clean:
            return Became.CLEAN
        if table.source in {without(source, entity) for source in made}:
            return Became.CLEAN
        if known is not None and known.there:
            _compute(stores, writer, table, one, known, unit, entity)
            return Became.REMADE
    return Became.STAYS


def _compute(
    stores: Stores,
    writer: OnlineWriter,
    table: Table,
    one: Answering,
    known: StoredRows,
    unit: Unit,
    entity: str,
) -> None:
    bundle = open_bundle(stores.artifacts.tree(one.bundle), expected_digest=one.bundle)
    packed = packed_functions(bundle, features_of(bundle))
    revisions = from_parquet(stores.artifacts.get(known.blob)).revisions
    units = unit.rows(revisions)
    assert units is not None  # else nobody could know that the unit is in them
    left = revisions.filter(pc.invert(units))
    refresh(
        writer,
        one.definition,
        history_rows(one.definition, packed, left),
        [table.grid],
        source=without(table.source, entity),
        publish=False,
    )


def _code(stores: Stores, bundle: str) -> dict[str, str]:
    folder = stores.artifacts.tree(bundle) / "packed"
    return {path.stem: digest_bytes(path.read_bytes()) for path in folder.glob("*.py")}
