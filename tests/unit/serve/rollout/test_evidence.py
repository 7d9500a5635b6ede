"""What judges leave on file: read as it was written, for the very act alone, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from interlock.serve.rollout.evidence import (
    POOL,
    Act,
    Counts,
    Evidence,
    Seen,
    leave,
    left,
    seen,
    total,
)
from interlock.stats.onset import Onset
from interlock.store.rows import RolloutRow

ACT = Act(generation=3, revision=1, digest="d", release="1.1.0")
COUNTS = st.builds(
    lambda good, codes: Counts(asked=good + sum(codes.values()), codes=codes),
    st.integers(0, 50),
    st.dictionaries(st.sampled_from(["S121", "S125", "S141"]), st.integers(1, 9)),
)


def evidence(asked=9, codes=None, act=ACT):
    codes = {"S125": 2} if codes is None else codes
    onset = Onset(tolerated=0.01).after(asked, sum(codes.values()))
    return Evidence(act=act, onset=onset, codes=codes)


def test_each_judge_has_a_file_that_is_read_as_it_was_written(tmp_path):
    found = {"w0": evidence(), "w1": evidence(3, {}), POOL: evidence(12)}
    for judge, one in found.items():
        leave(tmp_path, judge, evidence(1, {}))
        leave(tmp_path, judge, one)
    assert left(tmp_path) == found
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{judge}.rollout.json" for judge in sorted(found)
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"act":',
        b"[]",
        b'{"act":{"generation":3,"revision":1,"digest":"d","release":"1.1.0"}}',
        b'{"act":{"generation":3,"revision":1,"digest":"d","release":"1.1.0"},'
        b'"onset":{"tolerated":0.01,"n":1,"failures":2}}',
        b'{"act":{"generation":3,"revision":1,"digest":"d","release":"1.1.0"},'
        b'"onset":{"tolerated":0.01,"sums":[1,2]}}',
        b'{"act":{"generation":3,"revision":1,"digest":"d","release":"1.1.0"},'
        b'"onset":{"tolerated":0.01,"n":9,"failures":1},"codes":{"S125":8}}',
        b'{"act":{"generation":3,"revision":1,"digest":"d","release":"1.1.0"},'
        b'"onset":{"tolerated":0.01,"n":9,"failures":1},"codes":{"S125":2,"S121":-1}}',
    ],
)
def test_what_cannot_be_read_is_not_said(tmp_path, data):
    (tmp_path / "w0.rollout.json").write_bytes(data)
    assert left(tmp_path) == {}


def test_where_there_is_no_log_yet_nothing_is_said(tmp_path):
    assert left(tmp_path / "log") == {}


ROW = RolloutRow(
    product="houses", environment="prod", generation=3, revision=1, bundle="d", label="1.1.0",
    delivery="d1", act="start", mode="split", buckets=500, salt="s", reason="", began=0, at=0,
)  # fmt: skip


def test_what_all_saw_is_that_of_the_workers_in_that_act(tmp_path):
    assert seen(tmp_path, ROW) is None
    other = Act(generation=3, revision=2, digest="d", release="1.1.0")
    leave(tmp_path, "w2", evidence(5, act=other))
    assert seen(tmp_path, ROW) is None
    leave(tmp_path, "w0", evidence())
    leave(tmp_path, "w1", evidence(3_000, {"S121": 1}))
    found = seen(tmp_path, ROW)
    assert found == Seen(counts=Counts(asked=3_009, codes={"S125": 2, "S121": 1}))
    assert str(found.counts) == "3 of 3,009 answers failed (1 × S121, 2 × S125)"
    leave(tmp_path, POOL, replace(evidence(), set_aside="of all workers, too many"))
    assert seen(tmp_path, ROW) == Seen(counts=found.counts, set_aside="of all workers, too many")
    leave(tmp_path, POOL, evidence(3_010, {"worker crashed": 1}))
    assert seen(tmp_path, ROW).counts == Counts(asked=3_010, codes={"worker crashed": 1})


@given(COUNTS, COUNTS)
def test_what_came_since_is_what_was_added(before, more):
    assert total([before, more]).since(before) == more


@pytest.mark.parametrize(
    "before",
    [
        Counts(asked=10, codes={"S125": 1}),  # fewer answers than were
        Counts(asked=4, codes={"S125": 3}),  # fewer failures
        Counts(asked=4, codes={"S121": 1}),  # none of a kind that was
        Counts(asked=8, codes={}),  # more failures than answers since
    ],
)
def test_who_began_anew_counts_whole(before):
    now = Counts(asked=9, codes={"S125": 2})
    assert now.since(before) is now
