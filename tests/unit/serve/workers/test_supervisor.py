"""A worker that ended: started again later, and known to have crashed where it died of itself."""

import signal
import sys
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from interlock.serve.plan import ServePlan, plan_bytes
from interlock.serve.rollout.group import Group, Said
from interlock.serve.rollout.target import Target
from interlock.serve.workers.pulse import Pulse
from interlock.serve.workers.supervisor import Crew, Member, _plan_of_several


class Ended:
    """A service of which the process has ended with that status."""

    running = False
    stuck = False

    def __init__(self, status):
        self.status = status

    def stop(self):
        """Hands on its last words, as one does that was started aloud."""
        print("Fatal Python error: Aborted", file=sys.stderr)
        return self.status


class AtOnce:
    """Threads that start a worker at once, which has ended with the next of the statuses."""

    def __init__(self, statuses):
        self.statuses = iter(statuses)

    def submit(self, start, plan, *, aloud):
        assert aloud
        done = Future()
        done.set_result(Ended(next(self.statuses)))
        return done


@pytest.mark.parametrize(
    ("statuses", "crashes"),
    [
        ([-signal.SIGABRT, -signal.SIGSEGV, 1], 3),
        ([0, -signal.SIGKILL, -signal.SIGTERM], 0),
        ([-signal.SIGKILL, -signal.SIGABRT, 0], 1),
    ],
)
def test_of_workers_that_ended_those_that_died_of_themselves_crashed(
    tmp_path, monkeypatch, capsys, statuses, crashes
):
    clock = SimpleNamespace(monotonic=lambda: next(ticks))
    ticks = iter(range(0, 10_000, 100))
    monkeypatch.setattr("interlock.serve.workers.supervisor.clock", clock)
    plan = ServePlan(product="houses", bundle="/b", log=str(tmp_path), worker="w1", workers=2)
    member = Member(plan, Group(tmp_path, "parent"), AtOnce(statuses))
    for _ in statuses:
        member.look()  # starts it
        member.look()  # it has begun
        member.look()  # it has ended
    assert member.crashes == crashes
    said = capsys.readouterr().err
    assert f"Fatal Python error: Aborted\nw1 ended with status {statuses[0]}; starts in" in said


def test_a_full_disk_keeps_another_release_from_taking_over_and_ends_nobody(tmp_path, monkeypatch):
    plan = ServePlan(
        product="houses", bundle="/b", log=str(tmp_path), workers=2, group=str(tmp_path)
    )
    crew, wanted = Crew(plan, AtOnce([])), Target(**TARGET)
    crew._members = [SimpleNamespace(name=name, present=True) for name in ("w0", "w1")]
    crew._want = lambda: wanted
    for member in crew._members:
        Group(tmp_path, member.name).say(Said(ready=wanted))

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Group, "agree", full)
        crew._flip()
        assert crew._agreed is None
    crew._flip()
    assert crew._agreed == Group(tmp_path, "w0").agreed() == wanted


TARGET = {"digest": "b", "directory": Path("/b"), "label": "1.0.0", "generation": 1}


def test_a_worker_of_several_is_no_parent(tmp_path):
    """Its plan tells it how many they are, and which folder is theirs."""
    plan = ServePlan(product="houses", bundle="/b", log=str(tmp_path), workers=2)
    path = tmp_path / "plan.json"
    for group, parent in ((None, True), (str(tmp_path), False)):
        path.write_bytes(plan_bytes(replace(plan, group=group)))
        assert (_plan_of_several([str(path)]) is not None) is parent


def test_a_worker_that_is_stuck_is_ended_and_counts_as_one_that_crashed(
    tmp_path, monkeypatch, capsys
):
    class Stuck(Ended):
        running, pulse, asked = True, Pulse(seconds=60.0), 0

        def end_if_stuck(self):
            self.asked += 1
            self.stuck = self.asked >= 3
            self.running = self.asked < 5

    service = Stuck(-signal.SIGKILL)
    plan = ServePlan(product="houses", bundle="/b", log=str(tmp_path), worker="w1", workers=2)
    member = Member(plan, Group(tmp_path, "parent"), AtOnce([]))
    member._service = service
    for _ in range(5):
        member.look()
        assert (member.crashes, member.present) == (0, True)
    member.look()
    assert (member.crashes, member.present) == (1, False)
    how = "w1 attended to nothing for 60 s and ended with status -9; starts in 0.2 s\n"
    assert capsys.readouterr().err.endswith(how)
