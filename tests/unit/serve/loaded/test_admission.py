"""What a service loads live: proven, and with waivers that held when the release became live."""

import pytest

from interlock.deploy.policy import Policy
from interlock.errors import BlockedError, OperatorError
from interlock.release.attest import sign
from interlock.release.bundle import open_bundle
from interlock.release.keys import SigningKey
from interlock.release.statements import build_statement, deployment_statement, gate_statement
from interlock.release.waiver import UNCHECKED, Waiver, result_digest, waiver_statement
from interlock.serve.loaded.admission import require_admission
from interlock.serve.plan import ServePlan
from interlock.verdict import Check, GateResult, Verdict

KEY, STRANGER = SigningKey.generate(), SigningKey.generate()
FAILED = Check(name="mdape", verdict=Verdict.FAILED, evidence={"code": "M208"})
SHUT = GateResult(gate="model", checks=(FAILED,))
COMMON = {"product": "valuation", "delivery": "d1"}


@pytest.fixture
def bundle(directory):
    return open_bundle(directory)


@pytest.fixture
def admitted(bundle, tmp_path):
    """Whether a service with these statements beside its bundle loads it."""

    def admitted(*statements, key=KEY, in_shadow=False, **changes):
        folder = tmp_path / "attestations" / bundle.digest
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.json"):
            old.unlink()
        for place, statement in enumerate(statements):
            (folder / f"{place}.json").write_bytes(sign(statement, key))
        fields = {
            "product": "valuation", "environment": "prod", "bundles": "b", "pointer": "p",
            "attestations": str(tmp_path / "attestations"), "log": "none",
            "policy": Policy(gates=("model",), trusted=(KEY.public.keyid,)),
            "trusted_keys": (KEY.public.pem().decode(), STRANGER.public.pem().decode()),
        }  # fmt: skip
        try:
            require_admission(bundle, ServePlan(**(fields | changes)), in_shadow=in_shadow)
        except BlockedError as error:
            return error.mistakes[0].got
        return True

    return admitted


@pytest.fixture
def proofs(bundle):
    """Build and shut gate, a waiver from 10 to 20, and that it became live in prod at 15."""
    digest = bundle.digest
    waiver = Waiver(
        **COMMON, number=2, gate="model", result=result_digest(SHUT), bundle=None, role="releaser",
        by="ada", rights=UNCHECKED, reason="a quiet month", at=10, expires=20,
    )  # fmt: skip
    return {
        "build": build_statement(
            bundle=digest, **COMMON, git_commit="c", dirty=False,
            snapshot=bundle.inputs["snapshot"], at=5,
        ),
        "gate": gate_statement(bundle=digest, **COMMON, result=SHUT, at=11),
        "waiver": waiver_statement(subject=digest, waiver=waiver),
        "live": live(digest, 15),
    }  # fmt: skip


def live(digest, at, environment="prod", product="valuation", act="promote"):
    return deployment_statement(
        bundle=digest, product=product, environment=environment, generation=1, act=act,
        reason="", at=at, ledger_sequence=1, ledger_hash="0" * 64,
    )  # fmt: skip


def test_what_became_live_while_the_waiver_held_stays_loadable(admitted, proofs):
    assert admitted(*proofs.values()) is True


@pytest.mark.parametrize("left_out", ["build", "gate", "waiver", "live"])
def test_each_proof_is_needed(admitted, proofs, left_out):
    assert admitted(*(said for name, said in proofs.items() if name != left_out)) is not True


@pytest.mark.parametrize("at", [9, 20, 25])
def test_what_became_live_before_or_after_is_not_loaded(admitted, proofs, bundle, at):
    said = admitted(*{**proofs, "live": live(bundle.digest, at)}.values())
    assert said == "the model gate: failed; its waiver has expired"


def test_a_rollback_to_it_after_the_expiry_may_load_it(admitted, proofs, bundle):
    assert admitted(*proofs.values(), live(bundle.digest, 99, act="rollback")) is True


def test_a_rollback_is_no_admission(admitted, proofs, bundle):
    said = {**proofs, "live": live(bundle.digest, 15, act="rollback")}
    assert admitted(*said.values()) == "the model gate: failed; its waiver has expired"


@pytest.mark.parametrize("elsewhere", [{"environment": "staging"}, {"product": "other"}])
def test_having_been_live_elsewhere_does_not_count(admitted, proofs, bundle, elsewhere):
    said = {**proofs, "live": live(bundle.digest, 15, **elsewhere)}
    assert admitted(*said.values()) is not True


def test_having_been_tried_in_shadow_lets_it_be_scored_and_not_answer(admitted, proofs, bundle):
    said = {**proofs, "live": live(bundle.digest, 15, act="shadow")}
    assert admitted(*said.values(), in_shadow=True) is True
    assert admitted(*said.values()) == "the model gate: failed; its waiver has expired"
    late = live(bundle.digest, 25, act="rollout")
    assert admitted(*said.values(), late) == "the model gate: failed; its waiver has expired"
    assert admitted(*said.values(), live(bundle.digest, 19, act="rollout")) is True


def test_an_exported_release_may_have_been_live_anywhere(admitted, proofs, bundle):
    said = {**proofs, "live": live(bundle.digest, 15, "staging")}
    plan = {"environment": "exported", "pointer": None, "bundles": None, "bundle": "b"}
    assert admitted(*said.values(), **plan) is True
    del said["live"]
    assert admitted(*said.values(), **plan) is not True


def test_the_full_form_is_asked_of_what_was_never_live_here(admitted, proofs, bundle):
    passed = Check(name="rows", verdict=Verdict.PASSED, measured=3.0, comparison="≥", threshold=2.0)
    result = GateResult(gate="service", checks=(passed,))
    quick, full = (
        gate_statement(bundle=bundle.digest, **COMMON, result=result, at=11, form=form)
        for form in ("quick", "full")
    )
    policy = Policy(gates=("service",), full_service_gate=True, trusted=(KEY.public.keyid,))
    build, here = proofs["build"], proofs["live"]
    assert admitted(build, full, policy=policy) is True
    never_admitted = live(bundle.digest, 15, act="rollback")
    for elsewhere in ((), (live(bundle.digest, 15, "staging"),), (never_admitted,)):
        said = admitted(build, quick, *elsewhere, policy=policy)
        assert said.startswith("the service gate: it was not asked in its full form")
    assert admitted(build, quick, here, policy=policy) is True, "a rollback must not ask again"
    assert admitted(build, here, policy=policy) is not True


def test_strangers_are_not_heard(admitted, proofs):
    assert admitted(*proofs.values(), key=STRANGER) is not True


def test_without_a_policy_only_a_replay_of_one_bundle(bundle):
    replay = ServePlan(product="valuation", bundle="b", replay=True, log="none")
    require_admission(bundle, replay)
    with pytest.raises(OperatorError) as caught:
        require_admission(bundle, ServePlan(product="valuation", bundle="b", log="none"))
    assert caught.value.code == "S132"
