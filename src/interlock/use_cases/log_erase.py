"""interlock log erase, interlock log retain: records leave the prediction log, on record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from interlock.clock import format_instant, now, parse_span
from interlock.deploy.challenger import running
from interlock.digest import digest_json
from interlock.errors import OperatorError
from interlock.pipeline.alone import alone
from interlock.pipeline.erasing.exports import Exports, search_exports
from interlock.pipeline.erasing.finding import find
from interlock.pipeline.erasing.grid_points import GridPoints, forget_grid_points
from interlock.pipeline.erasing.removing import Removed, remove
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.erasing.unit import Unit
from interlock.pipeline.rows.tombstones import stored_snapshots
from interlock.serve.log.erasing import Erasure, Wanted, apply, before, begin, end, of_unit, pending
from interlock.serve.log.shipping import locked
from interlock.serve.shadow.erasing import forget_scores
from interlock.workspace import Workspace

ERASED, RETAINED = "log.erased", "log.retained"


@dataclass(frozen=True, kw_only=True)
class EraseReport:
    """How many records went; ``resumed`` says that an act that had died was finished first.

    ``removed`` is what deliveries had stored of the unit, ``searched`` whether that was looked for:
    None where it was not asked, False where the key is not one of the unit that the product
    declares now. ``reports`` are files that may name the unit and stay; ``unsearched`` sources
    without columns of its key. ``grid_points`` are tables of online stores, None where no release
    looks anything up. ``exports`` are files written out of the project; ``logs`` the environments
    whose logs there are besides, out of which this unit was never erased. ``left`` counts the
    places that hold the unit still, or may.
    """

    product: str
    environment: str
    rows: int
    resumed: bool
    searched: bool | None = None
    removed: Removed = field(default_factory=Removed)
    reports: tuple[Path, ...] = ()
    unsearched: tuple[str, ...] = ()
    grid_points: GridPoints | None = None
    exports: Exports = field(default_factory=Exports)
    logs: tuple[str, ...] = ()
    left: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", self._left())

    def _left(self) -> int:
        """How many places are known that still hold the unit, or may."""
        staying = () if self.grid_points is None else self.grid_points.staying
        named = (self.removed.live, self.reports, staying, self.exports.hold, self.logs)
        return sum(map(len, named)) + (self.searched is False)


def erase(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    key: tuple[str, ...],
    reason: str,
) -> EraseReport:
    """Erase the records of one unit, and what deliveries stored of it, on record.

    The ledger keeps who, why, the count and the key's digest. Raises OperatorError S187 for a key
    or a reason that cannot be used, E121 while a delivery runs, AuthorError where the product does
    not load, StoreError or OperatorError where an online store cannot be reached: the log's records
    are then gone, and the rest is done by running it again.
    """
    text = " ".join(reason.split())
    if not all(key) or not key or not text or any(part in text for part in key):
        raise OperatorError(
            "S187",
            "an erasure cannot be done like this",
            expected="the unit's key, and a reason that does not name it, since it stays for ever",
            got=f"{len(key)} parts of a key, {len(text)} characters of reason",
            fix="give --entity and --reason",
            untouched="the log",
        )
    name = workspace.delivered_product(product)
    facts = {
        "entity": digest_json({"product": name, "entity": list(key)}),
        "by": workspace.user,
        "reason": text,
    }
    report = _removed(workspace, name, environment, of_unit(key), ERASED, facts)
    report = replace(report, logs=_other_logs(workspace, name, facts["entity"]))
    return _with_copies(workspace, report, key, text)


def _other_logs(workspace: Workspace, product: str, entity: str) -> tuple[str, ...]:
    """The environments with a log that no erasure of that digest of a key looked into."""
    acts = workspace.ledger.events(product=product, kind=ERASED)
    done = {event.subject for event in acts if event.body["entity"] == entity}
    every = [*(one.name for one in workspace.environments), "replay"]
    return tuple(
        name for name in every if name not in done and workspace.places.log(name, product).is_dir()
    )


def _with_copies(
    workspace: Workspace, report: EraseReport, key: tuple[str, ...], reason: str
) -> EraseReport:
    """What deliveries stored goes as well; a product never delivered has stored nothing."""
    name = report.product
    stores = Stores(
        product=name,
        ledger=workspace.ledger,
        artifacts=workspace.artifacts,
        places=workspace.places,
        environments=tuple(e.name for e in workspace.environments),
        notary=workspace.notary(),
    )
    if next(stored_snapshots(workspace.ledger, name), None) is None:
        return replace(report, searched=True, exports=search_exports(stores, key, held=()))
    unit = Unit.of(workspace.bound(name), key)
    if not unit.complete:
        exports = search_exports(stores, key, held=())
        return replace(report, searched=False, exports=exports)
    with alone(workspace.places.lock):
        copies = find(stores, unit)
        grid_points = forget_grid_points(stores, workspace.online, copies)
        exports = search_exports(stores, key, held={one.bundle for one in copies.bundles})
        removed = remove(stores, copies, at=now(), by=workspace.user, reason=reason)
    return replace(
        report,
        searched=True,
        removed=removed,
        reports=copies.reports,
        unsearched=copies.unsearched,
        grid_points=grid_points,
        exports=exports,
    )


def retain(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    older_than: str,
) -> EraseReport:
    """Remove the records that are older than a span. Raises AuthorError C102."""
    instant = now() - parse_span(older_than)
    name = workspace.delivered_product(product)
    facts = {"before": format_instant(instant), "by": workspace.user}
    return _removed(workspace, name, environment, before(instant), RETAINED, facts)


def _removed(
    workspace: Workspace,
    product: str,
    environment: str,
    wanted: Wanted,
    kind: str,
    facts: dict[str, Any],
) -> EraseReport:
    if environment != "replay":
        workspace.environment(environment)
    log = workspace.places.log(environment, product)
    rows, resumed = 0, False
    if log.is_dir():
        with locked(log, alone=True):
            died = pending(log)
            if died is not None:
                resumed = True
                _finish(workspace, product, environment, log, died)
            act = begin(log, wanted, kind, facts)
            rows = len(act.rows)
            _finish(workspace, product, environment, log, act)
    return EraseReport(product=product, environment=environment, rows=rows, resumed=resumed)


def _finish(workspace: Workspace, product: str, environment: str, log: Path, act: Erasure) -> None:
    """Do what was written down, and record it once."""
    apply(log, act)
    forget_scores(log, running=_in_shadow(workspace, product, environment))
    known = {event.body.get("id") for event in workspace.ledger.events(kind=act.kind)}
    if act.id not in known:
        workspace.ledger.append(
            act.kind,
            subject=environment,
            product=product,
            body={"id": act.id, **act.facts, "rows": len(act.rows)},
            at=now(),
        )
    end(log)


def _in_shadow(workspace: Workspace, product: str, environment: str) -> str | None:
    """The salt of the rollout that runs there."""
    ledger = workspace.ledger
    row = running(
        ledger.deployments.last(product, environment), ledger.rollouts.last(product, environment)
    )
    return None if row is None else row.salt
