"""The label of a release: a semantic version, derived from what changed since the last one.

A consumer must act → major. The model is made differently → minor. It only learnt from other data
→ patch. The first release of a product is 1.0.0.

>>> str(Label.parse("1.4.0").bumped("minor"))
'1.5.0'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.errors import IntegrityError
from interlock.release.schema_diff import schema_diff

_LABEL = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")


@dataclass(frozen=True, order=True)
class Label:
    """Major, minor, patch."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Label:
        """The label that reads like this. Raises IntegrityError R140."""
        found = _LABEL.fullmatch(text)
        if found is None:
            raise IntegrityError(
                "R140",
                "a label cannot be read",
                expected="three whole numbers, such as 1.4.0",
                got=repr(text)[:100],
                fix="give a label as `interlock history` prints it",
            )
        return cls(*map(int, found.groups()))

    def bumped(self, part: str) -> Label:
        """The next label when this part changed."""
        if part == "major":
            return Label(self.major + 1, 0, 0)
        if part == "minor":
            return Label(self.major, self.minor + 1, 0)
        return Label(self.major, self.minor, self.patch + 1)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, kw_only=True)
class ReleaseFacts:
    """What the next label is derived from: kept with the release in the ledger.

    ``request`` is the row of the request schema; ``task``, ``classes`` and ``unit`` describe the
    answer; ``making`` holds digests of how the model is made (features, candidates, encoder,
    parameters), ``data`` digests of what it learnt from.
    """

    request: Mapping[str, Any]
    task: str
    classes: tuple[Any, ...] = ()
    unit: str = ""
    making: Mapping[str, str]
    data: Mapping[str, str]

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "request": dict(self.request),
            "task": self.task,
            "classes": list(self.classes),
            "unit": self.unit,
            "making": dict(self.making),
            "data": dict(self.data),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ReleaseFacts:
        """The inverse of :meth:`to_row`."""
        return cls(**{**row, "classes": tuple(row["classes"])})


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """The next label, and why: one line a change."""

    label: Label
    because: tuple[str, ...]


def next_label(previous: Label | None, old: ReleaseFacts | None, new: ReleaseFacts) -> Labelled:
    """The label of a release of ``new`` that follows ``previous`` with the facts ``old``."""
    if previous is None or old is None:
        return Labelled(label=Label(1, 0, 0), because=("the first release",))
    breaking, compatible = _interface(old, new)
    if breaking:
        return Labelled(label=previous.bumped("major"), because=tuple(breaking))
    made = [*compatible, *_named(old.making, new.making)]
    if made:
        return Labelled(label=previous.bumped("minor"), because=tuple(made))
    data = _named(old.data, new.data) or ["nothing that was declared changed"]
    return Labelled(label=previous.bumped("patch"), because=tuple(data))


def _interface(old: ReleaseFacts, new: ReleaseFacts) -> tuple[list[str], list[str]]:
    """Breaking and compatible changes of what a consumer sends and reads."""
    changes = schema_diff(old.request, new.request)
    breaking = [f"request: {c.field}: {c.what}" for c in changes if c.breaking]
    compatible = [f"request: {c.field}: {c.what}" for c in changes if not c.breaking]
    for name in ("task", "unit"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            breaking.append(f"answer: the {name} {before or 'none'} became {after or 'none'}")
    if old.classes != new.classes:
        breaking.append(f"answer: the classes {list(old.classes)} became {list(new.classes)}")
    return breaking, compatible


def _named(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = sorted({*old, *new})
    return [f"{name} changed" for name in names if old.get(name) != new.get(name)]
