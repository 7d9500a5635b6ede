"""kill -9 at any moment: nothing half-visible, and --resume ends where an undisturbed run does."""

import random
import time
from pathlib import Path

import pytest

STEPS = [
    "snapshot", "features", "data", "training tests", "train", "model", "bundle", "service",
    "staging", "post-deploy tests", "prod",
]  # fmt: skip


def whole(project, live):
    """Whatever was killed, everything else can be read, and prod is what it was."""
    for command in ("status", "verify", "history"):
        ran = project.run(command)
        assert ran.code == 0, ran.err
    assert project.live() == live


def deliveries(project):
    found = project.workspace().ledger.deliveries.newest(product="houses")
    return [(row.number, row.status) for row in found]


def test_killed_after_every_step_in_turn(project, pristine, days):
    ran = project.run("deliver", "--as-of", days[0], INTERLOCK_FAILPOINT=STEPS[0])
    assert ran.code == -9, ran.err
    for step in STEPS[1:]:
        whole(project, None)
        said = "! delivery 1 interrupted: its process ended before it did"
        assert f"  last: {said} (interlock deliver --resume)" in project.run("status").out
        assert "! interrupted" in project.run("history").out
        assert deliveries(project) == [(1, "running")]
        ran = project.run("deliver", "--resume", INTERLOCK_FAILPOINT=step)
        assert ran.code == -9, (step, ran.err)
    ran = project.deliver("--resume")
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["status"] == "delivered"
    whole(project, pristine.live())
    assert deliveries(project) == [(1, "delivered")]
    again = project.run("deliver", "--resume")
    assert again.code == 2
    assert "error[E120]: there is no delivery to resume" in again.err


@pytest.mark.parametrize("step", ["staging", "post-deploy tests", "prod"])
def test_killed_once_over_a_live_release(continued, days, step):
    live = continued.live()
    ran = continued.run("deliver", "--as-of", days[1], INTERLOCK_FAILPOINT=step)
    assert ran.code == -9
    if step != "prod":
        whole(continued, live)
    ran = continued.deliver("--resume")
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["number"] == 2
    assert ran.json["delivery"]["status"] == "delivered"
    assert ran.json["sentence"] == "prod runs 1.0.1, 1.0.0 is kept for rollback"
    whole(continued, ran.json["digest"])
    back = continued.run("rollback", "--reason", "to see")
    assert back.code == 0, back.err
    assert continued.live() == live


def test_not_resumed_but_begun_anew(continued, days):
    ran = continued.run("deliver", "--as-of", days[1], INTERLOCK_FAILPOINT="service")
    assert ran.code == -9
    ran = continued.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    said = "! delivery 2 of houses was interrupted: its process ended before it did"
    assert ran.err.splitlines()[0] == said
    assert ran.json["delivery"]["number"] == 3
    assert deliveries(continued) == [(3, "delivered"), (2, "interrupted"), (1, "delivered")]
    (event,) = [
        e for e in continued.workspace().ledger.events() if e.body.get("status") == "interrupted"
    ]
    assert event.body["summary"] == {"sentence": "its process ended before it did"}
    assert continued.live() == ran.json["digest"]


def processes_of(session):
    """What still runs of a killed command: it was the leader of a session."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                after_name = (place / "stat").read_text().rpartition(")")[2].split()
                if int(after_name[3]) == session and after_name[0] != "Z":
                    found.append(int(place.name))
            except (OSError, IndexError):
                continue
    return found


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(project, pristine, days, seed):
    chance = random.Random(seed)
    reference = pristine.live()
    arguments = ["deliver", "--as-of", days[0]]
    killed = 0
    for _ in range(4):
        ran = project.run(*arguments, kill_after=chance.uniform(0.05, 2.4))
        if ran.code == -9:
            killed += 1
            assert project.live() in (None, reference)
            end = time.monotonic() + 60
            while left := processes_of(ran.pid):
                assert time.monotonic() < end, f"processes of a killed delivery: {left}"
                time.sleep(0.05)
        assert project.run("verify").code == 0
        started = deliveries(project)
        arguments = ["deliver", "--resume"] if started else arguments
        if started and started[0][1] != "running":
            break
    else:
        ran = project.run(*arguments)
        assert ran.code == 0, ran.err
    assert killed
    assert deliveries(project) == [(1, "delivered")]
    whole(project, reference)
    assert (project.state / "deliveries" / "houses" / "1" / "report.html").exists()
