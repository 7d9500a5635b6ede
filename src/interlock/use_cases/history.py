"""interlock history: deliveries and what was live, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock.pipeline.delivery.interrupted import as_it_is
from interlock.pipeline.rows.tombstones import erased_of
from interlock.store.rows import DeliveryRow, DeploymentRow, RolloutRow
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class HistoryReport:
    """A product's past, newest first; ``erased`` is what erasures did to releases, by label.

    ``rollouts`` are the acts on them: started, grown, stopped.
    """

    product: str
    deliveries: tuple[DeliveryRow, ...]
    deployments: tuple[DeploymentRow, ...]
    rollouts: tuple[RolloutRow, ...] = ()
    erased: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def history(workspace: Workspace, product: str | None = None, *, limit: int = 20) -> HistoryReport:
    """The last ``limit`` deliveries, and deployments and rollouts of every environment."""
    name = workspace.delivered_product(product)
    deployments = [
        row
        for environment in workspace.environments
        for row in workspace.ledger.deployments.newest(name, environment.name, limit=limit)
    ]
    rollouts = [
        row
        for environment in workspace.environments
        for row in workspace.ledger.rollouts.newest(name, environment.name, limit=limit)
    ]
    erased = erased_of(workspace.ledger, name, workspace.notary().keys)
    return HistoryReport(
        product=name,
        erased={
            release.label: erased[release.bundle]
            for release in workspace.ledger.releases.newest(name)
            if release.bundle in erased
        },
        deliveries=tuple(
            as_it_is(workspace.ledger, workspace.places, row)
            for row in workspace.ledger.deliveries.newest(product=name, limit=limit)
        ),
        deployments=tuple(sorted(deployments, key=lambda row: -row.since)),
        rollouts=tuple(sorted(rollouts, key=lambda row: -row.at)),
    )
