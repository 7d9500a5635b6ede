"""Which release answers: following, refusing, flipping back."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from interlock.errors import IntegrityError, StoreError
from interlock.serve.rollout.live import LiveRelease
from interlock.serve.rollout.target import Rival, Target
from interlock.serve.rollout.traffic import Split


def target(name, generation=1):
    return Target(digest=name, directory=Path(name), label=f"1.{generation}", generation=generation)


class Joined:
    """Who answers, by name."""

    def __init__(self, champion, challenger, rival):
        self.champion, self.challenger = champion, challenger
        self.whole = rival is None or challenger is not None

    def told(self):
        return {"asked": 7}


class Scene:
    """A pointer that can be moved, releases that can be broken, and what was done."""

    def __init__(self, *broken, resident=2):
        self.wanted = target("a")
        self.broken = set(broken)
        self.crashing = set()
        self.unsigned = set()
        self.done = []
        self.live = LiveRelease(
            self._want,
            self._prove,
            self._load,
            self._try,
            lambda target, champion, challenger: Joined(champion, challenger, target.rival),
            resident=resident,
            poll_seconds=0.01,
        )

    def _want(self):
        if isinstance(self.wanted, Exception):
            raise self.wanted
        return self.wanted

    def _prove(self, wanted):
        digest = wanted.digest if wanted.rival is None else wanted.rival.digest
        if (digest, wanted.generation) in self.unsigned:
            raise IntegrityError("S135", "nobody made it live", got="nothing")

    def _try(self, wanted):
        self.done.append(f"try {wanted.digest}")
        if wanted.digest in self.crashing:
            raise IntegrityError("S134", "the release crashed", got="exit status -11")

    def _load(self, wanted):
        self.done.append(f"load {wanted.digest}")
        if wanted.digest in self.broken:
            raise RuntimeError("no")
        return f"predictor of {wanted.digest}"

    def move(self, name, generation):
        self.wanted = target(name, generation)
        self.live.look()


def test_the_first_release_is_loaded_without_a_trial():
    scene = Scene()
    scene.live.start()
    assert scene.live.predictor == "predictor of a"
    assert scene.done == ["load a"]


def test_another_release_is_tried_apart_then_takes_over():
    scene = Scene()
    scene.live.start()
    scene.move("b", 2)
    assert scene.live.predictor == "predictor of b"
    assert scene.done == ["load a", "try b", "load b"]
    assert scene.live.status() == {
        "digest": "b",
        "release": "1.2",
        "generation": 2,
        "wanted_digest": "b",
        "wanted_generation": 2,
        "problem": None,
        "resident": ["a", "b"],
        "rollout": None,
    }


def test_a_resident_release_is_flipped_back_without_loading():
    scene = Scene()
    scene.live.start()
    scene.move("b", 2)
    scene.wanted = Target(digest="a", directory=Path("a"), label="1.1", generation=3)
    scene.live.look()
    assert scene.live.predictor == "predictor of a"
    assert scene.done == ["load a", "try b", "load b"]
    assert scene.live.status()["generation"] == 3


def test_only_the_last_few_stay_resident():
    scene = Scene(resident=2)
    scene.live.start()
    scene.move("b", 2)
    scene.move("c", 3)
    assert scene.live.status()["resident"] == ["b", "c"]


@pytest.mark.parametrize(
    ("broken", "crashing", "problem"),
    [("b", "", "RuntimeError: no"), ("", "b", "S134: the release crashed (exit status -11)")],
)
def test_a_bad_release_leaves_the_old_one_answering_and_is_not_hammered(broken, crashing, problem):
    scene = Scene(broken)
    scene.crashing.add(crashing)
    scene.live.start()
    scene.move("b", 2)
    scene.live.look()
    status = scene.live.status()
    assert scene.live.predictor == "predictor of a"
    assert (status["digest"], status["wanted_digest"], status["problem"]) == ("a", "b", problem)
    assert scene.done.count("try b") == 1
    scene.move("a", 1)
    assert scene.live.status()["problem"] is None


def test_a_pointer_that_cannot_be_read_is_said_and_survived():
    scene = Scene()
    scene.live.start()
    scene.wanted = StoreError("L120", "the pointer cannot be read", got="half of it")
    scene.live.look()
    assert scene.live.status()["problem"] == "L120: the pointer cannot be read (half of it)"
    assert scene.live.predictor == "predictor of a"
    scene.move("b", 2)
    assert (scene.live.status()["digest"], scene.live.status()["problem"]) == ("b", None)


def test_without_a_release_to_fall_back_on_starting_fails():
    scene = Scene("a")
    with pytest.raises(RuntimeError):
        scene.live.start()


def test_what_nobody_signed_is_not_even_tried_nor_flipped_back_to():
    scene = Scene()
    scene.unsigned = {("b", 2), ("a", 4)}
    scene.live.start()
    scene.move("b", 2)
    assert scene.live.status()["problem"] == "S135: nobody made it live (nothing)"
    assert scene.done == ["load a"]
    scene.move("b", 3)
    assert scene.live.predictor == "predictor of b"
    scene.move("a", 4)
    assert scene.live.predictor == "predictor of b", "resident as it is"
    assert scene.live.status()["problem"].startswith("S135")


def test_a_service_does_not_begin_with_what_nobody_signed():
    scene = Scene()
    scene.unsigned = {("a", 1)}
    with pytest.raises(IntegrityError):
        scene.live.start()
    assert (scene.done, scene.live.arms) == ([], None)


def test_a_challenger_that_nobody_signed_keeps_no_champion_waiting():
    scene = Scene()
    scene.unsigned = {("c", 2)}
    scene.live.start()
    rival = Rival(digest="c", directory=Path("c"), label="3", split=Split("s", 5))
    scene.wanted = replace(target("b", 2), revision=1, rival=rival)
    scene.live.look()
    scene.live.look()
    assert scene.live.predictor == "predictor of b"
    assert scene.live.status()["rollout"] is None
    assert scene.live.status()["problem"].startswith("S135")
    assert "load c" not in scene.done


def test_a_service_that_runs_never_goes_back_to_an_older_state():
    scene = Scene()
    scene.live.start()
    scene.move("b", 2)
    scene.move("a", 1)
    assert scene.live.predictor == "predictor of b"
    said = "S136: the pointer names an older state than there was (generation 1)"
    assert scene.live.status()["problem"] == said
    scene.move("b", 2)
    assert scene.live.status()["problem"] is None


def test_the_status_is_read_while_another_release_takes_over(monkeypatch):
    scene, moves = Scene(resident=3), []

    class Read(tuple):
        """A key; whoever takes it apart is interrupted by the thread that follows the pointer."""

        def __iter__(self):
            while moves:
                scene.move(*moves.pop())
            return super().__iter__()

    monkeypatch.setattr(Target, "key", property(lambda self: Read((self.digest, self.label))))
    scene.live.start()
    scene.move("b", 2)
    moves.append(("c", 3))
    assert scene.live.status()["resident"] == ["a", "b"], "as it was before"
    assert scene.live.status()["resident"] == ["a", "b", "c"]


def test_one_that_hangs_while_it_loads_is_told_and_the_old_one_answers(monkeypatch):
    """Nothing can stop the thread, which follows the pointer no more."""
    monkeypatch.setattr("interlock.serve.rollout.live._READY_SECONDS", 0.0)
    scene, loading, go_on = Scene(), threading.Event(), threading.Event()
    scene.live.start()
    load = scene._load

    def hang(wanted):
        loading.set()
        go_on.wait(60)
        return load(wanted)

    scene.live._load = hang
    thread = threading.Thread(target=scene.move, args=("b", 2))
    thread.start()
    assert loading.wait(60)
    status = scene.live.status()
    go_on.set()
    thread.join(60)
    assert (status["digest"], status["wanted_digest"]) == ("a", "b")
    assert status["problem"] == "not ready after 0 s: it is tried or loaded, or hangs"
    after = scene.live.status()
    assert (after["digest"], after["wanted_digest"], after["problem"]) == ("b", "b", None)
