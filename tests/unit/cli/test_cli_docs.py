"""docs/cli.md shows each command's real help."""

import re
from pathlib import Path

from interlock.cli.main import COMMANDS

DOCS = (Path(__file__).parents[3] / "docs" / "cli.md").read_text(encoding="utf-8")


def _help(section: str) -> str:
    return re.findall(r"```text\n(.*?)\n```", section, flags=re.DOTALL)[-1]


def test_the_docs_show_the_help_of_the_whole(interlock):
    assert _help(DOCS.split("\n## ")[0]) == interlock("--help").out.strip()


def test_the_docs_show_every_command_with_its_help(interlock):
    documented = {part.split("\n")[0]: _help(part) for part in DOCS.split("\n## ")[1:]}
    real = {name: interlock(name, "--help").out.strip() for name in COMMANDS}
    assert documented == real


def test_the_docs_list_every_exit_code_that_is_used():
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", DOCS, flags=re.MULTILINE)}
    assert codes == {0, 1, 2, 3, 5, 7, 8, 130}
