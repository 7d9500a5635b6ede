"""A rollout whose challenger was set aside is ended, on record, and by nothing else."""

import pytest
from msgspec.structs import replace

from interlock.deploy import act as done
from interlock.deploy.challenger import start
from interlock.deploy.pointer import pointer_path, read_pointer
from interlock.deploy.rollout import Target, promote
from interlock.errors import StoreError
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.notary import Notary
from interlock.pipeline.places import Places
from interlock.release.keys import SigningKey
from interlock.serve.rollout.evidence import Act, Evidence, leave
from interlock.stats.onset import Onset
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.use_cases import ending_failed
from interlock.use_cases.ending_failed import EndingFailed

RIVAL = Target(bundle="c" * 64, label="1.1.0", delivery="d2")
WHY = "4 of 4 answers failed (4 × S125)"


@pytest.fixture
def switch(tmp_path):
    places, key = Places(tmp_path), SigningKey.generate()
    ledger, artifacts = Ledger.open(places.ledger), ArtifactStore.open(places.artifacts)
    notary = Notary(key=key, keys=(key.public,), places=places, artifacts=artifacts, ledger=ledger)
    switch = Switch(
        product="houses", ledger=ledger, artifacts=artifacts, places=places, notary=notary
    )
    first = Target(bundle="b" * 64, label="1.0.0", delivery="d1")
    live = switch.to(promote(None, first, product="houses", environment="prod", at=7), None)
    switch.roll_out(start(live, None, RIVAL, buckets=500, at=8), live)
    return switch


@pytest.fixture
def log(tmp_path):
    folder = tmp_path / "log"
    folder.mkdir()
    return folder


@pytest.fixture
def told():
    return []


@pytest.fixture
def ending(switch, log, told, monkeypatch):
    monkeypatch.setattr(ending_failed, "EVERY_SECONDS", 0.0)
    return EndingFailed(switch, "prod", log, told.append)


def said(switch, why=WHY, **changes):
    last = switch.last_rollout("prod")
    act = Act(
        generation=last.generation,
        revision=last.revision,
        digest=last.bundle,
        release=last.label,
    )
    onset = Onset(tolerated=0.01).after(4, 4)
    return Evidence(act=replace(act, **changes), onset=onset, codes={"S125": 4}, set_aside=why)


def test_it_is_ended_once_with_the_reason_and_services_hear_of_it(switch, ending, log, told):
    ending.tick()
    assert (switch.last_rollout("prod").act, told) == ("start", [])
    leave(log, "w2", said(switch, why=""))
    ending.tick()
    assert (switch.last_rollout("prod").act, told) == ("start", [])
    leave(log, "w0", said(switch))
    leave(log, "w1", said(switch))
    for _ in range(2):
        ending.tick()
    last = switch.last_rollout("prod")
    assert (last.act, last.revision, last.reason) == ("stop", 2, f"set aside: {WHY}")
    assert read_pointer(pointer_path(switch.places.pointers, "prod", "houses")).challenger is None
    (error,) = told
    assert error.code == "S163"
    assert str(error).startswith(
        "error[S163]: the rollout of 1.1.0 was ended: it was set aside for failing"
    )


@pytest.mark.parametrize("changes", [{"generation": 9}, {"revision": 0}, {"digest": "d" * 64}])
def test_what_was_said_of_another_act_ends_nothing(switch, ending, log, told, changes):
    leave(log, "w0", said(switch, **changes))
    ending.tick()
    assert (switch.last_rollout("prod").act, told) == ("start", [])


def test_what_cannot_be_read_is_not_said(switch, ending, log, told):
    (log / "w0.rollout.json").write_bytes(b'{"act":')
    ending.tick()
    assert (switch.last_rollout("prod").act, told) == ("start", [])


@pytest.mark.parametrize("step", ["publish", "_keep"])
def test_an_end_that_was_recorded_and_not_told_is_made_whole(
    switch, ending, log, told, monkeypatch, step
):
    monkeypatch.setattr(ending_failed, "AGAIN_SECONDS", 0.0)
    leave(log, "w0", said(switch))
    with monkeypatch.context() as patch:
        patch.setattr(Switch, step, lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
        ending.tick()
    last = switch.last_rollout("prod")
    assert (last.act, [error.code for error in told]) == ("stop", ["S163"])
    ending.tick()
    assert read_pointer(pointer_path(switch.places.pointers, "prod", "houses")).challenger is None
    assert done.Act.of_row(last) in switch.notary.acts("houses", "prod")


def test_what_goes_wrong_is_told_and_tried_again(switch, ending, log, told, monkeypatch):
    monkeypatch.setattr(ending_failed, "AGAIN_SECONDS", 0.0)
    leave(log, "w0", said(switch))
    for error in (StoreError("L110", "the ledger is locked"), ZeroDivisionError("no")):
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "head", lambda self, error=error: (_ for _ in ()).throw(error))
            patch.setattr(Switch, "current", lambda *_, error=error: (_ for _ in ()).throw(error))
            ending.tick()
    assert [error.code for error in told] == ["L110", "S163"]
    ending.tick()
    assert switch.last_rollout("prod").act == "stop"
