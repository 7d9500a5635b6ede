"""Into an environment: ask its policy, switch its pointer, fill its online store, test it."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import now
from interlock.deploy.challenger import start
from interlock.deploy.environment import Environment
from interlock.deploy.pointer import pointer_path
from interlock.deploy.rollout import Target, promote, require_unpinned
from interlock.pipeline.context import Context
from interlock.pipeline.deploying.online import OnlineStores
from interlock.pipeline.deploying.refreshing import Refreshing
from interlock.pipeline.deploying.rival import nothing_beside, require_own_tables, require_rival
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.statements import post_deploy_statement
from interlock.serve.plan import ServePlan
from interlock.store.rows import DeploymentRow, RolloutRow
from interlock.verdict import GateResult


@dataclass(frozen=True, kw_only=True)
class Deployer:
    """Acts on the environments of one project."""

    context: Context
    places: Places
    notary: Notary
    online: OnlineStores

    @property
    def product(self) -> str:
        """The product's name."""
        return self.context.bound.product.name

    @property
    def live(self) -> Switch:
        """What is live where."""
        return Switch(
            product=self.product,
            ledger=self.context.ledger,
            artifacts=self.context.artifacts,
            places=self.places,
            notary=self.notary,
        )

    @property
    def refreshing(self) -> Refreshing:
        """The way to fill online stores."""
        return Refreshing(context=self.context, online=self.online)

    def deploy(
        self,
        environment: Environment,
        target: Target,
        *,
        unpin: bool = False,
        promotes: RolloutRow | None = None,
        reason: str = "",
    ) -> DeploymentRow:
        """Make the target live there if the policy admits it; ``promotes``: from its rollout.

        A waiver must hold at the moment when the target becomes live, and no longer.
        Raises BlockedError E103 or E104 and OperatorError E101 (another act was first); what was
        live then stays live.
        """
        at = now()
        current = self.live.current(environment.name)
        bundle = self.live.admitted(environment, target, current, at)
        row = promote(
            current,
            target,
            product=self.product,
            environment=environment.name,
            at=at,
            unpin=unpin,
            reason=reason,
        )
        self.refreshing.fill(environment.name, bundle)
        return self.live.to(row, current, promotes=promotes)

    def start_rollout(
        self,
        environment: Environment,
        target: Target,
        *,
        buckets: int,
        reason: str = "",
        unpin: bool = False,
    ) -> RolloutRow:
        """Set the target beside what is live, for so many buckets or in shadow (0).

        It is admitted as if it were to become live, by the newest delivery of it that proves so.
        Raises as :meth:`deploy`, OperatorError E131 (nothing is live), E150, E153.
        """
        at = now()
        current = self.live.current(environment.name)
        if current is None:
            raise nothing_beside(self.product, environment.name)
        require_unpinned(current, unpin=unpin)
        last = self.live.last_rollout(environment.name)
        self.live.settle(current, last)
        target = self.live.proven(environment, target, current, at)
        row = start(current, last, target, buckets=buckets, at=at, reason=reason)
        bundle = self.live.admitted(environment, target, current, at)
        champion = self.live.bundle(current.bundle)
        require_own_tables(champion, bundle, where=environment.name)
        if buckets:
            require_rival(champion, bundle, where=environment.name, shadowed=False)
        self.refreshing.fill(environment.name, bundle)
        return self.live.roll_out(row, current)

    def plan(self, environment: Environment, *, port: int = 0) -> ServePlan:
        """How a service of this product in that environment is to run."""
        policy = environment.policy.trusting(*(key.keyid for key in self.notary.keys))
        return ServePlan(
            product=self.product,
            environment=environment.name,
            bundles=str(self.places.artifacts / "bundles"),
            pointer=str(pointer_path(self.places.pointers, environment.name, self.product)),
            attestations=str(self.places.all_attestations),
            policy=policy,
            trusted_keys=tuple(key.pem().decode() for key in self.notary.keys),
            online=self.online.url(environment.name, self.product),
            online_access=self.online.access(environment.name, self.product),
            history_unavailable=self.online.settings.unavailable,
            log=str(self.places.log(environment.name, self.product)),
            pinned_arms=environment.allow_pinned_arm,
            port=port,
        )

    def test_deployed(self, environment: Environment, target: Target) -> GateResult:
        """Start the environment's service, test what runs there, and attest what was found."""
        from interlock.pipeline.probes.deployed import question_deployed  # noqa: PLC0415 - rare

        result = question_deployed(
            self.plan(environment),
            self.live.bundle(target.bundle),
            self.context.bound.schema,
            self.context.bound.project_dir,
        )
        self.notary.attest(
            post_deploy_statement(
                bundle=target.bundle,
                product=self.product,
                delivery=target.delivery,
                environment=environment.name,
                result=result,
                at=now(),
            )
        )
        return result
