"""Nothing unproven answers live: the policy's question, asked again where the bundle is loaded.

The worker trusts neither the pointer nor the machine that wrote it: with the public keys in its
plan it verifies the attestations itself. Whether a gate compared with the *present* champion was
asked when the release was deployed; a restart or a rollback later must not ask it again.

A plan without a policy is good for replay only, and for one given bundle: that is how a gate tries
a release that has no proofs yet, and such answers are marked.

Attestations lie in ``<attestations>/<bundle digest>/*.json``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from interlock.deploy.policy import Facts, Policy, admit
from interlock.errors import IntegrityError, OperatorError
from interlock.release.attest import BUILD, verify
from interlock.release.bundle import Bundle
from interlock.release.keys import PublicKey
from interlock.serve.plan import ServePlan

_MOST = 1_000  # attestations looked at
_LARGEST = 32 << 20  # bytes


def require_admission(bundle: Bundle, plan: ServePlan) -> None:
    """Raises BlockedError E104 unless the plan's policy admits the bundle, OperatorError S132."""
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
    keys = [PublicKey.from_pem(pem.encode(), where="trusted_keys") for pem in plan.trusted_keys]
    envelopes = list(_envelopes(plan, bundle.digest))
    policy = replace(plan.policy, present_champion=False)
    answers = [
        admit(bundle.digest, _facts(bundle, plan, delivery), envelopes, policy, keys)
        for delivery in _deliveries(bundle.digest, envelopes, policy, keys) or [""]
    ]
    if not any(answer.admitted for answer in answers):
        answers[-1].require(where=plan.environment)


def _facts(bundle: Bundle, plan: ServePlan, delivery: str) -> Facts:
    return Facts(
        product=plan.product,
        bundle_product=bundle.product,
        snapshot=str(bundle.inputs.get("snapshot", "")),
        delivery=delivery,
    )


def _deliveries(
    digest: str, envelopes: Sequence[bytes], policy: Policy, keys: Sequence[PublicKey]
) -> list[str]:
    """The deliveries whose builds of this bundle are attested by a trusted key."""
    trusted = [key for key in keys if key.keyid in policy.trusted]
    found = set()
    for envelope in envelopes:
        try:
            said = verify(envelope, trusted)
        except IntegrityError:
            continue  # the policy says why it does not count
        if said.subject == digest and said.predicate_type == BUILD:
            found.add(str(said.predicate.get("delivery")))
    return sorted(found)


def _envelopes(plan: ServePlan, digest: str) -> Iterator[bytes]:
    if plan.attestations is None:
        return
    paths = sorted((Path(plan.attestations) / digest).glob("*.json"))
    for path in paths[:_MOST]:
        with path.open("rb") as stream:
            yield stream.read(_LARGEST)
