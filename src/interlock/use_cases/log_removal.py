"""Records leave one prediction log, on record: of an environment, or one outside the project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.clock import now
from interlock.deploy.challenger import running
from interlock.pipeline.erasing.log_acts import ERASED, record_act
from interlock.serve.log.erasing import Erasure, Wanted, apply, begin, end, pending
from interlock.serve.log.folder import require_log
from interlock.serve.log.shipping import locked
from interlock.serve.shadow.erasing import forget_scores
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class KeptLog:
    """A log: ``where`` is its environment, or its folder where it lies outside the project."""

    product: str
    where: str
    folder: Path
    outside: bool = False


@dataclass(frozen=True, kw_only=True)
class Gone:
    """How many records went, and how many stay that may be about the unit (``unclear``).

    ``resumed`` says that an act that had died was finished first.
    """

    where: str
    rows: int
    resumed: bool
    unclear: int = 0


def log_of(workspace: Workspace, product: str, environment: str) -> KeptLog:
    """The log of an environment. Raises OperatorError E106."""
    folder = workspace.log(environment, product)
    return KeptLog(product=product, where=environment, folder=folder)


def log_outside(folder: Path, product: str) -> KeptLog:
    """A log that a service of an exported release wrote. Raises OperatorError S192."""
    folder = folder.resolve()
    require_log(folder, product)
    return KeptLog(product=product, where=str(folder), folder=folder, outside=True)


def remove_records(
    workspace: Workspace, log: KeptLog, wanted: Wanted, kind: str, facts: Mapping[str, Any]
) -> Gone:
    """Remove what is wanted; what an act that died has left is removed first."""
    rows, unclear, resumed = 0, 0, False
    if log.folder.is_dir():
        with locked(log.folder, alone=True):
            died = pending(log.folder)
            if died is not None:
                resumed = True
                _finish(workspace, log, died)
            act = begin(log.folder, wanted, kind, dict(facts))
            rows, unclear = len(act.rows), act.unclear
            _finish(workspace, log, act)
    return Gone(where=log.where, rows=rows, resumed=resumed, unclear=unclear)


def _finish(workspace: Workspace, log: KeptLog, act: Erasure) -> None:
    """Do what was written down, and record it once."""
    apply(log.folder, act)
    if not log.outside:  # a rollout's scores lie beside its project's log alone
        forget_scores(log.folder, running=_in_shadow(workspace, log))
    record_act(
        workspace.ledger,
        act.kind,
        notary=workspace.notary() if act.kind == ERASED else None,
        where=log.where,
        product=log.product,
        act=act.id,
        facts=act.facts,
        rows=len(act.rows),
        at=now(),
    )
    end(log.folder)


def _in_shadow(workspace: Workspace, log: KeptLog) -> str | None:
    """The salt of the rollout that runs there."""
    ledger = workspace.ledger
    row = running(
        ledger.deployments.last(log.product, log.where),
        ledger.rollouts.last(log.product, log.where),
    )
    return None if row is None else row.salt
