"""A row, a signed statement and what is recorded of both are one act, and no other."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.deploy.act import Act, claimed_order
from interlock.release.attest import sign, verify
from interlock.release.keys import SigningKey
from interlock.store.rows import DeploymentRow, Head, RolloutRow

KEY = SigningKey.generate()
HEAD = Head(sequence=3, hash="0" * 64)
ROW = DeploymentRow(
    product="houses", environment="prod", generation=2, bundle="b" * 64, label="1.0.0",
    act="rollback", pinned=True, reason="slow", delivery="d1", since=7,
)  # fmt: skip
TRIAL = RolloutRow(
    product="houses", environment="prod", generation=2, revision=1, bundle="c" * 64, label="1.1.0",
    delivery="d2", act="start", mode="split", buckets=100, salt="5" * 32, reason="", began=8, at=9,
)  # fmt: skip


def signed(act):
    return Act.of_statement(verify(sign(act.statement(reason="", head=HEAD), KEY), [KEY.public]))


@given(
    st.sampled_from(["start", "grow", "stop"]),
    st.sampled_from(["split", "shadow"]),
    st.integers(0, 10_000),
    st.integers(1, 9),
)
def test_what_is_signed_of_a_row_is_the_rows_act(act, mode, buckets, revision):
    row = replace(TRIAL, act=act, mode=mode, buckets=buckets, revision=revision)
    for one in (row, ROW):
        assert signed(Act.of_row(one)) == Act.of_row(one)
    assert signed(Act.of_row(row)).order == (2, revision)


@pytest.mark.parametrize(
    "changes",
    [{"bundle": "a" * 64}, {"generation": 3}, {"revision": 2}, {"buckets": 101}, {"salt": "6"},
     {"mode": "shadow"}, {"act": "stop"}, {"environment": "dev"}, {"at": 10}, {"began": 9}],
)  # fmt: skip
def test_whatever_services_and_ledger_hold_it_to_makes_it_another(changes):
    assert Act.of_row(replace(TRIAL, **changes)) != Act.of_row(TRIAL)


@pytest.mark.parametrize(
    "changes",
    [{"generation": True}, {"generation": "2"}, {"at": None}, {"act": 1}, {"environment": None},
     {"product": "rents"}],
)  # fmt: skip
def test_a_statement_of_another_shape_is_no_act(changes):
    said = Act.of_row(ROW).statement(reason="", head=HEAD)
    assert Act.of_statement(replace(said, predicate={**said.predicate, **changes})) is None


@pytest.mark.parametrize("trial", [None, 5, {}, {"revision": "2", "buckets": 5, "salt": "s"}])
def test_what_is_no_trial_has_no_place_in_a_generation(trial):
    assert claimed_order({"generation": 4, "trial": trial}) == (4, 0)
    assert claimed_order({"generation": "4", "trial": trial}) == (0, 0)
