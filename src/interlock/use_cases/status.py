"""interlock status: what is live where, since when, and how the last delivery ended."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.deploy.pointer import publish
from interlock.store.rows import DeliveryRow, DeploymentRow
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class EnvironmentStatus:
    """What is live in an environment; None where nothing is."""

    environment: str
    live: DeploymentRow | None


@dataclass(frozen=True, kw_only=True)
class ProductStatus:
    """A product in every environment, and its newest delivery."""

    product: str
    environments: tuple[EnvironmentStatus, ...]
    last_delivery: DeliveryRow | None


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    """The whole project."""

    project: str
    products: tuple[ProductStatus, ...]


def status(workspace: Workspace) -> StatusReport:
    """Read the ledger, and write every pointer anew from it."""
    return StatusReport(
        project=str(workspace.settings.project_dir),
        products=tuple(_product(workspace, name) for name in _names(workspace)),
    )


def _names(workspace: Workspace) -> list[str]:
    """Those delivered before; in a project that never delivered, those declared."""
    return workspace.ledger.products() or list(workspace.products)


def _product(workspace: Workspace, product: str) -> ProductStatus:
    found = []
    for environment in workspace.environments:
        live = workspace.ledger.deployment(product, environment.name)
        if live is not None:
            publish(workspace.places.pointers, live)
        found.append(EnvironmentStatus(environment=environment.name, live=live))
    last = workspace.ledger.deliveries(product=product, limit=1)
    return ProductStatus(
        product=product, environments=tuple(found), last_delivery=last[0] if last else None
    )
