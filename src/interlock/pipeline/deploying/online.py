"""Which online store an environment has: a folder of its own, or a place on a server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock.pipeline.places import Places
from interlock.settings import DEFAULT_ENVIRONMENTS, OnlineSettings
from interlock.store.online import OnlineWriter
from interlock.store.online_place import OnlineAccess, open_writer


@dataclass(frozen=True, kw_only=True)
class OnlineStores:
    """The online stores of one project.

    A replay's and an export's are files always: they are of the past, or travel.
    """

    places: Places
    settings: OnlineSettings
    environ: Mapping[str, str] = field(repr=False)

    def url(self, environment: str, product: str) -> str:
        """The folder's path, or the server's URL."""
        server = self.settings.url if environment in DEFAULT_ENVIRONMENTS else None
        return server or str(self.places.online(environment, product))

    def access(self, environment: str, product: str) -> OnlineAccess:
        """How it is asked; every environment and product has a namespace of its own."""
        file = self.settings.password_file
        return OnlineAccess(
            namespace=f"{environment}:{product}",
            password_env=self.settings.password_env,
            password_file=None if file is None else str(file),
            timeout_seconds=self.settings.timeout_ms / 1_000,
        )

    def writer(self, environment: str, product: str) -> OnlineWriter:
        """The store, to be filled. Raises OperatorError F127 or F128."""
        url, access = self.url(environment, product), self.access(environment, product)
        return open_writer(url, access, self.environ)
