"""What a page is built of: the template knows how to show each kind of block, and nothing else.

Texts are escaped by the template; only :class:`markupsafe.Markup`, which the charts make, is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from markupsafe import Markup

Cell = str | Markup


@dataclass(frozen=True, kw_only=True)
class Text:
    """A paragraph; ``word`` leads it in the colour of ``state``, a CSS class."""

    kind: ClassVar[str] = "text"
    text: str
    word: str = ""
    state: str = ""
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A heading below the section's own."""

    kind: ClassVar[str] = "heading"
    text: str


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Numbers in large type: (number, name, share)."""

    kind: ClassVar[str] = "tally"
    items: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of texts or small drawings; ``left_out`` rows are counted, not shown.

    ``more`` is the noun phrase after that count; ``narrow`` keeps each cell on one line.
    """

    kind: ClassVar[str] = "table"
    title: str = ""
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left_out: int = 0
    more: str = "more rows are not shown."
    narrow: bool = False


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing with its numbers; ``narrow`` replaces it on small screens, where there is one.

    ``left_out`` rows of its numbers are counted, not shown.
    """

    kind: ClassVar[str] = "figure"
    title: str
    drawing: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    narrow: Markup | None = None
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Names in columns."""

    kind: ClassVar[str] = "listing"
    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Figures beside each other, where the page is wide enough."""

    kind: ClassVar[str] = "figures"
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Blocks that are shown when asked for."""

    kind: ClassVar[str] = "fold"
    summary: str
    blocks: tuple[Block, ...]
    opened: bool = False


Block = Text | Heading | Tally | Table | Figure | Figures | Listing | Fold


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled part of the page."""

    title: str
    blocks: tuple[Block, ...]


def trimmed(found: Section, most: int) -> Section:
    """The section with at most so many rows of numbers under each figure; of none, no figure."""
    blocks = [kept for block in found.blocks if (kept := _trimmed(block, most)) is not None]
    return replace(found, blocks=tuple(blocks))


def _trimmed(block: Block, most: int) -> Block | None:
    if isinstance(block, Figure):
        return _fewer_rows(block, most)
    if isinstance(block, Figures):
        few = [one for figure in block.figures if (one := _fewer_rows(figure, most)) is not None]
        return replace(block, figures=tuple(few)) if few else None
    if isinstance(block, Fold):
        inside = [kept for inner in block.blocks if (kept := _trimmed(inner, most)) is not None]
        return replace(block, blocks=tuple(inside))
    return block


def _fewer_rows(figure: Figure, most: int) -> Figure | None:
    more = len(figure.rows) - most
    if most == 0:
        return None
    if more <= 0:
        return figure
    return replace(figure, rows=figure.rows[:most], left_out=figure.left_out + more)


def section(title: str, *blocks: Block | None) -> Section | None:
    """The section of those blocks that there are; None where there is none."""
    found = tuple(block for block in blocks if block is not None)
    return Section(title=title, blocks=found) if found else None


def side_by_side(*figures: Figure | None) -> tuple[Figures | Figure, ...]:
    """Narrow figures beside each other, then each wide one on its own."""
    found = [figure for figure in figures if figure is not None]
    small = tuple(figure for figure in found if figure.narrow is None)
    wide = tuple(figure for figure in found if figure.narrow is not None)
    return ((Figures(figures=small),) if small else ()) + wide
