"""Where a ledger begins: with nothing, or with a signed word of what it was rebuilt from.

A deployment's statement signs the end of the chain at its moment, so that the past cannot be made
anew. A rebuilt ledger is made anew: its first event names, signed, the statements that it was made
of, and the ends that those signed were another chain's. The statements that come later hold this
one. Who can write to the ledger but not sign cannot begin one so.
"""

from __future__ import annotations

from collections.abc import Sequence

from interlock.digest import digest_bytes, digest_json
from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.release.attest import DEPLOYMENT, LEDGER, Statement, sign, verify
from interlock.store.projections import ENVELOPE
from interlock.store.rows import Entry, Event, Head

REBUILT = "ledger rebuilt"
_NAME = "ledger"


def beginning(notary: Notary, attestations: Sequence[str], *, at: int) -> Entry:
    """The first event of a ledger that is made of these statements, by their digests."""
    said = _statement(attestations, at)
    envelope = sign(said, notary.key).decode()
    body = {"attestations": list(attestations), ENVELOPE: envelope}
    return Entry(kind=REBUILT, subject=said.subject, product="", at=at, body=body)


def anchor(notary: Notary, events: Sequence[Event]) -> Head | None:
    """The latest end of this chain that a deployment's statement signed: it may not be cut.

    Raises IntegrityError R120, R121 or R122 for a statement that does not hold, R172 for a
    beginning that nobody signed.
    """
    made_of = _made_of(notary, events)
    heads = []
    for path in sorted(notary.places.all_attestations.glob("*/*.json")):
        envelope = path.read_bytes()
        said = verify(envelope, notary.keys, where=str(path))
        if said.predicate_type == DEPLOYMENT and digest_bytes(envelope) not in made_of:
            signed = said.predicate["ledger"]
            heads.append(Head(sequence=signed["sequence"], hash=signed["hash"]))
    return max(heads, key=lambda head: head.sequence, default=None)


def _made_of(notary: Notary, events: Sequence[Event]) -> frozenset[str]:
    """The statements that the ledger was rebuilt from; none of one that was not."""
    first = next(iter(events), None)
    if first is None or first.kind != REBUILT:
        return frozenset()
    said = verify(str(first.body.get(ENVELOPE, "")).encode(), notary.keys, where="event 1")
    meant = _statement(first.body.get("attestations", ()), first.at)
    if (said.subject, said.name, said.predicate_type, said.predicate) != (
        meant.subject,
        meant.name,
        meant.predicate_type,
        meant.predicate,
    ):
        raise IntegrityError(
            "R172",
            "the ledger has an act that nobody entitled signed",
            where="event 1",
            expected="a signature by a trusted key of what it was rebuilt from",
            got="one that was signed for something else",
            fix="find out who wrote to the ledger, and restore it from a backup",
            untouched="what services answer with",
        )
    return frozenset(said.predicate["attestations"])


def _statement(attestations: Sequence[str], at: int) -> Statement:
    names = list(attestations)
    return Statement(
        subject=digest_json(names),
        name=_NAME,
        predicate_type=LEDGER,
        predicate={"attestations": names, "at": at},
    )
