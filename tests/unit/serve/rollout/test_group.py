"""What workers and their parent tell each other, and when another release takes over."""

from pathlib import Path

import pytest

from interlock.errors import IntegrityError
from interlock.serve.rollout.arms import Arms
from interlock.serve.rollout.group import Group, Said
from interlock.serve.rollout.live import LiveRelease
from interlock.serve.rollout.target import Target
from interlock.serve.workers.supervisor import takes_over


def target(name, generation=1):
    return Target(digest=name, directory=Path(name), label="1.0.0", generation=generation)


A, B = target("a"), target("b", 2)


class Worker:
    """A worker without a server: what it has live, and what it cannot load."""

    def __init__(self, place, name, *broken):
        self.wanted = A
        self.broken = broken
        self.group = Group(place, name)
        self.live = LiveRelease(
            lambda: self.wanted,
            lambda wanted: None,
            self._load,
            lambda wanted: None,
            lambda target, champion, challenger: Arms(champion, challenger, target.rival),
            resident=1,
            poll_seconds=0.01,
            group=self.group,
        )

    def _load(self, wanted):
        if wanted.digest in self.broken:
            raise IntegrityError("R104", "a file was changed", got="other bytes")
        return f"predictor of {wanted.digest}"

    def look(self, wanted):
        self.wanted = wanted
        self.live.look()


def test_what_is_half_written_or_foreign_is_not_said(tmp_path):
    group = Group(tmp_path, "w0")
    (tmp_path / "w1.json").write_bytes(b'{"ready":')
    (tmp_path / "agreed.json").write_bytes(b"[]")
    assert (group.agreed(), group.said()) == (None, {})


def test_what_a_worker_said_is_forgotten_with_it(tmp_path):
    parent, worker = Group(tmp_path, "parent"), Group(tmp_path, "w0")
    worker.say(Said(ready=A, wanted=A))
    parent.forget("w0")
    parent.forget("w7")
    assert parent.said() == {}


def test_a_worker_begins_with_what_is_agreed_not_with_what_is_wanted(tmp_path):
    Group(tmp_path, "parent").agree(A)
    worker = Worker(tmp_path, "w0")
    worker.wanted = B
    worker.live.start()
    assert worker.live.predictor == "predictor of a"


def test_a_release_takes_over_only_when_it_is_agreed(tmp_path):
    parent, worker = Group(tmp_path, "parent"), Worker(tmp_path, "w0")
    parent.agree(A)
    worker.live.start()
    worker.look(B)
    assert worker.live.predictor == "predictor of a"
    assert parent.said()["w0"].ready == B
    assert worker.live.status()["wanted_generation"] == 2
    parent.agree(B)
    worker.look(B)
    assert worker.live.predictor == "predictor of b"
    assert worker.live.status()["resident"] == ["b"]


def test_what_another_worker_cannot_load_is_said_by_all(tmp_path):
    parent = Group(tmp_path, "parent")
    parent.agree(A)
    well, ill = Worker(tmp_path, "w0"), Worker(tmp_path, "w1", "b")
    for worker in (well, ill):
        worker.live.start()
    for worker in (ill, well):
        worker.look(B)
    assert well.live.status()["problem"] == "w1: R104: a file was changed (other bytes)"
    assert ill.live.status()["problem"] == "R104: a file was changed (other bytes)"
    ready = {name: said.ready for name, said in parent.said().items()}
    assert not takes_over(B, ready, ["w0", "w1"])
    for worker in (ill, well):
        worker.look(A)
        assert worker.live.status()["problem"] is None


def test_requests_may_come_once_all_workers_are_ready(tmp_path):
    parent, worker = Group(tmp_path, "parent"), Worker(tmp_path, "w0")
    parent.agree(A)
    worker.live.start()
    assert not worker.live.open
    parent.open()
    assert worker.live.open


@pytest.mark.parametrize(
    ("ready", "present", "expected"),
    [
        ({"w0": B, "w1": B}, ["w0", "w1"], True),
        ({"w0": B, "w1": A}, ["w0", "w1"], False),
        ({"w0": B}, ["w0", "w1"], False),
        ({"w0": B, "w1": A}, ["w0"], True),
        ({"w0": B}, [], False),
        ({"w0": target("b", 3)}, ["w0"], False),
    ],
)
def test_all_that_run_or_start_must_have_it_ready(ready, present, expected):
    assert takes_over(B, ready, present) is expected
