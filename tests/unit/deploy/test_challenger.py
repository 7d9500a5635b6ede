"""A rollout, decided purely: it starts, grows and stops, and ends with what it stands beside."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.deploy.challenger import (
    SHADOW,
    SPLIT,
    grow,
    parse_share,
    require_running,
    running,
    share_text,
    start,
    stop,
)
from interlock.deploy.rollout import Target, promote, rollback
from interlock.errors import OperatorError
from interlock.store.ledger import Ledger

PLACE = {"product": "valuation", "environment": "prod"}
WHERE = {"where": "valuation in prod"}
ONE = Target(bundle="1" * 64, label="1.0.0", delivery="d1")
TWO = Target(bundle="2" * 64, label="1.1.0", delivery="d2")
THREE = Target(bundle="3" * 64, label="2.0.0", delivery="d3")
LIVE = promote(None, ONE, **PLACE, at=10)


def started(buckets=1_000):
    return start(LIVE, None, TWO, buckets=buckets, at=20, reason="to see")


def refused(act, code):
    with pytest.raises(OperatorError) as caught:
        act()
    assert caught.value.code == code
    return caught.value.mistakes[0]


def test_a_rollout_starts_beside_what_is_live():
    row = started()
    assert (row.generation, row.revision, row.label, row.delivery) == (1, 1, "1.1.0", "d2")
    assert (row.act, row.mode, row.buckets, row.began, row.at) == ("start", SPLIT, 1_000, 20, 20)
    assert running(LIVE, row) == row
    assert len(row.salt) == 32
    shadow = started(0)
    assert (shadow.mode, shadow.buckets) == (SHADOW, 0)


def test_every_rollout_has_a_salt_of_its_own():
    first = started()
    ended = stop(LIVE, first, **WHERE, at=30)
    again = start(LIVE, ended, TWO, buckets=1_000, at=40)
    assert (again.revision, again.began) == (3, 40)
    assert again.salt != first.salt
    assert started().salt == first.salt


def test_it_only_grows_and_keeps_its_salt():
    row = grow(LIVE, started(), **WHERE, buckets=5_000, at=30)
    assert (row.act, row.revision, row.buckets, row.began, row.at) == ("grow", 2, 5_000, 20, 30)
    assert row.salt == started().salt
    for buckets in (4_999, 5_000):
        said = refused(lambda b=buckets: grow(LIVE, row, **WHERE, buckets=b, at=40), "E152")
        assert said.expected.startswith("more than 50%: a share only grows")


def test_a_shadow_grows_into_a_split():
    row = grow(LIVE, started(0), **WHERE, buckets=100, at=30)
    assert (row.mode, row.buckets) == (SPLIT, 100)


def test_one_at_a_time_and_never_beside_itself():
    said = refused(lambda: start(LIVE, started(), THREE, buckets=1, at=30), "E150")
    assert said.got == "1.1.0, with 10% of the traffic"
    said = refused(lambda: start(LIVE, started(0), THREE, buckets=1, at=30), "E150")
    assert said.got == "1.1.0, in shadow"
    refused(lambda: start(LIVE, None, ONE, buckets=1, at=30), "E153")


@pytest.mark.parametrize(
    "after",
    [
        promote(LIVE, TWO, **PLACE, at=30),
        promote(LIVE, THREE, **PLACE, at=30),
        rollback(LIVE, **PLACE, at=30, reason="", to=THREE),
    ],
)
def test_whatever_becomes_live_ends_it(after):
    assert running(after, started()) is None
    said = refused(lambda: stop(after, started(), **WHERE, at=40), "E151")
    assert said.got == f"the last one, of 1.1.0, ended when {after.label} became live"
    assert start(after, started(), ONE, buckets=1, at=40).revision == 1


def test_without_one_there_is_nothing_to_do():
    assert running(None, None) is None
    said = refused(lambda: require_running(LIVE, None, **WHERE), "E151")
    assert said.got == "there was none yet"
    assert said.fix == "interlock rollout start RELEASE --share 10%"
    said = refused(lambda: require_running(None, None, **WHERE), "E151")
    assert said.fix == "nothing is live there yet: run `interlock deliver`"
    ended = stop(LIVE, started(), **WHERE, at=30)
    assert refused(lambda: grow(LIVE, ended, **WHERE, buckets=9_000, at=40), "E151").got == (
        "the last one, of 1.1.0, was stopped"
    )


@pytest.mark.parametrize(
    ("text", "buckets"), [("10%", 1_000), ("0.01%", 1), ("100%", 10_000), (" 2.5% ", 250)]
)
def test_a_share_is_read(text, buckets):
    assert parse_share(text) == buckets
    assert parse_share(share_text(buckets)) == buckets


@pytest.mark.parametrize(
    "text",
    ["0%", "0.00%", "100.01%", "10", "-1%", "1e1%", "0.001%", "", "%", "nan%", "９%", "101%"],
)
def test_other_shares_are_refused(text):
    refused(lambda: parse_share(text), "E152")


@given(st.integers(1, 10_000))
def test_every_share_is_read_as_it_is_written(buckets):
    assert parse_share(share_text(buckets)) == buckets


def test_of_two_acts_on_the_same_state_one_wins(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.deployments.record(LIVE)
    first = ledger.rollouts.record(started())
    assert ledger.rollouts.last("valuation", "prod") == first
    refused(lambda: ledger.rollouts.record(started(500)), "E101")
    grown = grow(LIVE, first, **WHERE, buckets=5_000, at=30)
    ended = ledger.rollouts.record(stop(LIVE, first, **WHERE, at=30))
    refused(lambda: ledger.rollouts.record(grown), "E101")
    promoted = promote(LIVE, TWO, **PLACE, at=40)
    said = refused(lambda: ledger.deployments.record(promoted, promotes=first), "E101")
    assert (said.what, said.got) == (
        "the rollout in prod was changed in the meantime",
        "revision 2",
    )
    ledger.deployments.record(promoted)
    refused(lambda: ledger.rollouts.record(replace(ended, revision=3)), "E101")
    assert ledger.rollouts.newest("valuation", "prod") == [ended, first]


def test_rollouts_can_be_made_again_from_the_events(tmp_path):
    ledger = Ledger.open(tmp_path / "ledger.db")
    ledger.deployments.record(LIVE)
    ledger.rollouts.record(started())
    assert ledger.verify_chain() is None
    ledger.rebuild()
    assert ledger.altered_projections() == ()
    assert ledger.rollouts.last("valuation", "prod") == started()
