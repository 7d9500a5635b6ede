"""Every code has a page, and every page a code."""

import re
from pathlib import Path

import pytest

import interlock
from interlock.errors import OperatorError
from interlock.use_cases.explain import codes, explain, pages

SOURCE = Path(interlock.__file__).parent
_CODE = re.compile(r'"([A-Z]\d{3})"')


def _raised() -> set[str]:
    files = (f for f in SOURCE.rglob("*.py") if "templates" not in f.parts)
    return {code for f in files for code in _CODE.findall(f.read_text(encoding="utf-8"))}


def test_every_code_in_the_source_has_a_page():
    assert sorted(_raised() - set(codes())) == []


def test_every_page_has_a_code_in_the_source():
    assert sorted(set(codes()) - _raised()) == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)
def test_a_page_has_a_title_and_says_what_to_do(page):
    text = (SOURCE / "explain" / f"{page.code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {page.title}\n\n")
    assert len(page.title) > 8
    assert not page.title.endswith(".")
    assert len(page.text.splitlines()) >= 1


def test_a_code_is_found_however_it_is_written():
    assert explain(" c160\n") == explain("C160")
    assert explain("C160").title == "There is no such code"


def test_an_unknown_code_names_the_nearest():
    with pytest.raises(OperatorError) as caught:
        explain("C16")
    mistake = caught.value.mistakes[0]
    assert mistake.code == "C160"
    assert "C160" in mistake.expected
    assert mistake.got == "'C16'"


@pytest.mark.parametrize("code", ["", "../../etc/passwd", "C160.md", "\x00"])
def test_a_code_that_is_a_path_reads_nothing(code):
    with pytest.raises(OperatorError, match="C160"):
        explain(code)
