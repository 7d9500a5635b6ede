"""Consumers' contracts: who would break is named; nothing unverified counts as kept."""

from dataclasses import replace

import pytest

from interlock.gates.gate import run
from interlock.gates.service.contracts import ConsumerContracts
from interlock.gates.service.gate import service_gate
from interlock.gates.service.measurement import ContractOutcome
from interlock.verdict import Exemption, Verdict


def judged(measurement, **changes):
    return ConsumerContracts().judge(replace(measurement, **changes))


def test_each_consumer_gets_an_answer_that_names_what_breaks(sound_service):
    kept = ContractOutcome(consumer="shop", file="shop.json", interactions=3)
    broken = ContractOutcome(
        consumer="bank", file="bank.json", interactions=2, broken=("a flat: unit: expected …",)
    )
    first, second = judged(sound_service, contracts=(kept, broken))
    assert (first.name, first.verdict, first.n) == ("contract of shop", Verdict.PASSED, 3)
    assert (second.name, second.verdict) == ("contract of bank", Verdict.FAILED)
    assert second.reason == "measured 1 broken, must be ≤ 0 broken: a flat: unit: expected …"
    assert second.evidence["code"] == "V111"


def test_without_consumers_the_gate_may_open(sound_service):
    alone = replace(sound_service, contracts=(), uncontracted=Exemption.NO_CONTRACTS)
    (answer,) = ConsumerContracts().judge(alone)
    assert (answer.verdict, answer.exemption) == (Verdict.NOT_APPLICABLE, Exemption.NO_CONTRACTS)
    assert run("service", service_gate([]), alone).opens


@pytest.mark.parametrize(
    "hole",
    [
        {"contracts": ()},
        {"contracts": (), "uncontracted": Exemption.NO_TIME},
        {"contracts": None, "uncontracted": Exemption.NO_CONTRACTS},
        {"contracts": (ContractOutcome(consumer="shop", file="shop.json", interactions=0),)},
    ],
)
def test_what_was_not_verified_is_an_error(sound_service, hole):
    assert {check.verdict for check in judged(sound_service, **hole)} == {Verdict.ERROR}


def test_why_none_was_verified_is_said(sound_service):
    late = "online store: did not come back in 70.0 s from run (engine.py:43)"
    (answer,) = judged(sound_service, contracts=(), overdue=late)
    assert answer.verdict is Verdict.ERROR
    assert answer.reason == f"no contract was verified: {late}"
