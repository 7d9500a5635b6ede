"""interlock refresh: fill an environment's online store for the present grid points."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import now
from interlock.features.grid import grid_point
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class RefreshReport:
    """The grid point (µs) from which each history now answers, by its name."""

    product: str
    environment: str
    grids: dict[str, int]


def refresh(
    workspace: Workspace, product: str | None = None, *, environment: str = "prod"
) -> RefreshReport:
    """Compute every history for the present, from the sources as they are now."""
    place = workspace.environment(environment)
    bound = workspace.bound(product)
    moment = now()
    workspace.deployer(bound, moment).fill_online(place.name)
    return RefreshReport(
        product=bound.product.name,
        environment=place.name,
        grids={h.name: grid_point(moment, h) for h in bound.features.histories},
    )
