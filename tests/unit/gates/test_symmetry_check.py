"""The check that history values were recomputed: what opens it, what does not."""

from dataclasses import replace

import pytest

from interlock.gates.gate import run
from interlock.gates.service.answers import Symmetry
from interlock.gates.service.gate import ALWAYS_ON, service_gate
from interlock.verdict import Exemption, Verdict


@pytest.fixture
def judged(sound_service):
    def judge(**changes):
        result = run("service", [Symmetry()], replace(sound_service, **changes))
        (check,) = result.checks
        return check, check.opens

    return judge


def test_values_recomputed_alike_pass(judged):
    check, opens = judged(oracle_values=120, oracle_mismatches=0)
    assert (check.name, check.verdict, check.n) == ("history recomputed", Verdict.PASSED, 120)
    assert (check.measured, check.threshold, opens) == (0, 0, True)


def test_a_single_mismatch_fails(judged):
    check, opens = judged(oracle_values=120, oracle_mismatches=1)
    assert (check.verdict, check.evidence["code"], opens) == (Verdict.FAILED, "V109", False)
    assert (check.measured, check.n) == (1, 120)


@pytest.mark.parametrize("values", [0, -1, float("nan")])
def test_nothing_recomputed_is_an_error(judged, values):
    check, opens = judged(oracle_values=values, oracle_mismatches=0)
    assert (check.verdict, check.reason) == (Verdict.ERROR, "no history value was recomputed")
    assert (check.evidence["code"], opens) == ("V109", False)


@pytest.mark.parametrize(
    ("exemption", "reason"),
    [
        (Exemption.NO_HISTORY, "the product has no history features"),
        (Exemption.CUSTOM_SQL, "every history of the product is SQL written by hand"),
    ],
)
def test_where_there_is_nothing_to_recompute_it_does_not_apply(judged, exemption, reason):
    check, opens = judged(unrecomputed=exemption)
    assert (check.verdict, check.exemption) == (Verdict.NOT_APPLICABLE, exemption)
    assert (check.reason, opens) == (reason, True)


def test_it_stands_in_every_service_gate():
    assert Symmetry() in ALWAYS_ON
    assert Symmetry() in service_gate([])
