"""interlock deliver: run the whole path to an environment."""

from __future__ import annotations

from interlock.clock import now, parse_instant
from interlock.deploy.environment import path_to
from interlock.pipeline.delivery import deliver as run_delivery
from interlock.pipeline.delivery import unfinished
from interlock.pipeline.ending import Delivered
from interlock.pipeline.goal import Goal
from interlock.pipeline.revision import revision_of
from interlock.workspace import Workspace


def deliver(
    workspace: Workspace,
    product: str | None = None,
    *,
    as_of: str | None = None,
    to: str = "prod",
    resume: bool = False,
    unpin: bool = False,
) -> Delivered:
    """Deliver a product as of a moment (default: now); ``resume`` goes on with the last one."""
    path = path_to(workspace.environments, to)
    bound = workspace.bound(product)
    moment = parse_instant(as_of, zone=bound.zone or "UTC") if as_of else now()
    deployer = workspace.deployer(bound, moment)
    if resume:
        last = unfinished(deployer.context)
        if last is not None:
            deployer = workspace.deployer(bound, last.as_of)
    goal = Goal(
        path=path,
        revision=revision_of(workspace.settings.project_dir),
        resume=resume,
        unpin=unpin,
    )
    return run_delivery(deployer, goal)
