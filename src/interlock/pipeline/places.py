"""Where a project's state lies: one folder, one place for each thing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interlock.store.names import check_digest, check_name

REPLAY = "replay"  # stands for an environment where what a replay answered is meant


@dataclass(frozen=True)
class Places:
    """The layout below the state folder."""

    root: Path

    @property
    def ledger(self) -> Path:
        """The ledger's database."""
        return self.root / "ledger.sqlite"

    @property
    def artifacts(self) -> Path:
        """Blobs and bundles, by digest."""
        return self.root / "artifacts"

    @property
    def pointers(self) -> Path:
        """The root of the environments' live pointers."""
        return self.root / "environments"

    @property
    def all_attestations(self) -> Path:
        """One folder a bundle, named by its digest."""
        return self.root / "attestations"

    def attestations(self, digest: str) -> Path:
        """The folder of a bundle's attestations."""
        return self.all_attestations / check_digest(digest)

    def _of(self, environment: str, product: str) -> Path:
        names = check_name(environment, "environment"), check_name(product, "product")
        return self.pointers / names[0] / names[1]

    def online(self, environment: str, product: str) -> Path:
        """The environment's online store."""
        return self._of(environment, product) / "online"

    def log(self, environment: str, product: str) -> Path:
        """The environment's prediction log."""
        return self._of(environment, product) / "log"

    def shipped(self, environment: str, product: str, kind: str) -> Path:
        """Where the prediction log is shipped to, unless another folder is named."""
        return self._of(environment, product) / f"log-{kind}"

    def delivery(self, product: str, number: int) -> Path:
        """A delivery's folder: its report."""
        return self.root / "deliveries" / check_name(product, "product") / str(number)

    @property
    def lock(self) -> Path:
        """Held by the delivery that runs."""
        return self.root / "delivery.lock"

    def owner(self, delivery: str) -> Path:
        """Held by the process that runs the delivery of that id."""
        return self.root / "running" / f"{check_name(delivery, 'delivery')}.lock"

    @property
    def storing(self) -> Path:
        """Held by all who store rows beside deliveries, together."""
        return self.root / "storing.lock"
