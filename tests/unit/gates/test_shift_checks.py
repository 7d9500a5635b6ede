"""Drift and integrity at the data gate: what is said, when it counts, and that it is advice."""

from dataclasses import replace

import numpy as np
import pytest

from interlock.data.drift import drift
from interlock.data.integrity import integrity
from interlock.data.observed import observe
from interlock.data.profile import profile
from interlock.data.request import Field
from interlock.errors import AuthorError
from interlock.gates.data.rows import MinRows
from interlock.gates.data.shift import Drift, Integrity
from interlock.gates.gate import run
from interlock.verdict import Exemption, Verdict


def asked(check, measurement):
    (answer,) = run("data", [check], measurement).checks
    return answer


def with_inputs(measurement, **changes):
    return replace(measurement, inputs=replace(measurement.inputs, **changes))


def test_inputs_that_have_not_moved_pass_and_say_their_index(sound_data):
    answer = asked(Drift(), sound_data)
    assert (answer.verdict, answer.measured, answer.n, answer.reason) == (
        Verdict.PASSED,
        0,
        1_000,
        "",
    )
    assert set(answer.evidence["psi"]) == {"rooms", "wall"}
    assert max(answer.evidence["psi"].values()) < 0.1


def test_what_moved_is_named_with_its_index(sound_data, compared):
    answer = asked(Drift(), with_inputs(sound_data, **compared(mean=0.5)))
    psi = answer.evidence["psi"]["rooms"]
    assert (answer.verdict, answer.measured) == (Verdict.FAILED, 1)
    word = "high" if psi >= 0.25 else "warning"
    assert answer.reason == f"measured 1, must be ≤ 0: rooms PSI {psi:.2f} ({word})"
    assert answer.evidence["code"] == "D163"
    assert answer.evidence["drifted"] == ["rooms"]


def test_a_higher_limit_asks_for_more(sound_data, compared):
    moved = with_inputs(sound_data, **compared(mean=0.4))
    psi = asked(Drift(), moved).evidence["psi"]["rooms"]
    assert 0.1 <= psi < 0.25
    assert asked(Drift(psi=0.25), moved).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("n", "before", "reason"),
    [
        (198, 2_000, "198 test rows are too few to judge by; at least 200 are needed"),
        (
            900,
            198,
            "198 rows in the champion's profile are too few to judge by; at least 200 are needed",
        ),
    ],
)
def test_too_few_rows_say_nothing(sound_data, compared, n, before, reason):
    found = with_inputs(sound_data, **compared(n, before=before, mean=3.0))
    for check in (Drift(), Integrity()):
        answer = asked(check, found)
        assert (answer.verdict, answer.reason) == (Verdict.INCONCLUSIVE, reason)


def test_few_rows_say_what_they_see_and_are_not_sure(sound_data, compared):
    answer = asked(Drift(), with_inputs(sound_data, **compared(300, mean=3.0)))
    psi = answer.evidence["psi"]["rooms"]
    assert answer.verdict is Verdict.INCONCLUSIVE
    assert answer.reason == (
        f"300 rows are too few to be sure of; 500 are needed; so far: rooms PSI {psi:.2f} (high)"
    )
    still = asked(Drift(), with_inputs(sound_data, **compared(300)))
    assert still.verdict is Verdict.INCONCLUSIVE


def test_one_value_everywhere_shows_nothing(sound_data):
    fields = [Field(name="rooms", kind="int")]
    same = {"rooms": np.full(1_000, 3.0)}
    then = profile(fields, same, seen=same)

    found = with_inputs(sound_data, drift=drift(then, observe(fields, same)))
    answer = asked(Drift(), found)
    assert (answer.verdict, answer.reason) == (
        Verdict.INCONCLUSIVE,
        "no input takes more than one value, then and now",
    )


def test_rates_that_rose_are_named_the_worst_first(sound_data):
    fields = [Field(name="rooms", kind="int"), Field(name="wall", kind="str")]
    then = {"rooms": np.arange(1_000) % 9, "wall": ["brick", "wood"] * 500}
    now = {
        "rooms": np.where(np.arange(1_000) < 300, np.nan, 99.0),
        "wall": ["straw"] * 20 + ["wood"] * 980,
    }
    faults = integrity(profile(fields, then, seen=then), observe(fields, now))
    answer = asked(Integrity(), with_inputs(sound_data, faults=faults))
    assert (answer.verdict, answer.measured, answer.evidence["code"]) == (Verdict.FAILED, 3, "D164")
    assert answer.reason == (
        "measured 3, must be ≤ 0: rooms out of range 70 %, at release 0 %, "
        "rooms missing 30 %, at release 0 %, wall unseen 2 %, at release 0 %"
    )
    lenient = asked(Integrity(points=0.5), with_inputs(sound_data, faults=faults))
    assert lenient.measured == 1


def test_what_an_old_profile_does_not_say_is_not_known_and_named(sound_data):
    faults = tuple(
        replace(one, share=None, reference=None, limit=None) if one.fault == "unseen" else one
        for one in sound_data.inputs.faults
    )
    answer = asked(Integrity(), with_inputs(sound_data, faults=faults))
    assert answer.verdict is Verdict.PASSED
    assert answer.evidence["not_known"] == ["wall: unseen"]
    nothing = [replace(one, share=None, reference=None) for one in faults]
    answer = asked(Integrity(), with_inputs(sound_data, faults=nothing))
    assert answer.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("check", [Drift(), Integrity()])
def test_without_a_champion_there_is_nothing_to_compare(sound_data, check):
    answer = asked(check, with_inputs(sound_data, has_champion=False, drift=(), faults=()))
    assert (answer.verdict, answer.exemption) == (Verdict.NOT_APPLICABLE, Exemption.NO_CHAMPION)


@pytest.mark.parametrize("kind", [Drift, Integrity])
def test_it_is_advice_unless_declared_blocking(sound_data, compared, kind):
    fields = [Field(name="rooms", kind="int")]
    then = {"rooms": np.arange(2_000.0)}
    gone = observe(fields, {"rooms": np.full(1_000, np.nan)})
    faults = integrity(profile(fields, then, seen=then), gone)
    moved = with_inputs(sound_data, **compared(mean=2.0) | {"faults": faults})
    for check, opens in ((kind(), True), (kind(blocking=True), False)):
        result = run("data", [MinRows(1), check], moved)
        assert result.checks[1].verdict is Verdict.FAILED
        assert result.checks[1].advisory is opens
        assert result.opens is opens
    broken = run("data", [MinRows(1), kind()], replace(sound_data, inputs=None))
    assert broken.checks[1].verdict is Verdict.ERROR
    assert broken.opens


@pytest.mark.parametrize(
    "check", [Drift(psi=0.05), Drift(psi=float("nan")), Integrity(points=0), Integrity(points=1)]
)
def test_limits_that_cannot_be_used(check):
    with pytest.raises(AuthorError, match="D150"):
        check.validate()
