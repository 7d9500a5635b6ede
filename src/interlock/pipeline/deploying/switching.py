"""What is live where, and making something else live: needs the ledger, not the project's code.

So a rollback works when the product's file is broken, and costs no import of it. The environments'
policies stand in the project's settings, so that they are asked here, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from interlock.deploy.act import Act
from interlock.deploy.challenger import STOP
from interlock.deploy.environment import Environment
from interlock.deploy.live import Live, unsigned
from interlock.deploy.pointer import pointer_path, publish, standing
from interlock.deploy.policy import Admission, Facts, admit
from interlock.deploy.rollout import Target
from interlock.errors import IntegrityError
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.attest import sign, verify
from interlock.release.bundle import Bundle, open_bundle
from interlock.store.acts import Seal
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import DeploymentRow, Head, RolloutRow


@dataclass(frozen=True, kw_only=True)
class Switch:
    """Acts on the live pointers of one product."""

    product: str
    ledger: Ledger
    artifacts: ArtifactStore
    places: Places
    notary: Notary

    def current(self, environment: str) -> DeploymentRow | None:
        """What is live there, as the ledger has it."""
        return self.ledger.deployments.last(self.product, environment)

    def believed(self, environment: str) -> DeploymentRow | None:
        """What is live there, for whoever runs its code without asking a service.

        Raises IntegrityError R165 or R172 where ledger, signatures and pointer disagree.
        """
        told = self.told(environment)
        told.require_proven()
        told.require_no_later_pointer()
        return told.deployment

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
        """Record a deployment, signed, and publish its pointer; whatever is done is not redone.

        A service loads nothing that is not attested, so the pointer comes last. Raises
        OperatorError E101 where something else was deployed meanwhile, or the rollout that this
        promotes was changed; IntegrityError R165 and R172 where ledger and signatures disagree,
        R165 as :meth:`publish`.
        """
        self.told(row.environment).require_proven()
        if row != current:
            self.ledger.deployments.record(row, seal=self.seal(row), promotes=promotes)
        self._keep(row)
        self.publish(row)
        return row

    def roll_out(self, rollout: RolloutRow, current: DeploymentRow) -> RolloutRow:
        """Record an act on a rollout beside what is live, signed, and publish the pointer.

        An end is heard without proof, so it waits for none; it is signed all the same, and keeps
        the challenger from coming back. Raises OperatorError E101 where something changed
        meanwhile.
        """
        if rollout.act != STOP:
            self.told(rollout.environment).require_proven()
        self.ledger.rollouts.record(rollout, seal=self.seal(rollout))
        if rollout.act == STOP:
            self.publish(current)
            self._keep(rollout)
        else:
            self._keep(rollout)
            self.publish(current)
        return rollout

    def settle(self, current: DeploymentRow, last: RolloutRow | None) -> None:
        """Keep what was signed, and publish: who recorded it may have been killed before that."""
        if last is not None and last.generation == current.generation:
            self._keep(last)
        self.to(current, current)

    def publish(self, row: DeploymentRow) -> None:
        """Write the pointer anew from the ledger.

        Raises IntegrityError R165 where it names a later state than the ledger knows, which stays:
        services would not hear of this one.
        """
        publish(self.places.pointers, row, self.last_rollout(row.environment))
        self.recorded(row.environment).require_no_later_pointer()

    def told(self, environment: str) -> Live:
        """What ledger, signatures and pointer say of an environment, to be held to each other.

        The files are read first: an act is recorded before any says so. Raises IntegrityError R120,
        R121 or R122 for a signed act that does not hold.
        """
        here = self.product, environment
        signed = self.notary.acts(*here)
        told = self.recorded(environment)
        with_acts = [*self.ledger.deployments.envelopes(*here)]
        with_acts += self.ledger.rollouts.envelopes(*here)
        sealed = self.notary.signed(text.encode() for text in with_acts)
        return replace(told, signed=signed, sealed=sealed)

    def recorded(self, environment: str) -> Live:
        """The same by ledger and pointer alone."""
        path = pointer_path(self.places.pointers, environment, self.product)
        pointer = standing(path)  # and rollouts before what is live: a later act may come between
        rollouts = self.ledger.rollouts.newest(self.product, environment)
        deployments = self.ledger.deployments.newest(self.product, environment)
        return Live(
            product=self.product,
            environment=environment,
            where=str(path),
            deployments=tuple(deployments),
            rollouts=tuple(rollouts),
            pointer=pointer,
        )

    def _keep(self, row: DeploymentRow | RolloutRow) -> None:
        """Keep beside the bundle what was signed as the act was recorded; nothing is signed here.

        Raises IntegrityError R172 where that is another act, or nothing.
        """
        act = Act.of_row(row)
        beside = self.notary.signed(self.notary.envelopes(row.bundle))
        if act in beside:
            return
        acts = self.ledger.deployments if isinstance(row, DeploymentRow) else self.ledger.rollouts
        for text in acts.envelopes(row.product, row.environment):
            said = verify(text.encode(), self.notary.keys)
            if Act.of_statement(said) == act:
                self.notary.keep(said, text.encode())
                return
        raise IntegrityError.of([unsigned(act)])

    def seal(self, row: DeploymentRow | RolloutRow) -> Seal:
        """Signs that the bundle answers there, for all or on trial, or is tried in shadow."""

        def seal(head: Head) -> str:
            said = Act.of_row(row).statement(reason=row.reason, head=head)
            return sign(said, self.notary.key).decode()

        return seal


def _since(current: DeploymentRow | None, target: Target, at: int) -> int:
    """When the target was admitted: now, unless this very delivery made it live already."""
    if current is None or (current.bundle, current.delivery) != (target.bundle, target.delivery):
        return at
    return current.since
