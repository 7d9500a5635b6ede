"""Colour on a terminal, and only there."""

import io

from interlock.cli.output import write_lines


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_colour_and_the_same_words(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = _Tty()
    write_lines(stream, ["✔ features  [bold]9[/bold]", "error[M204]: blocked"])
    assert stream.getvalue() == (
        "\x1b[32m✔\x1b[0m features  [bold]9[/bold]\n\x1b[1;31merror[M204]\x1b[0m: blocked\n"
    )


def test_no_color_is_kept(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    stream = _Tty()
    write_lines(stream, ["✔ features", "? fresh inconclusive"])
    assert stream.getvalue() == "✔ features\n? fresh inconclusive\n"


def test_a_long_line_is_not_broken_on_a_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = _Tty()
    write_lines(stream, ["word " * 20])
    assert stream.getvalue().count("\n") == 1


def test_a_file_gets_plain_lines():
    stream = io.StringIO()
    write_lines(stream, ["✔ features"])
    assert stream.getvalue() == "✔ features\n"
