"""interlock explain: the page of an error code."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from interlock.errors import OperatorError

PAGES = Path(__file__).parent.parent / "explain"
_NEAREST = 5


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a code means: a title, and a few paragraphs."""

    code: str
    title: str
    text: str


def codes() -> tuple[str, ...]:
    """Every code that has a page."""
    return tuple(sorted(path.stem for path in PAGES.glob("*.md")))


def pages() -> tuple[Page, ...]:
    """All pages, by code."""
    return tuple(_read(code) for code in codes())


def explain(code: str) -> Page:
    """The page of a code, however it is written: 'm204'. Raises OperatorError C160."""
    known = codes()
    wanted = code.strip().upper()
    if wanted in known:
        return _read(wanted)
    begun = [code for code in known if wanted and code.startswith(wanted)]
    nearest = begun or difflib.get_close_matches(wanted, known, n=_NEAREST, cutoff=0.5) or known
    raise OperatorError(
        "C160",
        "there is no such code",
        expected="a code such as " + ", ".join(nearest[:_NEAREST]),
        got=repr(code)[:100],
        fix="`interlock explain` lists every code",
    )


def _read(code: str) -> Page:
    title, _, text = (PAGES / f"{code}.md").read_text(encoding="utf-8").partition("\n")
    return Page(code=code, title=title.removeprefix("# ").strip(), text=text.strip())
