"""interlock refresh: fill an environment's online store for the present grid points."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import now
from interlock.use_cases.absence import nothing_live
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class RefreshReport:
    """What each history answers from now, by its name.

    ``grids`` are the grid points (µs), ``written`` the entities of those that had to be computed.
    """

    product: str
    environment: str
    grids: dict[str, int]
    written: dict[str, int]


def refresh(
    workspace: Workspace, product: str | None = None, *, environment: str = "prod"
) -> RefreshReport:
    """Compute what the live release looks up, for the present, from the sources as they are now.

    What is there already is not computed again. Raises OperatorError E131 when nothing is live.
    """
    place = workspace.environment(environment)
    bound = workspace.bound(product)
    deployer = workspace.deployer(bound, now())
    live = deployer.live.believed(place.name)
    if live is None:
        raise nothing_live(workspace, bound.product.name, place.name, "to be looked up for")
    refreshed = deployer.refreshing.fill(place.name, deployer.live.bundle(live.bundle))
    return RefreshReport(
        product=bound.product.name,
        environment=place.name,
        grids={one.history: one.grid for one in refreshed},
        written={one.history: one.written for one in refreshed if one.written is not None},
    )
