"""What is live where, and making something else live: needs the ledger, not the project's code.

So a rollback works when the product's file is broken, and costs no import of it. The environments'
policies stand in the project's settings, so that they are asked here, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from interlock.deploy.challenger import ROLLOUT, SHADOW, STOP
from interlock.deploy.environment import Environment
from interlock.deploy.pointer import Pointer, pointer_path, publish
from interlock.deploy.policy import Admission, Facts, admit
from interlock.deploy.rollout import Target
from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import DEPLOYMENT, verify
from interlock.release.bundle import Bundle, open_bundle
from interlock.release.statements import deployment_statement
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow, RolloutRow


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Acts on the live pointers of one product."""

    product: str
    ledger: Ledger
    artifacts: ArtifactStore
    places: Places
    notary: Notary

    def current(self, environment: str) -> DeploymentRow | None:
        """What is live there."""
        return self.ledger.deployments.last(self.product, environment)

    def bundle(self, digest: str) -> Bundle:
        """A bundle of this project, verified. Raises IntegrityError."""
        return open_bundle(self.artifacts.tree(digest), expected_digest=digest)

    def last_rollout(self, environment: str) -> RolloutRow | None:
        """The last act on a rollout there, whether it still runs or not."""
        return self.ledger.rollouts.last(self.product, environment)

    def admitted(
        self, environment: Environment, target: Target, current: DeploymentRow | None, at: int
    ) -> Bundle:
        """The target's bundle, verified. Raises BlockedError E104 unless the policy admits it."""
        bundle = self.bundle(target.bundle)
        self._admission(environment, bundle, target, current, at).require(where=environment.name)
        return bundle

    def proven(
        self, environment: Environment, target: Target, current: DeploymentRow | None, at: int
    ) -> Target:
        """The target by the newest delivery of its bundle whose proofs the environment admits.

        One bundle may be made by several deliveries: of an uncommitted tree first, or while
        something else was live. Where none is admitted, it is the newest of them, whose reasons
        are those to mend.
        """
        bundle = self.bundle(target.bundle)
        made = self.ledger.deliveries.newest(product=self.product)
        ids = [row.id for row in made if row.bundle == target.bundle] or [target.delivery]
        found = [replace(target, delivery=identity) for identity in ids]
        admitted = (
            t for t in found if self._admission(environment, bundle, t, current, at).admitted
        )
        return next(admitted, found[0])

    def _admission(
        self,
        environment: Environment,
        bundle: Bundle,
        target: Target,
        current: DeploymentRow | None,
        at: int,
    ) -> Admission:
        facts = Facts(
            product=self.product,
            bundle_product=bundle.product,
            snapshot=str(bundle.inputs["snapshot"]),
            delivery=target.delivery,
            live=current.bundle if current else None,
            moment=_since(current, target, at),
        )
        keys = self.notary.keys
        policy = environment.policy.trusting(*(key.keyid for key in keys))
        envelopes = self.notary.envelopes(target.bundle)
        return admit(target.bundle, facts, envelopes, policy, keys)

    def to(
        self,
        row: DeploymentRow,
        current: DeploymentRow | None,
        *,
        promotes: RolloutRow | None = None,
    ) -> DeploymentRow:
        """Record a deployment, attest it, and publish its pointer; whatever is done is not redone.

        A service loads nothing that is not attested, so the pointer comes last. Raises
        OperatorError E101 where something else was deployed meanwhile, or the rollout that this
        promotes was changed; IntegrityError R165 as :meth:`publish`.
        """
        if row != current:
            self.ledger.deployments.record(row, promotes=promotes)
        if row != current or not self._is_attested(
            row, at=row.since
        ):  # who deployed it may have been killed
            self._attest(row, at=row.since)
        self.publish(row)
        return row

    def roll_out(self, rollout: RolloutRow, current: DeploymentRow) -> RolloutRow:
        """Record an act on a rollout beside what is live, attest it, publish the pointer.

        An end is heard without proof, so it waits for none; it is signed all the same, and keeps
        the challenger from coming back. Raises OperatorError E101 where something changed
        meanwhile.
        """
        self.ledger.rollouts.record(rollout)
        if rollout.act == STOP:
            self.publish(current)
            self._attest(rollout, at=rollout.at)
        else:
            self._attest(rollout, at=rollout.at)
            self.publish(current)
        return rollout

    def settle(self, current: DeploymentRow, last: RolloutRow | None) -> None:
        """Attest and publish what was recorded: who did may have been killed before that."""
        present = last is not None and last.generation == current.generation
        if last is not None and present and not self._is_attested(last, at=last.at):
            self._attest(last, at=last.at)
        self.to(current, current)

    def publish(self, row: DeploymentRow) -> None:
        """Write the pointer anew from the ledger.

        Raises IntegrityError R165 where it names a later state than the ledger knows, which stays:
        services would not hear of this one.
        """
        environment = row.environment
        found = publish(self.places.pointers, row, self.last_rollout(environment))
        last = self.last_rollout(environment)  # before what is live: a later act may come between
        known = Pointer.of(self.current(environment) or row, last)
        if found.order > known.order:
            path = pointer_path(self.places.pointers, environment, row.product)
            raise _unknown(found, known, path)

    def _attest(self, row: DeploymentRow | RolloutRow, *, at: int) -> None:
        """Sign that the bundle answers there, for all or on trial, or is tried in shadow."""
        head = self.ledger.head()
        self.notary.attest(
            deployment_statement(
                bundle=row.bundle,
                product=self.product,
                environment=row.environment,
                generation=row.generation,
                act=_signed_act(row),
                reason=row.reason,
                at=at,
                ledger_sequence=head.sequence,
                ledger_hash=head.hash,
                trial=None if isinstance(row, DeploymentRow) else _trial(row),
            )
        )

    def _is_attested(self, row: DeploymentRow | RolloutRow, *, at: int) -> bool:
        """Every statement about the bundle is verified, also those after the one looked for."""
        said = [verify(e, self.notary.keys) for e in self.notary.envelopes(row.bundle)]
        wanted = (row.environment, row.generation, at)
        return any(
            tuple(a.predicate[key] for key in ("environment", "generation", "at")) == wanted
            for a in said
            if a.predicate_type == DEPLOYMENT and a.name == row.product
        )


def _unknown(found: Pointer, known: Pointer, path: Path) -> IntegrityError:
    return IntegrityError(
        "R165",
        "the ledger does not know what lies in the state folder",
        where=str(path),
        expected=f"generation {known.generation}, revision {known.revision} or an earlier one",
        got=f"generation {found.generation}, revision {found.revision}",
        fix="find out who wrote the pointer, or restore the ledger; then delete the file and run "
        "`interlock status`",
        untouched="what services answer with",
    )


def _signed_act(row: DeploymentRow | RolloutRow) -> str:
    """What is signed of it: only one in shadow answers nobody."""
    if isinstance(row, DeploymentRow) or row.act == STOP:
        return row.act
    return SHADOW if row.mode == SHADOW else ROLLOUT


def _trial(row: RolloutRow) -> dict[str, object]:
    """What services hold the pointer to."""
    return {
        "revision": row.revision,
        "buckets": row.buckets,
        "salt": row.salt,
        "began": row.began,
    }


def _since(current: DeploymentRow | None, target: Target, at: int) -> int:
    """When the target was admitted: now, unless this very delivery made it live already."""
    if current is None or (current.bundle, current.delivery) != (target.bundle, target.delivery):
        return at
    return current.since
