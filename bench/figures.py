"""A benchmark's figures: what was measured, the goal that it is held to, and how both are shown.

Every benchmark prints the same table, or with ``--json`` the same rows, and ends with 1 when a goal
does not hold.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured value; without a ``goal`` it is told, not judged. ``side``: which is better."""

    name: str
    value: float
    goal: float | None = None
    side: Literal["≤", "≥"] = "≤"

    @property
    def holds(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.side == "≤" else self.value >= self.goal

    def to_row(self) -> dict[str, object]:
        return {**asdict(self), "value": round(self.value, 4), "holds": self.holds}

    def line(self) -> str:
        """One line of the table; what is only told stands further in."""
        if self.goal is None:
            return f"  {self.name:<66} {self.value:12.3f}"
        verdict = "holds" if self.holds else "does not hold"
        return f"{self.name:<68} {self.value:12.3f}   goal {self.side} {self.goal:g}: {verdict}"


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--json", action="store_true", help="print a JSON list of figures")
    return made


def show(figures: Iterable[Figure], *, as_json: bool) -> int:
    """Print the figures; the exit code: 1 when a goal does not hold."""
    known = list(figures)
    if as_json:
        rows = [figure.to_row() for figure in known]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        print("\n".join(figure.line() for figure in known))
    return int(any(figure.holds is False for figure in known))
