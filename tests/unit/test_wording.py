"""Words that messages share: one thing is no plural, and a path stays one word."""

import subprocess
import sys

import pytest

from interlock.wording import as_typed, counted


@pytest.mark.parametrize(
    ("n", "forms", "text"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (18_204, ("row",), "18,204 rows"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
        (1, ("row is", "rows are"), "1 row is"),
    ],
)
def test_what_is_counted(n, forms, text):
    assert counted(n, *forms) == text


def test_a_shell_reads_the_words_that_were_meant():
    words = ["it's", "a b", "$HOME", "`ls`", "new\nline", "", "*"]
    code = "import sys; print(sys.argv[1:])"
    line = as_typed(sys.executable, "-c", code, *words)
    said = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=True)
    assert said.stdout == f"{words}\n"
