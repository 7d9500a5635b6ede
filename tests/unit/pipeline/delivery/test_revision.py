"""Which version runs: the commit, clean or dirty, or a digest of the project's own files."""

import os
import subprocess

import pytest

from interlock.pipeline.delivery.revision import Revision, revision_of


def git(folder, *arguments):
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    command = ["git", "-c", "commit.gpgsign=false", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def project(folder):
    """A folder with a product, a helper and some data."""
    (folder / "data").mkdir(parents=True)
    (folder / "product.py").write_text("product = 1\n")
    (folder / "geo.py").write_text("STEP = 1\n")
    (folder / "data" / "sales.csv").write_text("a\n1\n")
    return folder


def committed(folder):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def inside(tmp_path):
    folder = project(tmp_path / "a project")
    return folder, committed(folder)


def test_a_clean_tree_is_its_commit(inside):
    folder, commit = inside
    assert revision_of(folder) == Revision(commit=commit, dirty=False, files="")
    assert str(revision_of(folder)) == commit[:12]


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "product.py").write_text("product = 2\n"),
        lambda f: (f / "geo.py").unlink(),
        lambda f: (f / "new.py").write_text(""),
        lambda f: (f / "data" / "more.csv").write_text("a\n2\n"),
        lambda f: git(f, "mv", "geo.py", "place.py"),
        lambda f: ((f / "new.py").write_text(""), git(f, "add", "new.py")),
        lambda f: (f / "product.py").chmod(0o755),
    ],
    ids=["changed", "removed", "untracked", "untracked data", "moved", "staged", "made executable"],
)
def test_a_tree_that_differs_is_dirty(inside, change):
    folder, commit = inside
    change(folder)
    found = revision_of(folder)
    assert found == Revision(commit=commit, dirty=True)
    assert str(found) == f"{commit[:12]} (dirty)"


def test_what_makes_a_tree_dirty_is_named(inside):
    folder, _ = inside
    (folder / "geo.py").write_text("STEP = 2\n")
    (folder / "new.py").write_text("")
    assert revision_of(folder).changed == ("geo.py", "new.py")


def test_what_running_leaves_behind_makes_nothing_dirty(inside):
    folder, commit = inside
    for place in (".interlock/artifacts", "__pycache__", "shop/__pycache__"):
        (folder / place).mkdir(parents=True)
        (folder / place / "left.json").write_text("{}")
    assert revision_of(folder) == Revision(commit=commit)


def test_a_state_folder_of_another_name_ignores_itself(inside):
    folder, commit = inside
    (folder / "state").mkdir()
    (folder / "state" / "ledger.json").write_text("{}")
    assert revision_of(folder).dirty
    (folder / "state" / ".gitignore").write_text("*\n")
    assert revision_of(folder) == Revision(commit=commit)


def test_ignored_files_make_nothing_dirty(inside):
    folder, _ = inside
    (folder / ".gitignore").write_text("scratch/\n")
    git(folder, "add", ".gitignore")
    git(folder, "commit", "-q", "-m", "two")
    (folder / "scratch").mkdir()
    (folder / "scratch" / "try.py").write_text("")
    assert not revision_of(folder).dirty


def test_a_project_in_a_part_of_a_repository_looks_at_itself_alone(tmp_path):
    folder = project(tmp_path / "products" / "houses")
    commit = committed(tmp_path)
    (tmp_path / "other.py").write_text("")
    assert revision_of(folder) == Revision(commit=commit, dirty=False)
    (folder / "geo.py").write_text("STEP = 2\n")
    assert revision_of(folder).dirty


def test_a_project_that_lies_untracked_in_a_foreign_repository_is_outside(tmp_path):
    (tmp_path / "theirs.py").write_text("")
    committed(tmp_path)
    folder = project(tmp_path / "mine")
    found = revision_of(folder)
    assert (found.commit, found.dirty) == ("", False)
    assert len(found.files) == 64
    assert str(found) == f"files {found.files[:12]}"


def test_a_repository_without_a_commit_is_outside_too(tmp_path):
    folder = project(tmp_path / "mine")
    git(folder, "init", "-q")
    assert revision_of(folder).commit == ""
    assert revision_of(folder).files


def test_where_git_cannot_say_the_tree_counts_as_dirty(inside):
    folder, commit = inside
    (folder / ".git" / "index").write_bytes(b"no index at all")
    assert revision_of(folder) == Revision(commit=commit, dirty=True)


def test_without_git_there_are_the_files(inside, monkeypatch):
    folder, _ = inside
    monkeypatch.setenv("PATH", "")
    found = revision_of(folder)
    assert (found.commit, found.dirty) == ("", False)
    assert found.files


# -- the digest of files ---------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return project(tmp_path / "outside")


def test_the_files_digest_is_of_names_and_bytes_and_not_of_the_place(outside, tmp_path):
    first = revision_of(outside)
    assert first == revision_of(outside)
    outside.rename(tmp_path / "moved")
    assert revision_of(tmp_path / "moved") == first


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "product.py").write_text("product = 2\n"),
        lambda f: (f / "geo.py").rename(f / "place.py"),
        lambda f: (f / "shop").mkdir() or (f / "shop" / "x.sql").write_text("select 1"),
        lambda f: (f / "pyproject.toml").write_text(""),
    ],
)
def test_another_file_is_another_digest(outside, change):
    first = revision_of(outside)
    change(outside)
    assert revision_of(outside).files != first.files


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "data" / "sales.csv").write_text("a\n2\n"),
        lambda f: (f / ".hidden").mkdir() or (f / ".hidden" / "x.py").write_text(""),
        lambda f: (f / "__pycache__").mkdir() or (f / "__pycache__" / "x.py").write_text(""),
        lambda f: (f / ".interlock").mkdir() or (f / ".interlock" / "x.json").write_text("{}"),
        lambda f: (f / ".#product.py").symlink_to("ada@host.1234"),
        lambda f: (
            (f / "state").mkdir(),
            (f / "state" / ".gitignore").write_text("*\n"),
            (f / "state" / "report.json").write_text("{}"),
        ),
    ],
    ids=["data", "hidden", "bytecode", "state", "an editor's lock", "state of another name"],
)
def test_what_is_not_the_projects_own_changes_nothing(outside, change):
    first = revision_of(outside)
    change(outside)
    assert revision_of(outside) == first
