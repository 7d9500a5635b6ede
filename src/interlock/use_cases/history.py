"""interlock history: deliveries and what was live, newest first."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.store.rows import DeliveryRow, DeploymentRow
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class HistoryReport:
    """A product's past, newest first."""

    product: str
    deliveries: tuple[DeliveryRow, ...]
    deployments: tuple[DeploymentRow, ...]


def history(workspace: Workspace, product: str | None = None, *, limit: int = 20) -> HistoryReport:
    """The last ``limit`` deliveries, and the deployments of every environment."""
    name = workspace.delivered_product(product)
    deployments = [
        row
        for environment in workspace.environments
        for row in workspace.ledger.deployments(name, environment.name, limit=limit)
    ]
    return HistoryReport(
        product=name,
        deliveries=tuple(workspace.ledger.deliveries(product=name, limit=limit)),
        deployments=tuple(sorted(deployments, key=lambda row: -row.since)),
    )
