"""The composition root: the only place that chooses implementations and fills the ports.

Invariant: to open a workspace imports nothing that computes. The project's own code, and all that
knows what a product is, is imported where a product is asked for: what only looks into the ledger
answers seconds earlier.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from interlock.deploy.environment import Environment, environment_named, environments
from interlock.pipeline.context import Context
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.narrator import Narrator, Silent
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import REPLAY, Places
from interlock.release.keys import SigningKey, key_file, load_or_create
from interlock.settings import Settings, load_settings, product_file
from interlock.store.artifacts import ArtifactStore
from interlock.store.atomic import storage, write_file
from interlock.store.ledger import Ledger

if TYPE_CHECKING:
    from interlock.pipeline.deploying.deployer import Deployer
    from interlock.product.binding import Bound
    from interlock.product.product import Product


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """One project with its stores, opened."""

    settings: Settings
    places: Places
    ledger: Ledger
    artifacts: ArtifactStore
    environments: tuple[Environment, ...]
    narrator: Narrator = field(default_factory=Silent)

    @classmethod
    def open(
        cls, project_dir: Path, environ: Mapping[str, str], narrator: Narrator | None = None
    ) -> Workspace:
        """Open the project in that folder; its state folder is made on first use.

        Raises OperatorError for settings that are wrong, C152 for a folder that is no project;
        StoreError for stores that do not open.
        """
        settings = load_settings(project_dir, environ)
        if not settings.state_dir.exists():  # a state folder is made for a project alone
            for file in settings.product_files:
                product_file(settings.project_dir, file)
        places = Places(settings.state_dir)
        _keep_out_of_git(places)
        return cls(
            settings=settings,
            places=places,
            ledger=Ledger.open(places.ledger),
            artifacts=ArtifactStore.open(places.artifacts),
            environments=environments(settings.environments),
            narrator=narrator or Silent(),
        )

    @cached_property
    def products(self) -> dict[str, Product]:
        """The products the project declares; importing them may take a while."""
        from interlock.product.loading import load_products  # noqa: PLC0415 - see above

        return load_products(self.settings.project_dir, self.settings.product_files)

    @cached_property
    def key(self) -> SigningKey:
        """The signing key, made on first use, outside the project."""
        return load_or_create(key_file(self.settings.environ), project=self.settings.project_dir)

    @property
    def user(self) -> str:
        """Who runs this process, as the machine knows them: no variable can say otherwise."""
        number = os.getuid()
        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            return f"user {number}"

    @property
    def cores(self) -> int:
        """How many cores this process may use."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

    def environment(self, name: str) -> Environment:
        """The environment of that name. Raises OperatorError E106."""
        return environment_named(self.environments, name)

    def log(self, environment: str, product: str) -> Path:
        """An environment's prediction log, or what replays answered. Raises OperatorError E106."""
        if environment != REPLAY:
            environment_named(self.environments, environment, besides=(REPLAY,))
        return self.places.log(environment, product)

    def product_name(self, name: str | None) -> str:
        """The product asked for: named, or the only one there is."""
        return self._product(name).name

    def delivered_product(self, name: str | None) -> str:
        """A product's name by the ledger alone, so that the project's code need not be imported.

        Raises OperatorError C156 when it is not clear which is meant.
        """
        known = self.ledger.deliveries.products()
        if name in known:
            return str(name)
        if name is None and len(known) == 1:
            return known[0]
        return self.product_name(name)

    def switch(self, product: str) -> Switch:
        """What is live of that product, and the way to change it."""
        return Switch(
            product=product,
            ledger=self.ledger,
            artifacts=self.artifacts,
            places=self.places,
            notary=self.notary(),
        )

    def bound(self, name: str | None) -> Bound:
        """A product bound. Raises AuthorError with all mistakes."""
        from interlock.product.binding import bind  # noqa: PLC0415 - see above

        return bind(self._product(name), self.settings.project_dir)

    def _product(self, name: str | None) -> Product:
        from interlock.product.loading import choose  # noqa: PLC0415 - see above

        return choose(self.products, name)

    def notary(self) -> Notary:
        """Who signs here; the own key is trusted."""
        return Notary(
            key=self.key,
            keys=(self.key.public,),
            places=self.places,
            artifacts=self.artifacts,
            ledger=self.ledger,
        )

    @property
    def online(self) -> OnlineStores:
        """The online stores of the environments."""
        return OnlineStores(
            places=self.places, settings=self.settings.online, environ=self.settings.environ
        )

    def context(self, bound: Bound, as_of: int) -> Context:
        """What the stages of that product work with; nothing is signed there."""
        return Context(
            bound=bound,
            ledger=self.ledger,
            artifacts=self.artifacts,
            as_of=as_of,
            cores=self.cores,
            narrator=self.narrator,
        )

    def deployer(self, bound: Bound, as_of: int) -> Deployer:
        """Everything a delivery of that product works with."""
        from interlock.pipeline.deploying.deployer import Deployer  # noqa: PLC0415 - see above

        return Deployer(
            context=self.context(bound, as_of),
            places=self.places,
            notary=self.notary(),
            online=self.online,
        )


def _keep_out_of_git(places: Places) -> None:
    """The state folder ignores itself, so that nobody commits it by accident."""
    path = places.root / ".gitignore"
    if not path.exists():
        with storage(path):
            places.root.mkdir(parents=True, exist_ok=True)
        write_file(path, b"*\n")
