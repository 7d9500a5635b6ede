"""What several workers saw, judged together: as one would judge it, in time, and once."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from interlock.serve.rollout import pool as module
from interlock.serve.rollout.evidence import POOL, Act, Counts, Evidence, leave, left_by
from interlock.serve.rollout.pool import Pool, act_of, pooled
from interlock.serve.rollout.target import Rival, Target
from interlock.serve.rollout.traffic import Split
from interlock.serve.rollout.watch import Watch, begun, enough_alone
from interlock.stats.onset import Onset

RIVAL = Rival(digest="d", directory=Path("d"), label="1.1.0", split=Split("salt", 500))
TARGET = Target(
    digest="c", directory=Path("c"), label="1.0.0", generation=3, revision=1, rival=RIVAL
)
ACT = Act(generation=3, revision=1, digest="d", release="1.1.0")
FRESH = begun(None, ACT)


def said(asked, failed=0, why="", act=ACT):
    codes = {"S125": failed} if failed else {}
    onset = Onset(tolerated=0.01).after(asked, failed)
    return Evidence(act=act, onset=onset, codes=codes, set_aside=why)


def test_what_is_new_of_each_worker_is_one_lot():
    first = pooled(FRESH, {"w0": said(5, 1), "w1": said(7)})
    assert (first.counts, first.onset) == (
        Counts(asked=12, codes={"S125": 1}),
        FRESH.onset.after(12, 1),
    )
    second = pooled(first, {"w0": said(5, 1), "w1": said(9, 2)})
    assert (second.counts.asked, second.onset) == (14, first.onset.after(2, 2))
    assert pooled(second, {"w0": said(5, 1), "w1": said(9, 2)}) == second


def test_two_who_have_too_little_each_have_enough_together():
    found = {"w0": said(3, 3), "w1": said(3, 3)}
    assert all(one.onset.evidence < 1e6 for one in found.values())
    assert pooled(FRESH, found).set_aside == "of all workers, 6 of 6 answers failed (6 × S125)"


def test_what_one_found_by_itself_holds_for_all_and_the_first_verdict_stays():
    found = pooled(FRESH, {"w0": said(9), "w1": said(5, 5, why="5 of 5 answers failed")})
    assert found.set_aside == "w1: 5 of 5 answers failed"
    assert pooled(found, {"w0": said(99)}).set_aside == found.set_aside


def test_a_worker_that_began_anew_adds_what_it_saw_since():
    """Its file was lost: what it says counts whole, and what was taken before stays."""
    first = pooled(FRESH, {"w0": said(100, 2)})
    assert pooled(first, {"w0": said(3, 1)}).counts == Counts(asked=103, codes={"S125": 3})
    assert pooled(first, {}) == first


def test_what_is_said_of_another_act_is_not_taken():
    other = Act(generation=3, revision=2, digest="d", release="1.1.0")
    assert pooled(FRESH, {"w0": said(9, 9, act=other, why="because")}) == FRESH


def courses(schedule, trials):
    """What the pool knows after workers told, one after another, as the schedule says."""
    counts, known, start = {}, FRESH, 0
    for worker, lot in schedule:
        asked, failed = counts.get(worker, (0, 0))
        its = trials[start : start + lot]
        counts[worker] = (asked + lot, failed + sum(its))
        start += lot
        known = pooled(known, {name: said(*count) for name, count in counts.items()})
    return known


@pytest.mark.parametrize(
    "schedule",
    [
        [("w0", 4), ("w1", 4), ("w0", 4)],
        [("w0", 1), ("w1", 1)] * 5,
        [("w0", 6), ("w1", 1), ("w2", 3), ("w1", 2)],
    ],
)
def test_its_expectation_is_at_most_one_however_they_interleave(schedule):
    n = sum(lot for _, lot in schedule)
    expected = sum(
        0.01 ** sum(trials) * 0.99 ** (n - sum(trials)) * courses(schedule, trials).onset.evidence
        for trials in product([0, 1], repeat=n)
    )
    assert 0 < expected <= 1


def test_false_alarms_of_pool_and_workers_together_are_as_seldom_as_one_may_be():
    """At 1 in 20 in place of one in a million, with answers at the very limit, told late."""
    random, enough, runs, alarms = np.random.default_rng(2), 20.0, 200, 0
    for _ in range(runs):
        failing = random.random((200, 3)) < 0.01
        watches = [Watch(enough=enough_alone(3) / 1e6 * enough) for _ in range(3)]
        told, known, alarm = {}, FRESH, False
        for step in failing:
            for place, (watch, failed) in enumerate(zip(watches, step, strict=True)):
                watch.note("S125" if failed else "")
                if random.random() < 0.1:
                    told[f"w{place}"] = watch.evidence(ACT)
            known = pooled(known, told)
            alarm = alarm or known.onset.evidence >= 2 * enough or any(w.why for w in watches)
        alarms += alarm
    assert alarms <= runs / enough + 3 * (runs / enough) ** 0.5


@pytest.mark.parametrize("workers", [2, 4])
def test_together_they_need_hardly_more_answers_than_one_alone(workers):
    """Every fifth answer fails; each tells after every tenth of its own."""
    random = np.random.default_rng(3)
    needed = []
    for _ in range(40):
        failing = random.random(4_000) < 0.2
        watches = [Watch(enough=enough_alone(workers)) for _ in range(workers)]
        known = FRESH
        for n, failed in enumerate(failing, 1):
            watches[n % workers].note("S125" if failed else "")
            if n % (10 * workers) == 0:
                found = {f"w{i}": watch.evidence(ACT) for i, watch in enumerate(watches)}
                known = pooled(known, found)
            if known.set_aside or any(watch.set_aside for watch in watches):
                needed.append(n)
                break
    alone = []
    for _ in range(40):
        watch, n = Watch(), 0
        while not watch.set_aside:
            n += 1
            watch.note("S125" if random.random() < 0.2 else "")
        alone.append(n)
    assert np.median(needed) <= np.median(alone) + 15 * workers


@pytest.fixture
def pool(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    return Pool(tmp_path)


def test_the_parent_leaves_its_verdict_on_file_and_says_it_once(pool, tmp_path, capsys):
    pool.look(TARGET.alone, 0)
    assert left_by(tmp_path, POOL) is None, "no challenger answers"
    pool.look(TARGET, 0)
    leave(tmp_path, "w0", said(3, 3))
    pool.look(TARGET, 0)
    assert left_by(tmp_path, POOL).set_aside == ""
    leave(tmp_path, "w1", said(3, 3))
    for _ in range(3):
        pool.look(TARGET, 0)
    why = "of all workers, 6 of 6 answers failed (6 × S125)"
    assert left_by(tmp_path, POOL).set_aside == why
    assert capsys.readouterr().err == f"1.1.0 is set aside: {why}\n"


def test_a_parent_that_is_started_again_takes_nothing_twice(pool, tmp_path):
    leave(tmp_path, "w0", said(40, 2))
    pool.look(TARGET, 0)
    before = left_by(tmp_path, POOL)
    Pool(tmp_path).look(TARGET, 0)
    assert left_by(tmp_path, POOL) == before
    assert before.counts == Counts(asked=40, codes={"S125": 2})


def test_another_act_begins_anew(pool, tmp_path):
    leave(tmp_path, "w0", said(9, 9))
    pool.look(TARGET, 0)
    grown = replace(TARGET, revision=2)
    pool.look(grown, 0)
    assert left_by(tmp_path, POOL) == begun(None, act_of(grown))


def test_workers_that_crash_while_a_challenger_answers_are_failed_answers(pool, tmp_path):
    pool.look(TARGET.alone, 7)
    pool.look(TARGET, 7)  # those were before
    leave(tmp_path, "w0", said(1_000))
    for crashes in range(7, 13):
        pool.look(TARGET, crashes)
    assert left_by(tmp_path, POOL).set_aside == ""
    again = Pool(tmp_path)  # of which no worker has crashed yet
    again.look(TARGET, 0)
    again.look(TARGET, 1)
    why = "of all workers, 6 of 1,006 answers failed (6 × worker crashed)"
    assert left_by(tmp_path, POOL).set_aside == why


def test_what_the_disk_does_not_take_is_said_when_it_does(tmp_path, monkeypatch, capsys):
    """Until then each worker judges by itself."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.0)
    pool = Pool(tmp_path / "log")
    pool.look(TARGET, 0)
    for _ in range(2):
        pool.look(TARGET, 5)
    assert capsys.readouterr().err == ""
    (tmp_path / "log").mkdir()
    pool.look(TARGET, 5)
    why = "of all workers, 5 of 5 answers failed (5 × worker crashed)"
    assert left_by(tmp_path / "log", POOL).set_aside == why
    assert capsys.readouterr().err == f"1.1.0 is set aside: {why}\n"


def test_a_verdict_on_another_act_is_told_again(pool, tmp_path, capsys):
    for revision in (1, 2):
        target = replace(TARGET, revision=revision)
        leave(tmp_path, "w0", said(6, 6, act=act_of(target)))
        pool.look(target, 0)
    assert capsys.readouterr().err.count("1.1.0 is set aside: of all workers, 6 of 6") == 2
