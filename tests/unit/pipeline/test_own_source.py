"""The digest of the code that computes stages: what changes it, and what does not."""

import pytest

from interlock.digest import digest_json
from interlock.pipeline import context as contexts
from interlock.pipeline.own_source import of_folder, of_record, own_source

RECORD = """interlock/__init__.py,sha256=aa,10
interlock/stats/intervals.py,sha256=bb,20
interlock/cli/main.py,sha256=cc,30
interlock/explain/C101.md,sha256=dd,40
interlock/__pycache__/clock.cpython-311.pyc,,
interlock-0.1.0.dist-info/RECORD,,
"""


@pytest.fixture
def package(tmp_path):
    for name in ("__init__.py", "stats/intervals.py", "cli/main.py", "explain/C101.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("stats/intervals.py", True),
        ("stats/another.py", True),
        ("clock.py", True),
        ("cli/main.py", False),
        ("use_cases/deliver.py", False),
        ("workspace.py", False),
        ("explain/C101.md", False),
        ("stats/__pycache__/intervals.py", False),
    ],
)
def test_what_a_stage_can_reach_counts(package, file, counts):
    before = of_folder(package)
    path = package / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("changed")
    assert (of_folder(package) != before) == counts


def test_a_file_that_moves_is_another_source(package):
    before = of_folder(package)
    (package / "stats" / "intervals.py").rename(package / "stats" / "spans.py")
    assert of_folder(package) != before


def test_an_installed_package_is_known_by_its_list():
    assert of_record(RECORD) == of_record("".join(reversed(RECORD.splitlines(keepends=True))))
    assert of_record(RECORD) != of_record(RECORD.replace("=bb", "=b0"))
    assert of_record(RECORD) == of_record(RECORD.replace("=cc", "=c0").replace("=dd", "=d0"))


def test_a_list_without_the_files_says_nothing():
    """That of an editable install: it names a hook and its own metadata."""
    assert of_record("_interlock.pth,sha256=aa,9\ninterlock-0.1.0.dist-info/RECORD,,\n") == ""
    assert len(own_source()) == 64


def test_another_source_runs_a_stage_again(bench, monkeypatch):
    context = bench.context()
    contexts.versions.cache_clear()
    assert not context.run("train", {}, lambda: {"rows": 3}).cached
    assert context.run("train", {}, lambda: {"rows": 3}).cached
    monkeypatch.setattr(contexts, "own_source", lambda: digest_json("another"))
    contexts.versions.cache_clear()
    assert not context.run("train", {}, lambda: {"rows": 3}).cached
    monkeypatch.undo()
    contexts.versions.cache_clear()
