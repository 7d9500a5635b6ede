"""Give a bundle its label: a semantic version derived from what changed since the last release."""

from __future__ import annotations

from interlock.clock import now
from interlock.digest import digest_bytes, digest_json
from interlock.pipeline.context import Context
from interlock.pipeline.rows.dividing import coverage_declared
from interlock.product.target import decision_row
from interlock.release import card
from interlock.release.bundle import Bundle
from interlock.release.label import Label, ReleaseFacts, next_label
from interlock.store.rows import DeliveryRow, ReleaseRow


def label_release(context: Context, bundle: Bundle, delivery: DeliveryRow, candidate: str) -> str:
    """The bundle's label, recorded as a release; the one it has if it has one."""
    product = context.bound.product
    previous = next(iter(context.ledger.releases.newest(product.name, limit=1)), None)
    covered, decision = coverage_declared(context), decision_row(product.target)
    facts = ReleaseFacts(
        request=context.bound.schema.to_row(),
        task=product.target.task,
        classes=tuple(bundle.json("answer.json")["spec"]["classes"]),
        unit=getattr(product.target, "unit", ""),
        making={
            "features": digest_json([context.bound.features.to_row(), dict(context.bound.packed)]),
            "candidates": digest_json({n: c.to_row() for n, c in product.candidates.items()}),
            "winner": digest_json(candidate),
            **({"coverage": digest_json(covered)} if covered else {}),
            **({"decision": digest_json(decision)} if decision else {}),
        },
        data={"snapshot": str(bundle.inputs["snapshot"]), **_card(bundle)},
    )
    found = next_label(
        Label.parse(previous.label) if previous else None,
        _facts(previous) if previous else None,
        facts,
    )
    row = context.ledger.releases.add(
        ReleaseRow(
            bundle=bundle.digest,
            product=product.name,
            label=str(found.label),
            delivery=delivery.id,
            facts={**facts.to_row(), "because": list(found.because)},
            created=now(),
        )
    )
    return row.label


def _card(bundle: Bundle) -> dict[str, str]:
    """What the team says of its model: a release of its own, though nothing learnt differs."""
    return {"card": digest_bytes(bundle.read(card.FILE))} if card.FILE in bundle.files else {}


def _facts(release: ReleaseRow) -> ReleaseFacts:
    return ReleaseFacts.from_row({k: v for k, v in release.facts.items() if k != "because"})
