"""What was done to prediction logs, in the ledger: erasures are signed, and hold no key.

``where`` is an environment, or the folder of a log that lies outside the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.release.attest import sign, verify
from interlock.release.statements import erasure_statement
from interlock.store.ledger import Ledger
from interlock.store.rows import Event

ERASED, RETAINED = "log.erased", "log.retained"


def record_act(
    ledger: Ledger,
    kind: str,
    *,
    notary: Notary | None,
    where: str,
    product: str,
    act: str,
    facts: Mapping[str, Any],
    rows: int,
    at: int,
) -> None:
    """Record an act once; ``act`` is its own id. Who signs it needs the unit's digest in it."""
    if act in {event.body.get("id") for event in ledger.events(kind=kind)}:
        return
    body = {"id": act, **facts, "rows": rows}
    if notary is not None:
        said = _statement(where, product, kind, body, at)
        body["envelope"] = sign(said, notary.key).decode()
    ledger.append(kind, subject=where, product=product, body=body, at=at)


def _statement(where: str, product: str, kind: str, body: Mapping[str, Any], at: int) -> Any:
    return erasure_statement(
        subject=body["entity"], product=product, act=kind, facts={**body, "where": where}, at=at
    )


def erased_from(notary: Notary, product: str, entity: str) -> set[str]:
    """Where that unit was erased from logs on signed record; what is not signed does not count."""
    acts = notary.ledger.events(product=product, kind=ERASED)
    return {e.subject for e in acts if e.body["entity"] == entity and _is_signed(e, notary)}


def erased_logs(notary: Notary, product: str) -> list[str]:
    """Every place that a unit of the product was ever erased from, in the order of the first."""
    acts = notary.ledger.events(product=product, kind=ERASED)
    return list(dict.fromkeys(event.subject for event in acts))


def _is_signed(event: Event, notary: Notary) -> bool:
    body = {name: value for name, value in event.body.items() if name != "envelope"}
    meant = _statement(event.subject, event.product, event.kind, body, event.at)
    try:
        said = verify(str(event.body.get("envelope")).encode(), notary.keys)
    except IntegrityError:
        return False
    return (said.subject, said.name, said.predicate_type, dict(said.predicate)) == (
        meant.subject,
        meant.name,
        meant.predicate_type,
        dict(meant.predicate),
    )
