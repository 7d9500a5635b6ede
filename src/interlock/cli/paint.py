"""Colour for lines that already say everything in words. Imported on a terminal only."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import TextIO

from rich.console import Console
from rich.text import Text

_GLYPHS = MappingProxyType(
    {
        "+": "green",
        "−": "red",
        "~": "yellow",
        "✔": "green",
        "✖": "bold red",
        "!": "bold red",
        "?": "yellow",
        "=": "cyan",
        "–": "dim",
    }
)
_WORDS = MappingProxyType(
    {"error[": "bold red", "hint:": "cyan", "report:": "cyan", "next:": "cyan"}
)


def painted(stream: TextIO, lines: Iterable[str]) -> None:
    """Write the lines to a terminal, their glyphs and first words in colour."""
    console = console_on(stream)
    for line in lines:
        console.print(paint(line), soft_wrap=True)


def console_on(stream: TextIO) -> Console:
    """A console that adds nothing of its own to what is printed."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


def paint(line: str) -> Text:
    """The line with its glyph, or its first word, coloured.

    >>> paint("✔ features  9 request").spans
    [Span(0, 1, 'green')]
    """
    text = Text(line)
    start = len(line) - len(line.lstrip())
    rest = line[start:]
    if rest[:2].strip() in _GLYPHS:
        text.stylize(_GLYPHS[rest[0]], start, start + 1)
    for word, style in _WORDS.items():
        if rest.startswith(word):
            end = rest.index("]" if word.endswith("[") else ":") + 1
            text.stylize(style, start, start + end)
    return text
