"""Commands that people are told to type: each can be pasted, whatever its values hold."""

import ast
import re
from pathlib import Path

import interlock

SOURCE = Path(interlock.__file__).parent
COMMAND = re.compile(
    r"(?:\binterlock [a-z]|\B--[a-z-]+ |\b(?:chmod|cd|curl|openssl|pip install|python3?) )"
    r"[^\n;`]*\Z"
)
PLAIN = {
    "c": "a code",
    "environment": "a checked name",
    "error.code": "a code",
    "goal.last.name": "a checked name",
    "label": "a release's label",
    "larger": "a share",
    "one.environment": "a checked name",
    "path": "a path of the service's own API",
    "plan.environment": "a checked name",
    "port": "a number",
    "self.last.name": "a checked name",
    "there": "an option of a checked name",
    "when": "a day, or a moment",
}
"""What a shell reads as it stands."""


def unquoted(text):
    """Values that an f-string puts into a command without quoting them."""
    before = ""
    for part in text.values:
        if isinstance(part, ast.Constant):
            before += part.value
            continue
        told = ast.unparse(part.value)
        if COMMAND.search(before) and not told.startswith("as_typed("):
            yield told
        before += "VALUE"


def f_strings(path):
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]


def test_the_search_finds_a_path_that_is_not_quoted():
    (text,) = (
        node
        for node in ast.walk(ast.parse("f'run this with --log {name}, or {other}'"))
        if isinstance(node, ast.JoinedStr)
    )
    assert "name" in list(unquoted(text))


def test_every_value_in_a_command_is_quoted_or_plain():
    found = {
        (str(path.relative_to(SOURCE)), told)
        for path in SOURCE.rglob("*.py")
        for text in f_strings(path)
        for told in unquoted(text)
        if told not in PLAIN
    }
    assert found == set()
