"""Where the deliveries of a product keep things, and what of it answers."""

from __future__ import annotations

import io
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from interlock.deploy.challenger import running
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger


@dataclass(frozen=True, kw_only=True)
class Stores:
    """Where a product's deliveries keep things."""

    product: str
    ledger: Ledger
    artifacts: ArtifactStore
    places: Places
    environments: tuple[str, ...]
    notary: Notary

    def answering(self) -> dict[str, tuple[str, ...]]:
        """The environments where a bundle answers or runs beside what does, by bundle."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self.environments:
            live = self.ledger.deployments.last(self.product, name)
            beside = running(live, self.ledger.rollouts.last(self.product, name))
            for row in (live, beside):
                if row is not None:
                    found[row.bundle] = (*found.get(row.bundle, ()), name)
        return found

    def table(self, blob: str) -> pa.Table:
        """A stored Parquet file. Raises IntegrityError R101."""
        return pq.ParquetFile(io.BytesIO(self.artifacts.get(blob))).read()
