"""interlock log erase, interlock log retain: records leave the prediction log, on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from interlock.clock import format_instant, now, parse_span
from interlock.errors import OperatorError
from interlock.pipeline.alone import alone, nobody_stores
from interlock.pipeline.erasing.exports import Exports, logs_beside, search_exports
from interlock.pipeline.erasing.finding import find
from interlock.pipeline.erasing.grid_points import GridPoints, forget_grid_points
from interlock.pipeline.erasing.log_acts import ERASED, RETAINED, erased_from, erased_logs
from interlock.pipeline.erasing.removing import Removed, marks, remove
from interlock.pipeline.erasing.sources import Sources, search_sources
from interlock.pipeline.erasing.stores import Stores
from interlock.pipeline.erasing.unit import Unit, entity_digest
from interlock.pipeline.places import REPLAY
from interlock.pipeline.rows.tombstones import stored_snapshots
from interlock.pipeline.unit_kinds import unit_kinds
from interlock.serve.log.erasing import before, of_unit
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.shipping import read_all
from interlock.use_cases.log_removal import Gone, log_of, log_outside, remove_records
from interlock.wording import counted
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class EraseReport:
    """How many records went; ``resumed`` says that an act that had died was finished first.

    ``unclear`` counts records that stay and may be about it: answers about units of other parts
    whose requests name it. ``outside`` is the same of logs outside the project. ``removed`` is
    what deliveries had stored of the unit, ``searched`` whether that was looked for: None where
    it was not asked, False where the key is not one of the unit that the product declares now.
    ``reports`` are files that may name the unit and stay; ``unsearched`` sources without
    columns of its key, ``renamed`` those of which some snapshots have none. ``sources`` says
    which hold it still, None where none was looked into. ``grid_points`` are tables of online
    stores, None where no release looks anything up. ``exports`` are files written out of the
    project; ``logs`` the environments and the folders whose logs there are besides, out of
    which this unit was never erased. ``left`` counts the places that hold the unit still, or
    may.
    """

    product: str
    environment: str
    rows: int
    resumed: bool
    unclear: int = 0
    outside: tuple[Gone, ...] = ()
    searched: bool | None = None
    removed: Removed = field(default_factory=Removed)
    reports: tuple[Path, ...] = ()
    unsearched: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    sources: Sources | None = None
    grid_points: GridPoints | None = None
    exports: Exports = field(default_factory=Exports)
    logs: tuple[str, ...] = ()
    left: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "left", self._left())

    def _left(self) -> int:
        """How many places are known that still hold the unit, or may."""
        staying = () if self.grid_points is None else self.grid_points.staying
        named = [
            self.removed.live,
            self.renamed,
            self.reports,
            staying,
            self.exports.hold,
            self.logs,
        ]
        if self.sources is not None:
            named += [self.sources.hold, self.sources.unreadable]
        logs = sum(map(bool, (self.unclear, *(log.unclear for log in self.outside))))
        return sum(map(len, named)) + logs + (self.searched is False)


def erase(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    key: tuple[str, ...],
    reason: str,
    logs: tuple[Path, ...] = (),
) -> EraseReport:
    """Erase the records of one unit, and what deliveries stored of it, on record.

    ``logs`` are folders of logs outside the project. The ledger keeps who, why, the counts and the
    key's digest. Raises OperatorError S187 for a key or a reason that cannot be used, S192 for a
    folder that is no log of the product: nothing is erased then; E121 while a delivery runs or rows
    are stored, AuthorError where the product does not load, StoreError or OperatorError where an
    online store cannot be reached: the logs' records are then gone, and the rest is done by running
    it again.
    """
    text = _usable(key, reason)
    name = workspace.delivered_product(product)
    own = log_of(workspace, name, environment)
    further = dict.fromkeys(log_outside(folder, name) for folder in logs)
    _require_whole(workspace, name, key, logs=(own.folder, *(log.folder for log in further)))
    entity = entity_digest(name, key)
    facts = {"entity": entity, "by": workspace.user, "reason": text}
    gone, *outside = [
        remove_records(workspace, log, of_unit(key), ERASED, facts) for log in (own, *further)
    ]
    report = EraseReport(
        product=name,
        environment=environment,
        rows=gone.rows,
        resumed=gone.resumed,
        unclear=gone.unclear,
        outside=tuple(outside),
        logs=tuple(_other_logs(workspace, name, entity)),
    )
    return _with_copies(workspace, report, key, text)


def _usable(key: tuple[str, ...], reason: str) -> str:
    """The reason, on one line. Raises OperatorError S187."""
    text = " ".join(reason.split())
    if not all(key) or not key or not text or any(part in text for part in key):
        raise OperatorError(
            "S187",
            "an erasure cannot be done like this",
            expected="the unit's key, and a reason that does not name it, since it stays for ever",
            got=f"{counted(len(key), 'part')} of a key, "
            f"{counted(len(text), 'character')} of reason",
            fix="give --entity and --reason",
            untouched="the log",
        )
    return text


def _require_whole(
    workspace: Workspace, product: str, key: tuple[str, ...], *, logs: tuple[Path, ...]
) -> None:
    """Raises OperatorError S187 for a key of a number of parts that no unit of the product has had.

    A part of a key names others' refused requests, too.
    """
    parts = {len(kinds) for kinds in unit_kinds(workspace.ledger, workspace.artifacts, product)}
    if not parts or len(key) in parts:
        return
    declared = Unit.of(workspace.bound(product), key)
    if declared.complete or any(_tells_of(log, len(key)) for log in logs):
        return
    expected = " or ".join(str(n) for n in sorted(parts - {0} | {len(declared.columns)}))
    raise OperatorError(
        "S187",
        "an erasure cannot be done like this",
        where="--entity",
        expected=f"every part of the unit's key: {expected}",
        got=counted(len(key), "part"),
        fix="give --entity with every part of the key, in its order",
        untouched="the log",
    )


def _tells_of(log: Path, parts: int) -> bool:
    """Whether a record of the log is about a unit of so many parts."""
    return any(len(PREDICTIONS.told(e).entity) == parts for e in PREDICTIONS.of(read_all(log)))


def _other_logs(workspace: Workspace, product: str, entity: str) -> Iterator[str]:
    """Where there are logs that no erasure of that digest of a key looked into."""
    notary = workspace.notary()
    done = erased_from(notary, product, entity)
    for name in (*(one.name for one in workspace.environments), REPLAY):
        if name not in done and workspace.places.log(name, product).is_dir():
            yield name
    outside = [where for where in erased_logs(notary, product) if where.startswith("/")]
    outside += map(str, logs_beside(workspace.ledger, product))
    for where in dict.fromkeys(outside):
        if where not in done and Path(where).is_dir():
            yield where


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
    bound = workspace.bound(name)
    unit = Unit.of(bound, key)
    if not unit.complete:
        exports = search_exports(stores, key, held=())
        return replace(report, searched=False, exports=exports)
    with alone(workspace.places.lock), nobody_stores(workspace.places.storing):
        copies = find(stores, unit)
        grid_points = forget_grid_points(stores, workspace.online, copies, unit)
        entity = entity_digest(name, key)
        removed = remove(stores, copies, entity=entity, at=now(), by=workspace.user, reason=reason)
        held = {bundle for bundle, _ in marks(stores, entity)}
        exports = search_exports(stores, key, held=held)
    return replace(
        report,
        searched=True,
        removed=removed,
        reports=copies.reports,
        unsearched=copies.unsearched,
        renamed=copies.renamed,
        sources=search_sources(bound, unit),
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
    log = log_of(workspace, name, environment)
    gone = remove_records(workspace, log, before(instant), RETAINED, facts)
    return EraseReport(product=name, environment=environment, rows=gone.rows, resumed=gone.resumed)
