"""What a ledger would have recorded, as far as it was signed: pure, from statements to entries.

Deliveries follow from what was built, releases from what was labelled, acts in environments from
what was deployed and tried. Of every environment all acts must be there, from the first on: with
one missing, what is live there is not known (the last acts on a rollout that a deployment ended are
not missed). Nothing that was only recorded comes back: deliveries that built nothing, results of
stages, erasures, acts on prediction logs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interlock.deploy.act import Act
from interlock.deploy.challenger import STOP, grow, running, start, stop
from interlock.deploy.rollout import ROLLBACK, Target, promote, rollback
from interlock.digest import digest_bytes
from interlock.errors import IntegrityError, OperatorError
from interlock.pipeline.delivery.goal import DELIVERED, FAILED
from interlock.release.attest import BUILD, RELEASE, Attestation
from interlock.release.waiver import waivers_among
from interlock.store import projections as kinds
from interlock.store.rows import (
    AttestationRow,
    DeliveryRow,
    DeploymentRow,
    Entry,
    ReleaseRow,
    RolloutRow,
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A statement, verified, and the envelope that holds it."""

    said: Attestation
    envelope: bytes


@dataclass(frozen=True, kw_only=True)
class Signed:
    """All that was signed, oldest first."""

    kept: tuple[Kept, ...]

    @classmethod
    def of(cls, kept: Iterable[Kept]) -> Signed:
        """The same in the order of their moments."""
        return cls(kept=tuple(sorted(kept, key=lambda one: int(one.said.predicate["at"]))))

    def about(self, kind: str, bundle: str | None = None) -> list[Attestation]:
        """The statements of a type, about that bundle or any."""
        said = [one.said for one in self.kept if one.said.predicate_type == kind]
        return [one for one in said if bundle in (None, one.subject)]

    def entries(self, numbers: Mapping[str, int]) -> list[Entry]:
        """What the ledger would say; ``numbers``: the last delivery's of each product, if known.

        Raises IntegrityError R173 where something that it must say was not signed.
        """
        return [
            *self._deliveries(numbers),
            *self._releases(),
            *sorted(self._acts(), key=lambda entry: entry.at),
            *self._attestations(),
        ]

    def _deliveries(self, numbers: Mapping[str, int]) -> list[Entry]:
        builds: dict[str, dict[str, Attestation]] = {}
        for said in self.about(BUILD):
            builds.setdefault(said.name, {}).setdefault(str(said.predicate["delivery"]), said)
        found = []
        for product, of_it in builds.items():
            last = max(numbers.get(product, 0), len(of_it))
            for number, said in enumerate(of_it.values(), start=last - len(of_it) + 1):
                row = self._delivery(said, number)
                found.append(_entry(kinds.DELIVERY_STARTED, row.id, product, row.started, row))
        return found

    def _delivery(self, built: Attestation, number: int) -> DeliveryRow:
        about, at = built.predicate, int(built.predicate["at"])
        identity = str(about["delivery"])
        released = [s for s in self.about(RELEASE) if s.predicate["delivery"] == identity]
        waivers = waivers_among(one.said for one in self.kept)
        return DeliveryRow(
            id=identity,
            product=built.name,
            number=number,
            as_of=at,
            status=DELIVERED if released else FAILED,
            git_commit=str(about["commit"]),
            dirty=bool(about["dirty"]),
            goal="",
            started=at,
            finished=at,
            bundle=built.subject,
            summary={
                "sentence": "known by what was signed of it",
                "label": next((s.predicate["label"] for s in released), None),
                "waivers": [waiver.summary for waiver in waivers if waiver.delivery == identity],
            },
        )

    def _releases(self) -> list[Entry]:
        found: dict[str, Entry] = {}
        for said in self.about(RELEASE):
            about, at = said.predicate, int(said.predicate["at"])
            if not isinstance(about.get("facts"), dict):
                raise unsaid(said.name, f"what release {about['label']} was labelled for")
            row = ReleaseRow(
                bundle=said.subject,
                product=said.name,
                label=str(about["label"]),
                delivery=str(about["delivery"]),
                facts=about["facts"],
                created=at,
            )
            found.setdefault(row.bundle, _entry(kinds.RELEASED, row.bundle, said.name, at, row))
        return list(found.values())

    def _acts(self) -> list[Entry]:
        places: dict[tuple[str, str], list[tuple[Act, Kept]]] = {}
        for one in self.kept:
            act = Act.of_statement(one.said)
            if act is not None:
                places.setdefault((act.product, act.environment), []).append((act, one))
        return [entry for there in places.values() for entry in self._in_order(there)]

    def _in_order(self, acts: Sequence[tuple[Act, Kept]]) -> list[Entry]:
        """What was done in one environment: each act is decided again on those before it."""
        found: list[Entry] = []
        live: DeploymentRow | None = None
        beside: RolloutRow | None = None
        for act, one in sorted(acts, key=lambda pair: pair[0].order):
            lacking = unsaid(
                f"{act.product} in {act.environment}", f"what was done before {act.text}"
            )
            try:
                row = self._decided(act, str(one.said.predicate["reason"]), live, beside)
            except OperatorError as error:  # nobody could have decided so on what is there
                raise lacking from error
            if Act.of_row(row) != act:
                raise lacking
            if isinstance(row, DeploymentRow):
                live = row
            else:
                beside = row
            kind = kinds.DEPLOYED if isinstance(row, DeploymentRow) else kinds.ROLLED_OUT
            body = {**asdict(row), kinds.ENVELOPE: one.envelope.decode()}
            found.append(
                Entry(kind=kind, subject=act.bundle, product=act.product, at=act.at, body=body)
            )
        return found

    def _decided(
        self, act: Act, reason: str, live: DeploymentRow | None, beside: RolloutRow | None
    ) -> DeploymentRow | RolloutRow:
        """The row that the act makes of what was before it, by the rules that made it then."""
        target = Target(bundle=act.bundle, label=self._label(act), delivery=self._made_by(act))
        how: dict[str, Any] = {"at": act.at, "reason": reason}
        here: dict[str, Any] = {"product": act.product, "environment": act.environment, **how}
        if act.trial is None and act.kind == ROLLBACK:
            return rollback(live, to=target, **here)
        if act.trial is None or live is None:
            return promote(live, target, unpin=True, **here)
        where = f"{act.product} in {act.environment}"
        if act.kind == STOP:
            return stop(live, beside, where=where, **how)
        if running(live, beside) is None:
            return start(live, beside, target, buckets=act.trial.buckets, **how)
        return grow(live, beside, where=where, buckets=act.trial.buckets, **how)

    def _label(self, act: Act) -> str:
        for said in self.about(RELEASE, act.bundle):
            return str(said.predicate["label"])
        raise unsaid(f"{act.product} in {act.environment}", f"the label of {act.bundle[:12]}")

    def _made_by(self, act: Act) -> str:
        """The newest delivery that had built the bundle by then."""
        built = [s for s in self.about(BUILD, act.bundle) if s.predicate["at"] <= act.at]
        if not built:
            raise unsaid(f"{act.product} in {act.environment}", f"who built {act.bundle[:12]}")
        return str(built[-1].predicate["delivery"])

    def _attestations(self) -> list[Entry]:
        return [
            _entry(
                kinds.ATTESTED,
                one.said.subject,
                one.said.name,
                int(one.said.predicate["at"]),
                AttestationRow(
                    subject=one.said.subject,
                    predicate_type=one.said.predicate_type,
                    blob=digest_bytes(one.envelope),
                    at=int(one.said.predicate["at"]),
                ),
            )
            for one in self.kept
        ]


def _entry(kind: str, subject: str, product: str, at: int, row: Any) -> Entry:
    return Entry(kind=kind, subject=subject, product=product, at=at, body=asdict(row))


def unsaid(where: str, what: str) -> IntegrityError:
    """The error for what a ledger must say and nobody signed."""
    return IntegrityError(
        "R173",
        "the ledger cannot be rebuilt: something that it must say was not signed",
        where=where,
        expected="every statement that was ever signed there, as `interlock deliver` signs them",
        got=f"nothing that says {what}",
        fix="restore the missing attestations, or the ledger, from a backup",
        untouched="what services answer with",
    )
