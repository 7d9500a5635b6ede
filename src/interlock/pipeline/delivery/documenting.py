"""A delivery's documents, drawn as far as they can be.

What a delivery did is done before its report is drawn: a release may be live by then. So what
cannot be told, drawn or written is left out and said, in the report itself and to who asked for the
delivery, and changes neither its result nor its exit code.

Invariant: one that could not be made is not there, also where an interrupted delivery had made it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from interlock.errors import CRASHES
from interlock.report import content as report
from interlock.report.documents import JUNIT, REPORT, SUMMARY, documents
from interlock.store.atomic import write_file

T = TypeVar("T")

_PARTS: dict[str, Any] = {
    "data": None,
    "evaluation": None,
    "explanations": None,
    "service": None,
    "lineage": None,
}


@dataclass(frozen=True, kw_only=True)
class Documented:
    """What was told, and ``undrawn``: what could not be told, drawn or written, each with why.

    ``missing`` are the files' names of documents that are not there.
    """

    content: report.Content
    undrawn: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()


def told(parts: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], list[str]]:
    """Every part of the report that can be told, by name, and why others cannot."""
    found: dict[str, Any] = {}
    undrawn: list[str] = []
    for name, part in parts.items():
        made = _tried(name, part, undrawn)
        if made is not None:
            found[name] = made
    return found, undrawn


def document(
    content: report.Content, folder: Path, undrawn: list[str], *, more: Mapping[str, Any]
) -> Documented:
    """Draw and write the documents; ``more`` makes further ones (texts), by their file's name.

    Where the page cannot be drawn with all its parts, it is drawn without them.
    """
    content = replace(content, undrawn=tuple(undrawn))
    drawn = _tried("the report", lambda: documents(content), undrawn)
    if drawn is None:
        content = replace(content, undrawn=tuple(undrawn), **_PARTS)
        drawn = _tried("a report without its figures", lambda: documents(content), undrawn) or {}
    for name, make in more.items():
        text = _tried(name, make, undrawn)
        if text is not None:
            drawn[name] = text.encode()
    missing = set()
    for name in (REPORT, JUNIT, SUMMARY, *more):
        put = _tried(name, partial(_put, folder / name, drawn.get(name)), undrawn)
        if not put:
            missing.add(name)
    return Documented(content=content, undrawn=tuple(undrawn), missing=frozenset(missing))


def _put(path: Path, data: bytes | None) -> bool:
    """Whether the document is at its place; without one nothing is."""
    if data is None:
        path.unlink(missing_ok=True)
        return False
    write_file(path, data)
    return True


def _tried(what: str, make: Callable[[], T], undrawn: list[str]) -> T | None:
    """What is made, or None and a line more of ``undrawn``."""
    try:
        return make()
    except CRASHES as crash:
        said = str(crash).partition("\n")[0]
        undrawn.append(f"{what}: {type(crash).__name__}" + (f": {said}" if said else ""))
        return None
