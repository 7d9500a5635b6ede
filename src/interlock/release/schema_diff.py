"""What changed between two request schemas, and whether a consumer would notice.

Breaking is whatever refuses a request that was answered before, or reads it differently. Rows are
those of ``RequestSchema.to_row``; the order of fields, names of schemas and descriptions do not
matter, for requests are JSON objects.

>>> old = {"fields": [{"name": "area", "kind": "int", "ge": 0}]}
>>> new = {"fields": [{"name": "area", "kind": "int", "ge": 10}, {"name": "x", "kind": "str"}]}
>>> for change in schema_diff(old, new):
...     print(change)
breaking: area: the lower bound is narrower: ≥ 0 became ≥ 10
breaking: x: a new required field
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WIDER_KINDS = {("int", "float"), ("category", "str")}  # every old value is a new one
_INFINITY = float("inf")


@dataclass(frozen=True, kw_only=True)
class Change:
    """One difference; ``breaking`` when a consumer must change what it sends or reads."""

    field: str
    what: str
    breaking: bool

    def __str__(self) -> str:
        return f"{'breaking' if self.breaking else 'compatible'}: {self.field}: {self.what}"


def schema_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Every change, in the order of the old fields, then of the new ones."""
    before = {field["name"]: field for field in old["fields"]}
    after = {field["name"]: field for field in new["fields"]}
    changes: list[Change] = []
    for name, field in before.items():
        if name not in after:
            changes.append(Change(field=name, what="the field is gone", breaking=True))
        else:
            changes += _field_changes(name, field, after[name])
    for name, field in after.items():
        if name not in before:
            kind = "optional" if field.get("optional") else "required"
            changes.append(
                Change(field=name, what=f"a new {kind} field", breaking=kind == "required")
            )
    return changes


def _field_changes(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    found = (
        _kind(old, new),
        _optional(old, new),
        _bound("lower", _lower(old), _lower(new), ("≥", ">")),
        _bound("upper", _upper(old), _upper(new), ("≤", "<")),
        *_categories(old, new),
        *(_meaning(old, new, key) for key in ("unit", "zone", "asked_at")),
    )
    for change in found:
        if change is not None:
            what, breaking = change
            yield Change(field=name, what=what, breaking=breaking)


def _kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, bool] | None:
    pair = (old["kind"], new["kind"])
    if pair[0] == pair[1]:
        return None
    return f"the kind {pair[0]} became {pair[1]}", pair not in _WIDER_KINDS


def _optional(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[str, bool] | None:
    before, after = bool(old.get("optional")), bool(new.get("optional"))
    if before == after:
        return None
    return ("optional became required", True) if before else ("required became optional", False)


def _lower(field: Mapping[str, Any]) -> tuple[float, bool]:
    """The bound and whether it is exclusive; the greater, the narrower."""
    return max(_bounds(field, "ge", "gt"), default=(-_INFINITY, False))


def _upper(field: Mapping[str, Any]) -> tuple[float, bool]:
    """The same with its sign turned, so that here too the greater is the narrower."""
    return max(
        ((-value, strict) for value, strict in _bounds(field, "le", "lt")),
        default=(-_INFINITY, False),
    )


def _bounds(field: Mapping[str, Any], *names: str) -> Iterator[tuple[float, bool]]:
    for name, strict in zip(names, (False, True), strict=True):
        if field.get(name) is not None:
            yield field[name], strict


def _bound(
    which: str, old: tuple[float, bool], new: tuple[float, bool], glyphs: tuple[str, str]
) -> tuple[str, bool] | None:
    if old == new:
        return None
    texts = [_bound_text(which, bound, glyphs) for bound in (old, new)]
    width = "narrower" if new > old else "wider"
    return f"the {which} bound is {width}: {texts[0]} became {texts[1]}", new > old


def _bound_text(which: str, bound: tuple[float, bool], glyphs: tuple[str, str]) -> str:
    value, strict = bound
    if value == -_INFINITY:
        return "none"
    return f"{glyphs[strict]} {value if which == 'lower' else -value}"


def _categories(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    if (old["kind"], new["kind"]) != ("category", "category"):
        return
    before, after = old.get("categories", ()), new.get("categories", ())
    gone = [value for value in before if value not in after]
    more = [value for value in after if value not in before]
    if gone:
        yield f"categories are gone: {', '.join(map(str, gone))}", True
    if more:
        yield f"new categories: {', '.join(map(str, more))}", False


def _meaning(old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> tuple[str, bool] | None:
    before, after = old.get(key) or "", new.get(key) or ""
    if before == after:
        return None
    return f"the {key} {before or 'none'} became {after or 'none'}", True
