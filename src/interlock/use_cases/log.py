"""interlock log: show, query, export, ship and compact the prediction log of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from interlock.clock import now
from interlock.pipeline.exports import LOG_EXPORTED
from interlock.pipeline.unit_kinds import unit_kinds, written
from interlock.serve.log.archive import Kind, archive_for
from interlock.serve.log.compaction import Compacted, compact
from interlock.serve.log.export import export
from interlock.serve.log.shipping import Shipped, locked
from interlock.serve.log.shipping import ship as ship_segments
from interlock.serve.log.view import Asked, LogView, viewed
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class LogReport:
    """The rows asked for, newest first, of ``found`` that there are, and their outcomes.

    ``unknown`` counts the outcomes in the log whose predictions are not. ``out`` is the file that
    the rows were written to instead; ``unreadable`` counts bytes passed over. ``parts`` are the
    numbers of parts that units have in the releases, where the key asked for has another.
    """

    product: str
    environment: str
    found: int
    rows: tuple[dict[str, Any], ...] = ()
    outcomes: tuple[dict[str, Any], ...] = ()
    unknown: int = 0
    out: Path | None = None
    unreadable: int = 0
    parts: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ShipReport:
    """What was shipped, and where to."""

    product: str
    environment: str
    kind: str
    directory: Path
    shipped: Shipped


@dataclass(frozen=True, kw_only=True)
class CompactReport:
    """What became of the files of shipped records."""

    product: str
    environment: str
    compacted: Compacted


def show_log(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    asked: Asked | None = None,
    limit: int = 20,
    out: Path | None = None,
) -> LogReport:
    """The newest records, or with ``out`` all of them into a file.

    Raises IntegrityError S181, OperatorError S186.
    """
    with _viewed(workspace, product, environment) as (name, view):
        _record(workspace, name, environment, out)
        chosen, parts = _of_unit(workspace, name, asked or Asked())
        found = None if out else view.count(chosen)  # before: rows hold the connection
        rows = view.rows(chosen, limit=None if out else limit)
        report = _report(name, environment, view, rows, out=out, found=found)
        report = replace(report, parts=parts)
        return report if out else _with_outcomes(report, view, chosen)


def query_log(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    statement: str,
    out: Path | None = None,
) -> LogReport:
    """What one SELECT gives. Raises OperatorError S185, S186."""
    with _viewed(workspace, product, environment) as (name, view):
        _record(workspace, name, environment, out)
        return _report(name, environment, view, view.select(statement), out=out)


def ship_log(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    to: Kind = "parquet",
    directory: Path | None = None,
    recorded: bool = True,
) -> ShipReport:
    """Ship what is finished; a log that is not there has nothing to ship.

    With ``recorded`` the ledger keeps that something was shipped: who does it every few minutes
    leaves that out.
    Raises OperatorError S182, S183; IntegrityError S180, S184; StoreError L101, L102.
    """
    name, log = _log(workspace, product, environment)
    place = directory or workspace.places.shipped(environment, name, to)
    done = Shipped(segments=0, rows=0, deleted=0, damaged=(), open_bytes=0)
    if log.is_dir():
        with locked(log, alone=True):
            done = ship_segments(log, archive_for(log, to, place))
    if done.deleted and recorded:
        workspace.ledger.append(
            "log.shipped",
            subject=environment,
            product=name,
            body={"to": to, "segments": done.segments, "rows": done.rows},
            at=now(),
        )
    return ShipReport(product=name, environment=environment, kind=to, directory=place, shipped=done)


def compact_log(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    recorded: bool = True,
) -> CompactReport:
    """Make few files of the many that were shipped on days that are over (UTC).

    With ``recorded`` the ledger keeps that it was done. Raises IntegrityError S181, S189;
    StoreError L101, L102.
    """
    name, log = _log(workspace, product, environment)
    done = compact(log, before=now())
    if done.files and recorded:
        workspace.ledger.append(
            "log.compacted",
            subject=environment,
            product=name,
            body={"files": done.files, "made": done.made, "rows": done.rows},
            at=now(),
        )
    return CompactReport(product=name, environment=environment, compacted=done)


def _of_unit(workspace: Workspace, product: str, asked: Asked) -> tuple[Asked, tuple[int, ...]]:
    """With the unit's key as the product's releases write it in the log; and their parts.

    The numbers of parts are empty where a release has as many as the key.
    """
    if not asked.entity:
        return asked, ()
    kinds = unit_kinds(workspace.ledger, workspace.artifacts, product)
    parts = {len(types) for types in kinds}
    others = () if len(asked.entity) in parts else tuple(sorted(parts))
    return replace(asked, entity=(), units=written(kinds, asked.entity)), others


def _log(workspace: Workspace, product: str | None, environment: str) -> tuple[str, Path]:
    """The product's name and its log's folder. Raises OperatorError E106."""
    name = workspace.delivered_product(product)
    return name, workspace.log(environment, name)


@contextmanager
def _viewed(
    workspace: Workspace, product: str | None, environment: str
) -> Iterator[tuple[str, LogView]]:
    name, log = _log(workspace, product, environment)
    with viewed(log) as view:
        yield name, view


def _record(workspace: Workspace, product: str, environment: str, out: Path | None) -> None:
    """Before a row is written: an erasure looks into what was exported, and names it."""
    if out is not None:
        workspace.ledger.append(
            LOG_EXPORTED,
            subject=environment,
            product=product,
            body={"where": str(out.absolute()), "by": workspace.user},
            at=now(),
        )


def _with_outcomes(report: LogReport, view: LogView, asked: Asked) -> LogReport:
    """With what became of the rows, and of ids asked for that the log does not hold."""
    ids = {*asked.ids, *(row["id"] for row in report.rows)}
    told = tuple(view.outcomes(sorted(ids)).to_pylist())
    return replace(report, outcomes=told, unknown=view.unknown_outcomes())


def _report(
    name: str,
    environment: str,
    view: LogView,
    rows: pa.RecordBatchReader,
    *,
    out: Path | None,
    found: int | None = None,
) -> LogReport:
    table = () if out else tuple(rows.read_all().to_pylist())
    written = export(rows, out) if out else found
    return LogReport(
        product=name,
        environment=environment,
        found=len(table) if written is None else written,
        rows=table,
        out=out,
        unreadable=sum(d.size for d in view.damage if not d.at_end),
    )
