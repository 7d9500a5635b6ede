"""Promotion and rollback: recorded pointers, one generation at a time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.deploy.rollout import Target, promote, rollback
from interlock.errors import BlockedError, OperatorError
from interlock.store.ledger import Ledger

PLACE = {"product": "valuation", "environment": "prod"}
ONE = Target(bundle="1" * 64, label="1.0.0", delivery="d1")
TWO = Target(bundle="2" * 64, label="1.1.0", delivery="d2")
THREE = Target(bundle="3" * 64, label="2.0.0", delivery="d3")


def first():
    return promote(None, ONE, **PLACE, at=10)


def second():
    return promote(first(), TWO, **PLACE, at=20)


def test_a_promotion_keeps_the_previous_release():
    row = second()
    assert (row.generation, row.bundle, row.label, row.delivery) == (2, "2" * 64, "1.1.0", "d2")
    assert (row.previous_bundle, row.previous_label) == ("1" * 64, "1.0.0")
    assert (row.act, row.pinned, row.since) == ("promote", False, 20)


def test_promoting_what_is_live_changes_nothing():
    assert promote(second(), TWO, **PLACE, at=30) == second()


def test_a_rollback_returns_to_the_recorded_previous_and_pins():
    row = rollback(second(), **PLACE, at=30, reason="wrong prices")
    assert (row.generation, row.bundle, row.label, row.delivery) == (3, "1" * 64, "1.0.0", "d1")
    assert (row.previous_bundle, row.previous_label) == ("2" * 64, "1.1.0")
    assert (row.act, row.pinned, row.reason) == ("rollback", True, "wrong prices")


def test_a_pinned_environment_takes_nothing_until_the_pin_ends():
    pinned = rollback(second(), **PLACE, at=30, reason="wrong prices")
    for target in (ONE, TWO, THREE):
        with pytest.raises(BlockedError) as caught:
            promote(pinned, target, **PLACE, at=40)
        assert caught.value.code == "E103"
    assert "a rollback: wrong prices" in str(caught.value)
    freed = promote(pinned, THREE, **PLACE, at=40, unpin=True)
    assert (freed.generation, freed.label, freed.previous_label) == (4, "2.0.0", "1.0.0")
    assert not freed.pinned
    kept = promote(pinned, ONE, **PLACE, at=40, unpin=True)
    assert (kept.label, kept.previous_label, kept.pinned) == ("1.0.0", "1.1.0", False)


def test_a_second_rollback_does_not_bring_the_bad_release_back():
    pinned = rollback(second(), **PLACE, at=30, reason="")
    with pytest.raises(OperatorError) as caught:
        rollback(pinned, **PLACE, at=40, reason="")
    assert caught.value.code == "E107"
    assert rollback(pinned, **PLACE, at=40, reason="", to=THREE).label == "2.0.0"


@pytest.mark.parametrize(
    ("current", "to", "why", "fix"),
    [
        (None, None, "nothing is live", "run `interlock deliver`"),
        (
            first(),
            None,
            "1.0.0 is its first release",
            "deliver a release that mends it: only what was live there before can be gone back to",
        ),
        (
            second(),
            TWO,
            "1.1.0 is live already",
            "name another one: interlock rollback --to LABEL; interlock history lists them",
        ),
    ],
)
def test_nowhere_to_go_back_to(current, to, why, fix):
    with pytest.raises(OperatorError) as caught:
        rollback(current, **PLACE, at=30, reason="", to=to)
    assert caught.value.code == "E102"
    assert (caught.value.mistakes[0].got, caught.value.mistakes[0].fix) == (why, fix)


steps = st.lists(st.sampled_from([ONE, TWO, THREE, "rollback", "free"]), max_size=12)


@given(steps)
def test_every_deployment_follows_the_one_before(path):
    current = None
    for step in path:
        try:
            if step == "rollback":
                after = rollback(current, **PLACE, at=1, reason="")
                assert after.bundle == current.previous_bundle
            elif step == "free":
                after = promote(current, ONE, **PLACE, at=1, unpin=True)
            else:
                after = promote(current, step, **PLACE, at=1)
        except (OperatorError, BlockedError):
            continue
        if current is not None and after != current:
            assert after.generation == current.generation + 1
            assert after.bundle != after.previous_bundle
        current = after


def test_what_is_decided_is_what_the_ledger_takes(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.deployments.record(first())
    ledger.deployments.record(second())
    with pytest.raises(OperatorError) as caught:
        ledger.deployments.record(promote(first(), THREE, **PLACE, at=21))
    assert caught.value.code == "E101"
    assert ledger.deployments.last("valuation", "prod") == second()
    assert replace(second(), generation=1) not in ledger.deployments.newest("valuation", "prod")
