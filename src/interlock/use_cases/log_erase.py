"""interlock log erase, interlock log retain: records leave the prediction log, on record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.clock import format_instant, now, parse_span
from interlock.digest import digest_json
from interlock.errors import OperatorError
from interlock.serve.erasing import Erasure, Wanted, apply, before, begin, end, of_unit, pending
from interlock.serve.shipping import locked
from interlock.workspace import Workspace

ERASED, RETAINED = "log.erased", "log.retained"


@dataclass(frozen=True, kw_only=True)
class EraseReport:
    """How many records went; ``resumed`` says that an act that had died was finished first."""

    product: str
    environment: str
    rows: int
    resumed: bool


def erase(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    key: tuple[str, ...],
    reason: str,
) -> EraseReport:
    """Erase the records of one unit; the ledger keeps the count and the key's digest.

    Raises OperatorError S187 for a key or a reason that cannot be used.
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
    facts = {"entity": digest_json({"product": name, "entity": list(key)}), "reason": text}
    return _removed(workspace, name, environment, of_unit(key), ERASED, facts)


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
    facts = {"before": format_instant(instant)}
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
