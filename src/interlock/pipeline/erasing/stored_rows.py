"""Rows of sources that deliveries and refreshes stored, and the names of tables made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interlock.digest import digest_json
from interlock.pipeline.deploying.refreshing import table_source
from interlock.pipeline.erasing.finding import Copies
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.rows.tombstones import SNAPSHOT
from interlock.store.projections import STAGE_FINISHED


@dataclass(frozen=True, kw_only=True)
class StoredRows:
    """The rows of one source at one time: their ``digest``, and the blob that holds them.

    ``there``: the blob was not erased; ``held``: it has the unit's rows.
    """

    digest: str
    blob: str
    there: bool
    held: bool

    @property
    def clean(self) -> bool:
        """Whether they are known to be without the unit."""
        return self.there and not self.held


def stored_rows(stores: Stores, copies: Copies) -> dict[str, tuple[StoredRows, ...]]:
    """All that was ever stored, by source; ``copies`` are those of the unit, still there."""
    held = {blob for snapshot in copies.snapshots for blob in snapshot.blobs}
    found: dict[str, dict[str, StoredRows]] = {}
    for event in stores.ledger.events(product=stores.product, kind=STAGE_FINISHED):
        if event.body["stage"] != SNAPSHOT:
            continue
        for name, kept in event.body["output"].items():
            blob, digest = kept["rows"], kept["manifest"]["digest"]
            rows = StoredRows(
                digest=digest, blob=blob, there=stores.artifacts.has(blob), held=blob in held
            )
            known = found.setdefault(name, {})
            if digest not in known or not known[digest].there:  # the same rows, stored again
                known[digest] = rows
    return {name: tuple(rows.values()) for name, rows in found.items()}


def made_of(rows: tuple[StoredRows, ...], code: Mapping[str, str]) -> dict[str, StoredRows]:
    """The rows by what tables say of themselves that this code computed from them."""
    return {table_source(one.digest, code): one for one in rows}


def without(source: str, entity: str) -> str:
    """What a table says of itself that was made of ``source`` without a unit, by its digest."""
    return digest_json({"source": source, "without": entity})
