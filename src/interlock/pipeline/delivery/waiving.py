"""Shut gates and their waivers in the ledger: what stayed shut is kept, what is waived is signed.

A waiver is signed when it is given, about the digest of the gate's result: whoever can write to the
ledger but not sign cannot open a gate with it. A delivery that takes it up signs the same words
about the bundle, once there is one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.release.attest import WAIVER, sign, verify
from interlock.release.keys import PublicKey
from interlock.release.waiver import Waiver, result_digest, waiver_statement
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeliveryRow, Event
from interlock.verdict import GateResult

GATE_SHUT = "gate shut"
GATE_WAIVED = "gate waived"


@dataclass(frozen=True, kw_only=True)
class ShutGate:
    """A gate that stopped a delivery: its result and the result's digest, the bundle it questioned.

    ``output`` is the blob of the gate's stage output, where it has one.
    """

    result: GateResult
    digest: str
    bundle: str | None
    output: str | None

    @classmethod
    def of(cls, event: Event) -> ShutGate:
        """The shut gate of an event."""
        body = event.body
        return cls(
            result=GateResult.from_row(body["result"]),
            digest=result_digest(body["result"]),
            bundle=body["bundle"],
            output=body["output"],
        )


def record_shut(
    ledger: Ledger,
    artifacts: ArtifactStore,
    delivery: DeliveryRow,
    result: GateResult,
    *,
    bundle: str | None,
    output: Mapping[str, Any] | None,
    at: int,
) -> None:
    """Record that a gate stopped the delivery, with all that it measured."""
    blob = None
    if output is not None:  # NaN and infinities are part of what was measured
        blob = artifacts.put(json.dumps(dict(output), sort_keys=True).encode())
    ledger.append(
        GATE_SHUT,
        subject=delivery.id,
        product=delivery.product,
        body={
            "number": delivery.number,
            "gate": result.gate,
            "verdict": result.verdict.value,
            "result": result.to_row(),
            "bundle": bundle,
            "output": blob,
        },
        at=at,
    )


def shut_gates(ledger: Ledger, delivery: str) -> list[ShutGate]:
    """The gates that stopped the delivery of that id, oldest first."""
    return [ShutGate.of(event) for event in ledger.events(kind=GATE_SHUT, subject=delivery)]


def give(notary: Notary, waiver: Waiver, *, at: int) -> None:
    """Sign a waiver about its gate's result, and record it."""
    envelope = sign(waiver_statement(subject=waiver.result, waiver=waiver), notary.key)
    notary.ledger.append(
        GATE_WAIVED,
        subject=waiver.delivery,
        product=waiver.product,
        body={"number": waiver.number, "gate": waiver.gate, "envelope": envelope.decode()},
        at=at,
    )


def waivers_of(ledger: Ledger, keys: Collection[PublicKey], delivery: str) -> list[Waiver]:
    """The waivers of the delivery of that id, oldest first. Raises IntegrityError."""
    return [signed_waiver(e, keys) for e in ledger.events(kind=GATE_WAIVED, subject=delivery)]


def signed_waiver(event: Event, keys: Collection[PublicKey]) -> Waiver:
    """The waiver of an event, if it was signed for just that delivery.

    Raises IntegrityError R120, R121, R122 or R167.
    """
    where = f"event {event.sequence} of the ledger"
    said = verify(str(event.body.get("envelope")).encode(), keys, where=where)
    try:
        waiver = Waiver.from_row(said.predicate)
    except ValueError as error:
        raise _misfit(where, str(error)) from None
    signed = (said.predicate_type, said.subject, said.name, waiver.product, waiver.delivery)
    if signed != (WAIVER, waiver.result, event.product, event.product, event.subject):
        raise _misfit(where, "one that was signed for something else")
    return waiver


def _misfit(where: str, got: str) -> IntegrityError:
    return IntegrityError(
        "R167",
        "a recorded waiver is not what was signed",
        where=where,
        expected="a waiver signed for the delivery that the event is about",
        got=got,
        fix="find out who wrote to the ledger; give the waiver again with `interlock waive`",
        untouched="what is live",
    )
