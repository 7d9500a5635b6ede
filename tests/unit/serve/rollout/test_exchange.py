"""A worker says what it saw of a challenger and hears what all saw, beside what it answers."""

import shutil
import threading

import pytest

from interlock.serve.rollout import exchange as module
from interlock.serve.rollout.evidence import POOL, Act, Evidence, leave, left, left_by
from interlock.serve.rollout.exchange import Exchange, exchanging
from interlock.stats.onset import Onset

ACT = Act(generation=3, revision=1, digest="d", release="1.1.0")
VERDICT = Evidence(
    act=ACT,
    onset=Onset(tolerated=0.01).after(6, 6),
    codes={"S125": 6},
    set_aside="of all workers, 6 of 6 answers failed (6 × S125)",
)


@pytest.fixture
def worker(tmp_path):
    def start(name="w0", act=ACT):
        return Exchange(tmp_path, name, act, enough=1e6)

    return start


def test_it_says_what_is_new(worker, tmp_path):
    exchange = worker()
    exchange.look()
    assert left(tmp_path) == {}, "nothing was asked yet"
    exchange.watch.note("")
    exchange.watch.note("S125")
    exchange.look()
    assert str(left_by(tmp_path, "w0")) == "1 of 2 answers failed (1 × S125)"
    before = (tmp_path / "w0.rollout.json").stat()
    exchange.look()
    assert (tmp_path / "w0.rollout.json").stat() == before


def test_one_that_is_started_again_keeps_what_it_knew_and_what_all_knew(worker, tmp_path):
    first = worker()
    for code in ("", "S125", "S125", "S125"):
        first.watch.note(code)
    first.look()
    again = worker()
    assert again.watch.counts == first.watch.counts
    leave(tmp_path, POOL, VERDICT)
    third = worker("w1")
    assert third.watch.why == VERDICT.set_aside, "before it asks the challenger anything"


def test_a_verdict_of_the_pool_is_heard_and_told_once(worker, tmp_path, capsys):
    exchange = worker()
    leave(tmp_path, POOL, VERDICT)
    for _ in range(2):
        exchange.look()
    assert exchange.watch.why == VERDICT.set_aside
    assert exchange.watch.told()["all_workers"] == {"asked": 6, "failed": 6}
    assert capsys.readouterr().err == f"1.1.0 is set aside: {VERDICT.set_aside}\n"


def test_another_act_begins_anew(worker, tmp_path):
    leave(tmp_path, POOL, VERDICT)
    leave(tmp_path, "w0", VERDICT)
    grown = worker(act=Act(generation=3, revision=2, digest="d", release="1.1.0"))
    grown.look()
    assert (grown.watch.set_aside, grown.watch.counts.asked) == (False, 0)


def test_what_the_disk_did_not_take_is_said_later_and_to_the_operator_once(tmp_path, capsys):
    log = tmp_path / "log"
    exchange = Exchange(log, "w0", ACT, enough=1e6)
    for _ in range(4):
        exchange.watch.note("S125")
    exchange.look()
    exchange.look()
    log.mkdir()
    exchange.look()
    assert left_by(log, "w0").set_aside == "4 of 4 answers failed (4 × S125)"
    said = capsys.readouterr().err
    assert said == "1.1.0 is set aside: 4 of 4 answers failed (4 × S125)\n"
    shutil.rmtree(log)


def test_it_looks_in_a_thread_and_once_more_at_the_end(monkeypatch):
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.001)
    looked, twice = [], threading.Event()

    def look():
        looked.append(threading.current_thread().name)
        if len(looked) == 2:
            twice.set()

    with exchanging(look):
        assert twice.wait(60)
    assert looked[0] == "exchange"
    assert looked[-1] == threading.current_thread().name
