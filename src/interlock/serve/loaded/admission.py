"""Nothing unproven answers live: the policy's question, asked again where the bundle is loaded.

The worker trusts neither the pointer nor the machine that wrote it: with the public keys in its
plan it verifies the attestations itself. Whether a gate compared with the *present* champion was
asked when the release was deployed; a restart or a rollback later must not ask it again. So with
waivers: one must have held when the release became live, as the deployment's attestation says; that
it has expired since changes nothing. So with the full form of the service gate: it is asked unless
a signed deployment says that the release was admitted here, perhaps before the policy asked for it.
A rollback is no admission: it returns to what was admitted, and asks no policy.
That a release was tried in shadow lets it be scored in shadow, and answer nobody. Whether the
pointer may name it at all is asked elsewhere (:mod:`interlock.serve.rollout.deployed`).

A plan without a policy is good for replay only, and for one given bundle: that is how a gate tries
a release that has no proofs yet, and such answers are marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from interlock.deploy.challenger import ROLLOUT, SHADOW
from interlock.deploy.policy import Facts, admit
from interlock.deploy.rollout import PROMOTE
from interlock.errors import OperatorError
from interlock.release.attest import BUILD, DEPLOYMENT, WAIVER, Attestation
from interlock.release.bundle import Bundle
from interlock.serve.loaded.proofs import envelopes, known_keys, said_about
from interlock.serve.plan import ServePlan

_ADMITTING = (PROMOTE, ROLLOUT, SHADOW)  # the acts that ask the policy


def require_admission(bundle: Bundle, plan: ServePlan, *, in_shadow: bool = False) -> None:
    """Raises BlockedError E104 unless the plan's policy admits the bundle, OperatorError S132.

    ``in_shadow``: it is to answer nobody.
    """
    if plan.policy is None:
        if plan.replay and plan.bundle is not None:
            return
        raise OperatorError(
            "S132",
            "the plan of the service names no policy",
            expected="the environment's policy, its trusted keys and the attestations",
            got="none, though the service would answer live",
            fix="start the service with 'interlock serve', or with --replay for one bundle",
        )
    kept = list(envelopes(plan, bundle.digest))
    said = [a for a in said_about(plan, bundle.digest) if in_shadow or not _of_shadow(a)]
    full = plan.policy.full_service_gate and not _deployments(plan, said)
    policy = replace(plan.policy, present_champion=False, full_service_gate=full)
    answers = [
        admit(bundle.digest, facts, kept, policy, known_keys(plan))
        for facts in _facts(bundle, plan, said)
    ]
    if not any(answer.admitted for answer in answers):
        answers[-1].require(where=plan.environment)


def _facts(bundle: Bundle, plan: ServePlan, said: Sequence[Attestation]) -> Iterator[Facts]:
    """Every delivery that built the bundle, at every moment at which it was admitted."""
    for delivery in _deliveries(said) or [""]:
        for moment in _moments(plan, said):
            yield Facts(
                product=plan.product,
                bundle_product=bundle.product,
                snapshot=str(bundle.inputs.get("snapshot", "")),
                delivery=delivery,
                moment=moment,
            )


def _deliveries(said: Iterable[Attestation]) -> list[str]:
    """The deliveries whose builds of this bundle are attested."""
    return sorted({str(a.predicate.get("delivery")) for a in said if a.predicate_type == BUILD})


def _moments(plan: ServePlan, said: Iterable[Attestation]) -> list[int | None]:
    """When the bundle was made live here; for one that was exported, wherever it was made live.

    Only waivers ask for it: without one, one moment is as good as another.
    """
    found = list(said)
    if not any(a.predicate_type == WAIVER for a in found):
        return [None]
    moments = {a.predicate["at"] for a in _deployments(plan, found)}
    return [*sorted(moments)] or [None]


def _deployments(plan: ServePlan, said: Iterable[Attestation]) -> list[Attestation]:
    """That the bundle was admitted and made live here; of one that was exported, anywhere."""
    return [
        a
        for a in said
        if a.predicate_type == DEPLOYMENT
        and a.name == plan.product
        and type(a.predicate.get("at")) is int
        and a.predicate.get("act") in _ADMITTING
        and (plan.pointer is None or a.predicate.get("environment") == plan.environment)
    ]


def _of_shadow(said: Attestation) -> bool:
    return said.predicate_type == DEPLOYMENT and said.predicate.get("act") == SHADOW
