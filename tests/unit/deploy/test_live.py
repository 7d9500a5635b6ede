"""Ledger, signatures and pointer are believed together, or it is said why not."""

from dataclasses import replace

import pytest

from interlock.deploy.act import Act
from interlock.deploy.live import Live
from interlock.deploy.pointer import Pointer
from interlock.errors import IntegrityError
from interlock.store.rows import DeploymentRow, RolloutRow

FIRST = DeploymentRow(
    product="houses", environment="prod", generation=1, bundle="b" * 64, label="1.0.0",
    act="promote", pinned=False, reason="", delivery="d1", since=7,
)  # fmt: skip
SECOND = replace(FIRST, generation=2, bundle="c" * 64, label="1.1.0", since=8)
TRIAL = RolloutRow(
    product="houses", environment="prod", generation=2, revision=1, bundle="d" * 64, label="1.2.0",
    delivery="d2", act="start", mode="split", buckets=100, salt="5" * 32, reason="", began=9, at=9,
)  # fmt: skip
ACTS = tuple(map(Act.of_row, (FIRST, SECOND, TRIAL)))
WHOLE = Live(
    product="houses", environment="prod", where="houses.json", deployments=(SECOND, FIRST),
    rollouts=(TRIAL,), signed=ACTS, pointer=Pointer.of(SECOND, TRIAL),
)  # fmt: skip


def told(live):
    return [(doubt.code, doubt.got) for doubt in live.doubts()]


def test_what_all_three_say_is_believed():
    assert (WHOLE.deployment, WHOLE.trial, WHOLE.doubts()) == (SECOND, TRIAL, [])
    WHOLE.require_proven()
    WHOLE.require_no_later_pointer()


@pytest.mark.parametrize("row", [FIRST, SECOND, TRIAL])
def test_an_act_that_only_the_ledger_has(row):
    act = Act.of_row(row)
    others = tuple(one for one in ACTS if one != act)
    doubted = replace(WHOLE, signed=others)
    assert told(doubted) == [("R172", f"{act.text} of {act.bundle[:12]}, unsigned")]
    with pytest.raises(IntegrityError, match="R172"):
        doubted.require_proven()
    assert told(replace(doubted, sealed=(act,))) == []  # its process was killed before it copied


@pytest.mark.parametrize("changes", [{"buckets": 10_000}, {"salt": "6" * 32}, {"bundle": "e" * 64}])
def test_an_act_that_was_signed_otherwise(changes):
    other = Act.of_row(replace(TRIAL, **changes))
    found = replace(WHOLE, signed=(*ACTS[:2], other), pointer=Pointer.of(SECOND))
    assert [code for code, _ in told(found)] == ["R172", "R165"]


def test_an_act_that_the_ledger_lacks():
    cut = replace(WHOLE, deployments=(FIRST,), rollouts=(), pointer=Pointer.of(FIRST))
    assert told(cut) == [
        ("R165", "promote in generation 2 of cccccccccccc, which is signed and was not recorded"),
        ("R165", "rollout in generation 2, revision 1 of dddddddddddd, which is signed and was not "
         "recorded"),
    ]  # fmt: skip


@pytest.mark.parametrize("pointer", [None, Pointer.of(FIRST), Pointer.of(SECOND)])
def test_a_pointer_that_was_not_told_yet_is_nothing_wrong(pointer):
    assert told(replace(WHOLE, pointer=pointer)) == []


def test_a_pointer_to_a_later_state_is_told_apart_from_one_to_another():
    later = replace(WHOLE, pointer=Pointer.of(replace(SECOND, generation=9)))
    assert told(later) == [("R165", "generation 9, revision 0")]
    with pytest.raises(IntegrityError, match="R165"):
        later.require_no_later_pointer()
    other = replace(WHOLE, pointer=Pointer.of(replace(SECOND, bundle="f" * 64), TRIAL))
    assert told(other) == [("R165", "something that it has no event of, or other than it recorded")]
    other.require_no_later_pointer()  # the ledger writes it anew
