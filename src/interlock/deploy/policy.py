"""May this bundle enter this environment? One pure function of what is signed about it.

Rules, all enforced by :func:`admit`:

* only envelopes that verify with a key the policy trusts are heard, and only about this bundle;
* a build attestation of the delivery in question says: this product, this snapshot, and a clean
  tree where the policy asks for one;
* every gate the policy names was passed **in that delivery**: proofs of another delivery, product,
  environment or champion do not count, however valid they are;
* a verdict is derived again from the checks behind it; a check that passed must fit its own
  numbers;
* of several attestations of one gate the last counts, and of equally late ones the worst;
* a gate that stayed shut is excused only by a signed waiver of exactly that result, for a gate that
  the policy lets be waived, valid at the moment of admission (:mod:`interlock.deploy.excuse`).

Whatever is missing is named. Nothing that is malformed ever counts.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from interlock.deploy.excuse import WAIVABLE, excuse
from interlock.errors import BlockedError, IntegrityError
from interlock.gates.service.form import Form
from interlock.release.attest import BUILD, GATE, POST_DEPLOY, Attestation, verify
from interlock.release.keys import PublicKey
from interlock.release.waiver import Waiver, result_digest, waivers_among
from interlock.verdict import IN, Check, GateResult, Verdict

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "≤": operator.le,
    "<": operator.lt,
    "≥": operator.ge,
    ">": operator.gt,
    "=": operator.eq,
}


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What an environment asks for.

    ``gates`` are names of gates; ``post_deploy_in`` is the environment whose post-deploy tests must
    have passed; ``present_champion``: the model gate must have compared with what is live now;
    ``full_service_gate``: the service gate must have been asked in its full form; ``waivable`` are
    the gates of which a waiver is accepted, none where it is empty; ``trusted`` are key ids, and
    with none of them nothing is admitted.
    """

    gates: tuple[str, ...] = ("data", "model", "service")
    post_deploy_in: str | None = None
    allow_dirty: bool = False
    present_champion: bool = False
    full_service_gate: bool = False
    waivable: tuple[str, ...] = WAIVABLE
    trusted: tuple[str, ...] = ()

    def trusting(self, *keyids: str) -> Policy:
        """The same policy, trusting these keys too."""
        return replace(self, trusted=tuple(dict.fromkeys((*self.trusted, *keyids))))


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known without trusting any attestation.

    ``product`` is what is to be deployed, ``bundle_product`` and ``snapshot`` stand in the bundle's
    own manifest, ``delivery`` is the delivery whose proofs are asked for, ``live`` the bundle
    that answers in the environment now. ``moment`` (UTC µs) is that of the admission, which a
    waiver must hold at; None where it is not known, and then none does.
    """

    product: str
    bundle_product: str
    snapshot: str
    delivery: str
    live: str | None = None
    moment: int | None = None


@dataclass(frozen=True, kw_only=True)
class Admission:
    """The answer: what is missing, and why (``because`` also says what was not counted)."""

    admitted: bool
    missing: tuple[str, ...]
    because: tuple[str, ...]

    def require(self, *, where: str) -> None:
        """Raises BlockedError E104 unless admitted."""
        if not self.admitted:
            raise BlockedError(
                "E104",
                f"{where} does not admit this bundle",
                where=where,
                expected="proof of: " + "; ".join(self.missing),
                got="; ".join(self.because) or "no attestation about it",
                fix="mend what the message names and deliver again",
                untouched="what is live",
            )


def admit(
    bundle_digest: str,
    facts: Facts,
    attestations: Sequence[bytes],
    policy: Policy,
    keys: Collection[PublicKey],
) -> Admission:
    """Whether the envelopes prove what the policy asks for of this bundle."""
    heard, because = _heard(bundle_digest, facts, attestations, policy, keys)
    missing: list[str] = []
    if facts.bundle_product != facts.product:
        missing.append(f"a bundle of {facts.product}")
        because.append(f"the bundle is of {facts.bundle_product}")
    for wanted, problem in _requirements(heard, facts, policy):
        if problem is not None:
            missing.append(wanted)
            because.append(f"{wanted}: {problem}")
    return Admission(
        admitted=not missing, missing=tuple(missing), because=tuple(dict.fromkeys(because))
    )


def _heard(
    bundle_digest: str,
    facts: Facts,
    envelopes: Sequence[bytes],
    policy: Policy,
    keys: Collection[PublicKey],
) -> tuple[list[Attestation], list[str]]:
    """The attestations that may count, and why the others may not."""
    trusted = [key for key in keys if key.keyid in policy.trusted]
    heard: list[Attestation] = []
    because: list[str] = [] if trusted else ["no key is trusted here"]
    for envelope in envelopes:
        try:
            found = verify(envelope, trusted)
        except IntegrityError as error:
            because.append(f"not counted: {error.mistakes[0].what}")
            continue
        said = found.predicate
        if found.subject != bundle_digest:
            because.append("not counted: an attestation about another bundle")
        elif found.name != facts.product or said.get("product") != facts.product:
            because.append("not counted: an attestation about another product")
        elif said.get("delivery") == facts.delivery and type(said.get("at")) is int:
            heard.append(found)
        elif "delivery" in said:
            because.append("not counted: an attestation of another delivery")
    return heard, because


def _requirements(
    heard: Sequence[Attestation], facts: Facts, policy: Policy
) -> Iterable[tuple[str, str | None]]:
    """Each thing the policy asks for, with the reason why it is not proven (None: it is)."""
    yield "the build", _build_problem(heard, facts, policy)
    for gate in policy.gates:
        found = _last(a for a in heard if a.predicate_type == GATE and _of_gate(a, gate))
        problem = _gate_problem(found, gate, waivers_among(heard), facts, policy)
        if problem is None and gate == "model" and policy.present_champion:
            problem = _champion_problem(found, facts)
        if problem is None and gate == "service" and policy.full_service_gate:
            problem = _form_problem(found)
        yield f"the {gate} gate", problem
    if policy.post_deploy_in is not None:
        where = policy.post_deploy_in
        tests = [
            a
            for a in heard
            if a.predicate_type == POST_DEPLOY and a.predicate.get("environment") == where
        ]
        yield f"post-deploy tests in {where}", _verdict_problem(_last(tests))


def _build_problem(heard: Sequence[Attestation], facts: Facts, policy: Policy) -> str | None:
    builds = [a.predicate for a in heard if a.predicate_type == BUILD]
    if not builds:
        return "no attestation of this delivery"
    if any(build.get("snapshot") != facts.snapshot for build in builds):
        return "it was built from another snapshot than the bundle says"
    if not policy.allow_dirty and any(build.get("dirty") is not False for build in builds):
        return "the tree was dirty: commit, then deliver again"
    return None


def _of_gate(attestation: Attestation, gate: str) -> bool:
    return bool(attestation.predicate.get("gate") == gate)


def _last(attestations: Iterable[Attestation]) -> list[Attestation]:
    """Those made last: one, unless several were made at the same moment."""
    found = list(attestations)
    newest = max((a.predicate["at"] for a in found), default=0)
    return [a for a in found if a.predicate["at"] == newest]


def _verdict_problem(found: Sequence[Attestation]) -> str | None:
    """Why these attestations, all of which must hold, do not show a passed gate."""
    if not found:
        return "no attestation of this delivery"
    return next(filter(None, (_judged(attestation)[1] for attestation in found)), None)


def _gate_problem(
    found: Sequence[Attestation],
    gate: str,
    waivers: Sequence[Waiver],
    facts: Facts,
    policy: Policy,
) -> str | None:
    """The same for a gate that stands before release, which a waiver may excuse."""
    if not found:
        return "no attestation of this delivery"
    for attestation in found:
        result, problem = _judged(attestation)
        if result is not None and problem is not None:
            excused = excuse(
                replace(result, gate=gate),
                result_digest(attestation.predicate),
                waivers,
                bundle=attestation.subject,
                moment=facts.moment,
                allowed=policy.waivable,
            )
            problem = "; ".join(filter(None, [problem, excused.why]))
            problem = None if excused.waiver is not None else problem
        if problem is not None:
            return problem
    return None


def _judged(attestation: Attestation) -> tuple[GateResult | None, str | None]:
    """The result, if it is sound, and why it does not show a passed gate (None: it does)."""
    said = attestation.predicate
    try:
        result = GateResult.from_row({"gate": str(said["gate"]), "checks": said["checks"]})
        agrees = said["verdict"] == result.verdict.value
        consistent = all(map(_is_consistent, result.checks))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None, "its checks cannot be read"
    if not agrees or not consistent:
        return None, "its verdict does not follow from its checks"
    return result, None if result.opens else str(result.verdict.value)


def _is_consistent(check: Check) -> bool:
    """Whether a check that passed fits its own numbers, where they can be compared."""
    compare = operator.ge if check.comparison == IN else _COMPARISONS.get(check.comparison)
    if check.verdict is not Verdict.PASSED or compare is None or check.threshold is None:
        return True
    if check.measured is None or not compare(check.measured, check.threshold):
        return False
    return check.comparison != IN or (check.upper is not None and check.measured <= check.upper)


def _form_problem(found: Sequence[Attestation]) -> str | None:
    if all(a.predicate.get("form") == Form.FULL for a in found):
        return None
    return "it was not asked in its full form: deliver again, with --full"


def _champion_problem(found: Sequence[Attestation], facts: Facts) -> str | None:
    compared = [a.predicate.get("champion") for a in found]
    if all(champion == facts.live for champion in compared) or facts.live == found[0].subject:
        return None
    return "it compared with another champion than the one that is live: deliver again"
