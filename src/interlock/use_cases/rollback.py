"""interlock rollback: return to the release before; running services follow the pointer."""

from __future__ import annotations

from interlock.clock import now
from interlock.deploy.rollout import ROLLBACK, Target, require_return
from interlock.deploy.rollout import rollback as decide
from interlock.pipeline.rows.tombstones import require_not_withdrawn
from interlock.store.rows import DeploymentRow
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


def rollback(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    to: str | None = None,
    reason: str = "",
) -> DeploymentRow:
    """Make the recorded previous release live again, or a named one that was live there; pin it.

    Its bundle is verified first. Raises OperatorError E102, E107 or E145, IntegrityError.
    """
    place = workspace.environment(environment)
    name = workspace.delivered_product(product)
    live = workspace.switch(name)
    current = live.current(place.name)
    target = None
    if to is not None:
        release = find_release(workspace, name, to)
        target = Target(bundle=release.bundle, label=release.label, delivery=release.delivery)
    elif current is not None and current.act == ROLLBACK:
        live.to(current, current)  # who rolled back may have been killed before services were told
    row = decide(current, product=name, environment=place.name, at=now(), reason=reason, to=target)
    require_not_withdrawn(workspace.ledger, name, row.bundle, row.label)
    live.bundle(row.bundle)
    require_return(row, workspace.ledger.deployments.newest(name, place.name))
    return live.to(row, current)
