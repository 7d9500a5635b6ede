"""Whether somebody entitled made live here what the pointer names: asked of the signatures alone.

The pointer is a file, and whoever can write it holds no key by that. So a worker follows it only to
what a trusted key has signed: this bundle, in this environment, in this very generation; of a
challenger also the revision, the buckets and the salt. That every gate admits a bundle
(:mod:`interlock.serve.loaded.admission`) is another question, and makes the bundle live nowhere.

An earlier deployment's signature does not do for a later one: a rollback is an act of its own, with
a generation and a signature of its own, so a pointer that was kept cannot bring back what somebody
replaced. A worker that runs never goes back to an older generation; one that begins compares with
all that is signed, for it has nothing else to remember by.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from interlock.deploy.act import DEPLOYS, Act, Order, Trial, claimed_order, order_text
from interlock.deploy.challenger import ROLLOUT, SHADOW
from interlock.deploy.pointer import Challenger
from interlock.errors import IntegrityError
from interlock.release.attest import DEPLOYMENT
from interlock.serve.loaded.proofs import attested_bundles, claimed, envelopes, said_about
from interlock.serve.plan import ServePlan
from interlock.serve.rollout.target import Target, going_back


def require_deployed(target: Target, plan: ServePlan) -> None:
    """Raises IntegrityError S135 unless the target's champion was signed as made live here."""
    _require(plan, target.digest, DEPLOYS, target.generation)


def require_on_trial(target: Target, plan: ServePlan) -> None:
    """Raises IntegrityError S135 unless the target's challenger was signed as set beside it."""
    rival = target.rival
    if rival is None:
        return
    split = rival.split
    trial = Trial(revision=target.revision, buckets=split.buckets, salt=split.salt)
    _require(plan, rival.digest, (ROLLOUT,), target.generation, trial)


def require_in_shadow(found: Challenger, order: Order, plan: ServePlan) -> None:
    """Raises IntegrityError S135 unless the challenger was signed as one in shadow."""
    generation, revision = order
    trial = Trial(revision=revision, buckets=found.buckets, salt=found.salt)
    _require(plan, found.bundle, (SHADOW,), generation, trial)


def require_newest(target: Target, plan: ServePlan) -> None:
    """Raises IntegrityError S136 where something newer is signed here than the pointer names."""
    if plan.pointer is None:
        return
    signed = [
        act.order
        for digest in attested_bundles(plan)
        if _may_be_newer(digest, target.order, plan)
        for act in _acts(plan, digest)
    ]
    newest = max(signed, default=target.order)
    if newest > target.order:
        raise going_back(target.order, newest, where=str(plan.pointer))


def _may_be_newer(digest: str, order: Order, plan: ServePlan) -> bool:
    """Whether to verify what is said about a bundle: of most, that was long ago."""
    return any(claimed_order(claimed(e, DEPLOYMENT)) > order for e in envelopes(plan, digest))


def _require(
    plan: ServePlan,
    bundle: str,
    kinds: Collection[str],
    generation: int,
    trial: Trial | None = None,
) -> None:
    """What the pointer says of a bundle is signed; ``trial``: of one beside the champion."""
    if plan.pointer is None or plan.policy is None:
        return  # a given bundle; without a policy nothing is loaded that a pointer names
    signed = list(_acts(plan, bundle))
    if any(
        act.kind in kinds and act.generation == generation and trial in (None, act.trial)
        for act in signed
    ):
        return
    wanted = order_text((generation, trial.revision if trial else 0))
    raise IntegrityError(
        "S135",
        "nobody entitled made this release live here",
        where=f"{bundle[:12]} in {plan.environment}",
        expected=f"{' or '.join(kinds)} in {wanted}, signed by a key that the policy trusts",
        got="; ".join(act.text for act in signed) or "nothing of this kind is signed about it",
        fix="repeat the act that was interrupted; if there was none, find out who wrote "
        f"{plan.pointer}, delete it and run `interlock status`",
        untouched="what is live",
    )


def _acts(plan: ServePlan, digest: str) -> Iterator[Act]:
    """What trusted keys say was done with the bundle in this environment."""
    for said in said_about(plan, digest, DEPLOYMENT):
        act = Act.of_statement(said)
        if act and (act.product, act.environment) == (plan.product, plan.environment):
            yield act
