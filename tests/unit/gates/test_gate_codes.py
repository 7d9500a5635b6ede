"""Every code that evaluation and gates use has its page, which says what to do."""

import re
from importlib import resources
from pathlib import Path

import interlock.evaluate
import interlock.gates

CODE = re.compile(r'"((?:M2|V1[01]|D1[567])\d+)"')


def test_every_code_has_a_page_that_says_what_to_do():
    used = {
        code
        for package in (interlock.evaluate, interlock.gates)
        for module in Path(package.__path__[0]).rglob("*.py")
        for code in CODE.findall(module.read_text())
    }
    pages = resources.files("interlock") / "explain"
    named = {p.name.removesuffix(".md") for p in pages.iterdir()}
    assert used <= named
    for code in used:
        lines = (pages / f"{code}.md").read_text().splitlines()
        assert lines[0].startswith("# ")
        assert any(line.startswith("What to do: ") for line in lines)
