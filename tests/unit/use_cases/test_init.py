"""A project is made whole, or nothing is touched."""

import pytest

from interlock.errors import OperatorError
from interlock.use_cases.init import FILES, TEMPLATE, init


def test_every_file_of_the_template_is_made(tmp_path):
    folder = tmp_path / "new" / "a b"
    assert init(folder) == tuple(FILES.values())
    made = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert made == set(FILES.values())


def test_the_template_holds_no_other_file():
    there = {p.relative_to(TEMPLATE).as_posix() for p in TEMPLATE.rglob("*") if p.is_file()}
    assert {name for name in there if "__pycache__" not in name} == set(FILES)


def test_what_interlock_writes_stays_out_of_git(tmp_path):
    init(tmp_path)
    assert ".interlock/" in (tmp_path / ".gitignore").read_text().splitlines()


def test_both_workflows_check_test_and_deliver(tmp_path):
    init(tmp_path)
    for name in (".github/workflows/interlock.yml", ".gitlab-ci.yml"):
        text = (tmp_path / name).read_text()
        steps = [
            text.index(s)
            for s in ("interlock check", "python -m pytest", "interlock deliver --junit ")
        ]
        assert steps == sorted(steps)


def test_the_data_is_said_to_be_generated(tmp_path):
    init(tmp_path)
    assert "generated" in (tmp_path / "README.md").read_text()
    assert "generated" in (tmp_path / "product.py").read_text()


def test_a_folder_with_anything_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OperatorError) as caught:
        init(tmp_path)
    assert caught.value.code == "C162"
    assert caught.value.mistakes[0].got == "mine.txt"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_of_that_name_is_refused(tmp_path):
    (tmp_path / "p").write_text("mine")
    with pytest.raises(OperatorError, match="C162"):
        init(tmp_path / "p")
    with pytest.raises(OperatorError) as caught:
        init(tmp_path / "p" / "q")
    assert caught.value.code == "C163"
    assert (tmp_path / "p").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_an_error_with_a_code(tmp_path):
    with pytest.raises(OperatorError, match="C163"):
        init(tmp_path / ("x" * 300))
