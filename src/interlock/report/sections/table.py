"""How much of each list is shown, and tables cut to that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interlock.report.blocks import Cell, Table, Text
from interlock.report.names import shown
from interlock.report.numbers import significant


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of each list is shown."""

    shut_checks: int = 60
    open_checks: int = 200
    drawn_columns: int = 60
    listed_columns: int = 440
    table_rows: int = 40
    figures: int = 8  # of one kind
    figure_rows: int = 80  # numbers under a figure; 0: no figures at all
    evidence: int = 1_200  # characters


def cut(
    title: str,
    head: tuple[str, ...],
    rows: Sequence[tuple[Cell, ...]],
    limits: Limits,
    *,
    most: int | None = None,
) -> Table:
    """The table, cut at ``most`` rows or at the limit, with what is left out counted."""
    most = most or limits.table_rows
    return Table(title=title, head=head, rows=tuple(rows[:most]), left_out=max(0, len(rows) - most))


def left_out(found: int, most: int, noun: str) -> Text | None:
    """A line that counts what is not drawn; None where all is."""
    more = found - most
    if more <= 0:
        return None
    one = more == 1
    said = f"{more:,} more {noun if one else noun + 's'} {'is' if one else 'are'} not drawn."
    return Text(text=said, quiet=True)


def value_text(value: object, limit: int = 60) -> str:
    """A plain JSON value as text of at most ``limit`` characters."""
    if isinstance(value, bool) or value is None:
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int | float):
        return significant(value, 4)
    if isinstance(value, Mapping | list | tuple):
        plain = json.dumps(_rounded(value), ensure_ascii=False, sort_keys=True, default=str)
        return shown(plain, limit=max(limit, 1))
    return shown(value, limit=max(limit, 1))


def _rounded(value: object) -> object:
    """Four significant digits, as deep as it goes: the attestation keeps them all."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
