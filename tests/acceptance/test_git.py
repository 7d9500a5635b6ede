"""A project in git: its commit is recorded, and prod refuses what is not committed."""

import subprocess

import pytest


def git(folder, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def committed(project):
    (project.folder / ".gitignore").write_text(".interlock/\n__pycache__/\n")
    git(project.folder, "init", "-q")
    git(project.folder, "add", "-A")
    git(project.folder, "commit", "-q", "-m", "Begin")
    return project


def test_the_commit_is_recorded_and_a_dirty_tree_is_refused(committed, pristine, days):
    commit = git(committed.folder, "rev-parse", "HEAD")
    ran = committed.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    row = ran.json["delivery"]
    assert (row["git_commit"], row["dirty"]) == (commit, False)
    assert committed.live() == pristine.live(), "the bundle is the same in git and outside"

    committed.change("import interlock as il", "import interlock as il  # not committed")
    live = committed.live()
    ran = committed.deliver("--as-of", days[1])
    assert ran.code == 3
    row = ran.json["delivery"]
    assert (row["git_commit"], row["dirty"], row["status"]) == (commit, True, "blocked")
    assert [m["code"] for m in ran.json["mistakes"]] == ["E104"]
    assert "error[E104]: prod does not admit this bundle" in ran.err
    assert "the tree was dirty: commit, then deliver again" in ran.err
    told = ran.err.index("! prod will not admit what is made of uncommitted changes (product.py)")
    assert told < ran.err.index("snapshot")
    assert committed.live() == live
    assert committed.live("staging") == row["bundle"] != live

    committed.settle("allow_dirty = true\n")
    ran = committed.deliver("--as-of", days[1])
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["dirty"]
    assert committed.live() == row["bundle"]


def test_committed_afterwards_the_same_bundle_is_admitted(committed, pristine, days):
    committed.learn(pristine)
    (committed.folder / "notes.txt").write_text("not committed")
    ran = committed.deliver("--as-of", days[0])
    assert ran.code == 3, ran.err
    assert committed.live() is None
    git(committed.folder, "add", "-A")
    git(committed.folder, "commit", "-q", "-m", "Take notes")
    again = committed.deliver("--as-of", days[0])
    assert again.code == 0, again.err
    assert again.json["digest"] == ran.json["digest"] == committed.live()
    assert {s["name"] for s in again.json["steps"] if s["status"] == "ran"} <= {
        "data", "model", "staging", "post-deploy tests", "prod",
    }  # fmt: skip


@pytest.mark.parametrize("dirty", [False, True])
def test_what_is_resumed_is_what_was_begun(committed, pristine, days, dirty):
    """Else the delivery's record, and what is signed of it, would name another revision."""
    committed.learn(pristine)
    if dirty:
        (committed.folder / "notes.txt").write_text("not committed")
    ran = committed.run("deliver", "--as-of", days[0], INTERLOCK_FAILPOINT="train")
    assert ran.code == -9
    if dirty:
        (committed.folder / "notes.txt").unlink()
    else:
        committed.change("max_iter=40", "max_iter=41")
    ran = committed.deliver("--resume")
    assert ran.code == 2, ran.err
    assert "error[E122]: the project has changed since the delivery began" in ran.err
    assert committed.live() is None
    assert committed.live("staging") is None


def test_outside_git_the_files_are_the_revision(project, days):
    ran = project.run("deliver", "--as-of", days[0], INTERLOCK_FAILPOINT="train")
    assert ran.code == -9
    project.change("max_iter=40", "max_iter=41")
    ran = project.deliver("--resume")
    assert ran.code == 2, ran.err
    assert "error[E122]" in ran.err
    ran = project.deliver("--as-of", days[0])
    assert ran.code == 0, ran.err
    assert ran.json["delivery"]["number"] == 2
    assert ran.json["delivery"]["git_commit"].startswith("files:")
