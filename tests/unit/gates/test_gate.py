from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from interlock.digest import digest_json
from interlock.gates.gate import Declared, run, with_always_on
from interlock.verdict import Check, Interval, Verdict


@dataclass(frozen=True)
class Says(Declared):
    answers: tuple[Any, ...] = ()
    error: Any = field(default=None)

    def judge(self, measurement):
        if self.error is not None:
            raise self.error
        return self.answers


@dataclass(frozen=True)
class Other(Says):
    pass


def _passed(**parts):
    return Check(name="fine", verdict=Verdict.PASSED, **parts)


def test_a_gate_opens_when_every_check_does():
    assert run("model gate", [Says((_passed(),))], None).opens
    shut = run("model gate", [Says((_passed(),)), Says()], None)
    assert not shut.opens
    assert (shut.checks[1].name, shut.checks[1].reason) == ("Says", "the check said nothing")


def test_a_gate_without_checks_stays_shut():
    assert run("model gate", [], None).verdict is Verdict.ERROR


@pytest.mark.parametrize(
    "error", [ValueError("bad\nworse"), KeyError("x"), ZeroDivisionError(), RecursionError("deep")]
)
def test_a_crash_is_an_error_with_its_reason(error):
    (check,) = run("data gate", [Says(error=error)], None).checks
    assert check.verdict is Verdict.ERROR
    first = f": {str(error).splitlines()[0]}" if str(error) else ""
    assert check.reason == f"the check crashed: {type(error).__name__}{first}"


@pytest.mark.parametrize(
    "parts",
    [
        {"measured": float("nan")},
        {"threshold": float("inf")},
        {"interval": Interval(low=float("nan"), high=1.0)},
    ],
)
def test_a_pass_on_a_number_that_is_none_is_an_error(parts):
    (check,) = run("data gate", [Says((_passed(**parts),))], None).checks
    assert check.verdict is Verdict.ERROR


def test_answers_become_plain_numbers():
    evidence = {"a": np.float64(2), "b": [np.int64(3), float("nan")], "c": {"d": True}}
    (check,) = run(
        "gate", [Says((_passed(measured=np.float32(0.5), n=np.int64(7), evidence=evidence),))], None
    ).checks
    assert check.evidence == {"a": 2.0, "b": [3, None], "c": {"d": True}}
    assert (type(check.measured), type(check.n)) == (float, int)
    assert digest_json(check.to_row())


def test_a_declared_check_replaces_the_one_always_on():
    mine = Says((1,))
    assert with_always_on([mine], [Says(), Other()]) == (mine, Other())
