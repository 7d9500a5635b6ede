"""interlock deliver: run the whole path to an environment."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from interlock.clock import now, parse_instant
from interlock.deploy.environment import path_to
from interlock.pipeline.delivery.delivery import deliver as run_delivery
from interlock.pipeline.delivery.delivery import newest_delivery
from interlock.pipeline.delivery.ending import Delivered
from interlock.pipeline.delivery.goal import USUAL, Goal
from interlock.pipeline.delivery.revision import revision_of
from interlock.product.contracts import require_known
from interlock.store.atomic import storage, write_file
from interlock.workspace import Workspace


def deliver(
    workspace: Workspace,
    product: str | None = None,
    *,
    as_of: str | None = None,
    to: str | None = None,
    resume: bool = False,
    unpin: bool = False,
    full: bool = False,
    hold: bool = False,
    copies: Mapping[str, Path] | None = None,
) -> Delivered:
    """Deliver a product to an environment (default: prod) as of a moment (default: now).

    ``resume`` goes on with the last one as it was begun: to the same environment, as of the same
    moment, held or not; what is asked beside it must agree (OperatorError E123).

    ``full`` asks for the full form of the service gate where no environment's policy does.

    With ``hold`` the last environment admits the release and goes on with what is live there.
    ``copies`` say where else to put a document of the delivery, by its name in
    :mod:`interlock.report.documents`. Raises StoreError L102 before anything runs where a copy
    could not be written.
    """
    for place in (copies or {}).values():
        _require_place(place)
    bound = workspace.bound(product)
    require_known(workspace.settings.project_dir, tuple(workspace.products))
    moment = parse_instant(as_of, zone=bound.zone or "UTC") if as_of else now()
    deployer = workspace.deployer(bound, moment)
    begun = newest_delivery(deployer) if resume else None
    if begun is not None and as_of is None:
        deployer = workspace.deployer(bound, begun.as_of)
    goal = Goal(
        path=path_to(workspace.environments, to or (begun.goal if begun else USUAL)),
        revision=revision_of(workspace.settings.project_dir),
        resume=resume,
        unpin=unpin,
        full=full or (begun is not None and begun.full),
        hold=hold or (begun is not None and begun.hold),
        log_full=workspace.settings.log.full,
        product=bound.product.name if len(workspace.products) > 1 else "",
    )
    done = run_delivery(deployer, goal)
    for name, place in (copies or {}).items():
        if name not in done.missing:  # what could not be drawn is told by the delivery
            write_file(place, (done.folder / name).read_bytes())
    return done


def _require_place(path: Path) -> None:
    """A typing error is better found now than after training."""
    with storage(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
