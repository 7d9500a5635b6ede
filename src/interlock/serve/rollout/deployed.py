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

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from interlock.deploy.challenger import ROLLOUT, SHADOW
from interlock.deploy.pointer import Challenger
from interlock.deploy.rollout import PROMOTE, ROLLBACK
from interlock.errors import IntegrityError
from interlock.release.attest import DEPLOYMENT, Attestation
from interlock.serve.loaded.proofs import attested_bundles, claimed, envelopes, said_about
from interlock.serve.plan import ServePlan
from interlock.serve.rollout.target import Order, Target, going_back, order_text


@dataclass(frozen=True, kw_only=True)
class _Claim:
    """What the pointer says of a bundle; ``trial`` is (revision, buckets, salt) of a rollout."""

    bundle: str
    acts: Collection[str]
    generation: int
    trial: tuple[int, int, str] | None = None


def require_deployed(target: Target, plan: ServePlan) -> None:
    """Raises IntegrityError S135 unless the target's champion was signed as made live here."""
    claim = _Claim(bundle=target.digest, acts=(PROMOTE, ROLLBACK), generation=target.generation)
    _require(claim, plan)


def require_on_trial(target: Target, plan: ServePlan) -> None:
    """Raises IntegrityError S135 unless the target's challenger was signed as set beside it."""
    rival = target.rival
    if rival is None:
        return
    trial = (target.revision, rival.split.buckets, rival.split.salt)
    claim = _Claim(bundle=rival.digest, acts=(ROLLOUT,), generation=target.generation, trial=trial)
    _require(claim, plan)


def require_in_shadow(found: Challenger, order: Order, plan: ServePlan) -> None:
    """Raises IntegrityError S135 unless the challenger was signed as one in shadow."""
    generation, revision = order
    trial = (revision, found.buckets, found.salt)
    claim = _Claim(bundle=found.bundle, acts=(SHADOW,), generation=generation, trial=trial)
    _require(claim, plan)


def require_newest(target: Target, plan: ServePlan) -> None:
    """Raises IntegrityError S136 where something newer is signed here than the pointer names."""
    if plan.pointer is None:
        return
    signed = [
        _order(said.predicate)
        for digest in attested_bundles(plan)
        if _may_be_newer(digest, target.order, plan)
        for said in _deployments(plan, digest)
    ]
    newest = max(signed, default=target.order)
    if newest > target.order:
        raise going_back(target.order, newest, where=str(plan.pointer))


def _may_be_newer(digest: str, order: Order, plan: ServePlan) -> bool:
    """Whether to verify what is said about a bundle: of most, that was long ago."""
    return any(_order(claimed(e, DEPLOYMENT)) > order for e in envelopes(plan, digest))


def _require(claim: _Claim, plan: ServePlan) -> None:
    if plan.pointer is None or plan.policy is None:
        return  # a given bundle; without a policy nothing is loaded that a pointer names
    signed = list(_deployments(plan, claim.bundle))
    if not any(_bears_out(said, claim) for said in signed):
        raise _unsigned(claim, plan, signed)


def _bears_out(said: Attestation, claim: _Claim) -> bool:
    about = said.predicate
    if about["act"] not in claim.acts or about["generation"] != claim.generation:
        return False
    return claim.trial is None or _trial(about) == claim.trial


def _trial(about: Mapping[str, Any]) -> tuple[Any, ...]:
    """Revision, buckets and salt of a rollout; nothing of a deployment."""
    trial = about.get("trial")
    if not isinstance(trial, dict) or type(trial.get("revision")) is not int:
        return ()
    return trial["revision"], trial.get("buckets"), trial.get("salt")


def _order(about: Mapping[str, Any]) -> Order:
    generation = about.get("generation")
    if type(generation) is not int:
        return 0, 0
    return generation, next(iter(_trial(about)), 0)


def _deployments(plan: ServePlan, digest: str) -> Iterator[Attestation]:
    """What trusted keys say was done with the bundle in this environment."""
    for said in said_about(plan, digest, DEPLOYMENT):
        about = said.predicate
        here = (about.get("product"), about.get("environment")) == (plan.product, plan.environment)
        numbered = type(about.get("generation")) is int and isinstance(about.get("act"), str)
        if here and numbered and said.name == plan.product:
            yield said


def _unsigned(claim: _Claim, plan: ServePlan, signed: list[Attestation]) -> IntegrityError:
    acts = [f"{said.predicate['act']} in {order_text(_order(said.predicate))}" for said in signed]
    wanted = order_text((claim.generation, claim.trial[0] if claim.trial else 0))
    return IntegrityError(
        "S135",
        "nobody entitled made this release live here",
        where=f"{claim.bundle[:12]} in {plan.environment}",
        expected=f"{' or '.join(claim.acts)} in {wanted}, signed by a key that the policy trusts",
        got="; ".join(acts) or "nothing of this kind is signed about it",
        fix="repeat the act that was interrupted; if there was none, find out who wrote "
        f"{plan.pointer}, delete it and run `interlock status`",
        untouched="what is live",
    )
