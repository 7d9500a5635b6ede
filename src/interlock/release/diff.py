"""What differs between two releases, from their bundles alone.

Nothing is computed but what the two hold: packed code, request, answer, features, parameters, what
was learned from, and each one's own metrics. An unchanged part is there, marked as the same, so
that what is not said was not looked at.

>>> str(Difference.of("max_iter", 200, 300))
'~ max_iter: 200 → 300'
>>> [str(found) for found in differences({"a": 1, "b": 2}, {"a": 1, "c": 3})]
['− b: 2', '+ c: 3']
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from interlock.clock import format_instant
from interlock.data.profile import Profile
from interlock.data.profile_shift import ProfileShift, profile_shifts
from interlock.evaluate.metrics import METRICS
from interlock.release.bundle import Bundle
from interlock.release.schema_diff import Change, schema_diff

_ABSENT = object()
_SEED = "random_state"


class Mark(StrEnum):
    """How a thing differs, as one sign."""

    ADDED = "+"
    REMOVED = "−"
    CHANGED = "~"
    SAME = "="


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing in both or either; ``before`` and ``after`` are plain JSON values, None if absent.

    ``breaking`` when a consumer must change what it sends or reads.
    """

    name: str
    mark: Mark
    before: Any = None
    after: Any = None
    breaking: bool = False

    @classmethod
    def of(cls, name: str, before: Any, after: Any, *, breaking: bool = False) -> Difference:
        """What became of a value that may be absent on either side."""
        if before is _ABSENT:
            return cls(name=name, mark=Mark.ADDED, after=after, breaking=breaking)
        if after is _ABSENT:
            return cls(name=name, mark=Mark.REMOVED, before=before, breaking=breaking)
        mark = Mark.SAME if before == after else Mark.CHANGED
        found = breaking and mark is Mark.CHANGED
        return cls(name=name, mark=mark, before=before, after=after, breaking=found)

    def __str__(self) -> str:
        values = {
            Mark.ADDED: f"{self.after}",
            Mark.REMOVED: f"{self.before}",
            Mark.CHANGED: f"{self.before} → {self.after}",
            Mark.SAME: f"{self.after}",
        }
        return f"{self.mark} {self.name}: {values[self.mark]}"


@dataclass(frozen=True, kw_only=True)
class CodeChange:
    """One packed module; ``lines`` is its unified diff, empty where it is the same."""

    module: str
    mark: Mark
    added: int
    removed: int
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OwnMetric:
    """A metric of each release on its own test rows, as JSON: value, low, high, n; None if absent.

    Other rows, another time: the two are side by side, not compared. ``unit`` is "%" for a share of
    1, "1" for a plain number, "" where it is not known.
    """

    name: str
    unit: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class ReleaseDiff:
    """Everything that differs; the parts are empty only where neither release has any."""

    code: tuple[CodeChange, ...]
    request: tuple[Change, ...]
    answer: tuple[Difference, ...]
    features: tuple[Difference, ...]
    model: tuple[Difference, ...]
    parameters: tuple[Difference, ...]
    data: tuple[Difference, ...]
    shifts: tuple[ProfileShift, ...]
    metrics: tuple[OwnMetric, ...]

    @property
    def breaking(self) -> tuple[str, ...]:
        """What a consumer must change for, one sentence each."""
        request = [f"request: {c.field}: {c.what}" for c in self.request if c.breaking]
        return (*request, *(f"answer: {d}" for d in self.answer if d.breaking))


def diff(before: Bundle, after: Bundle) -> ReleaseDiff:
    """What differs between two verified bundles of one product."""
    old, new = before.json("candidate.json"), after.json("candidate.json")
    features = before.json("features.json"), after.json("features.json")
    shifts = profile_shifts(*(Profile.from_row(b.json("profile.json")) for b in (before, after)))
    return ReleaseDiff(
        code=tuple(_code(before.packed, after.packed)),
        request=tuple(schema_diff(before.json("request.json"), after.json("request.json"))),
        answer=tuple(_answer(before.json("answer.json"), after.json("answer.json"))),
        features=tuple(differences(*map(_features, features))),
        model=tuple(_model(before, after, old, new)),
        parameters=tuple(differences(_parameters(old["params"]), _parameters(new["params"]))),
        data=tuple(_data(before, after, old, new)),
        shifts=shifts,
        metrics=tuple(
            _metrics(old.get("test", {}), new.get("test", {}), after.json("answer.json")["unit"])
        ),
    )


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, same: bool = False
) -> Iterator[Difference]:
    """Of two flat mappings, in the order of the older one; ``same`` tells of equal values too."""
    for name in dict.fromkeys([*before, *after]):
        found = Difference.of(name, before.get(name, _ABSENT), after.get(name, _ABSENT))
        if same or found.mark is not Mark.SAME:
            yield found


def _code(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[CodeChange]:
    for module in sorted({*before, *after}):
        old, new = before.get(module), after.get(module)
        lines = tuple(
            difflib.unified_diff(
                (old or "").splitlines(), (new or "").splitlines(), "before", "after", lineterm=""
            )
        )[2:]
        mark = Mark.SAME if old == new else Mark.CHANGED
        if old is None or new is None:
            mark = Mark.ADDED if old is None else Mark.REMOVED
        yield CodeChange(
            module=module,
            mark=mark,
            added=sum(line.startswith("+") for line in lines),
            removed=sum(line.startswith("-") for line in lines),
            lines=lines,
        )


def _answer(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    """What it answers; the interval's offsets are fitted anew each time, and are no news."""
    for name in ("target", "unit"):
        yield Difference.of(name, before[name], after[name], breaking=name == "unit")
    old, new = before["spec"], after["spec"]
    for name in ("task", "classes"):
        if old[name] or new[name]:
            yield Difference.of(name, old[name], new[name], breaking=True)
    levels = [(spec["interval"] or {}).get("level") for spec in (old, new)]
    yield Difference.of("interval", *levels)
    for name in sorted({*old, *new} - {"task", "classes", "interval", "link", "transform"}):
        found = Difference.of(name, old.get(name, _ABSENT), new.get(name, _ABSENT))
        if found.mark is not Mark.SAME:
            yield found
    functions = [[d["name"] for d in row.get("postprocess", ())] for row in (before, after)]
    if functions[0] or functions[1]:
        yield Difference.of("post-processing", *functions)


def _features(row: Mapping[str, Any]) -> dict[str, str]:
    """Each feature and aggregate as one line of what it is."""
    used = {given["name"] for given in row["inputs"]}
    found = {f["name"]: "request field" for f in row["inputs"]}
    for each in row["request"]:
        unused = "" if each["name"] in used else ", not a model input"
        found[each["name"]] = f"{each['kind']} of {', '.join(each['arguments'])}{unused}"
    for history in row["histories"]:
        by = ", ".join(name for name, _ in history["entity"])
        for each in history["aggregates"]:
            found[each["name"]] = f"{_aggregate(each)} of {history['source']} by {by}"
    return found


def _aggregate(row: Mapping[str, Any]) -> str:
    """'median(price) of 180 d where …': everything that decides its value."""
    inner = ", ".join(str(row[k]) for k in ("column", "quantile") if row.get(k) is not None)
    days = [f"{name} {row[name] / 86_400_000_000:g} d" for name in ("window", "ttl") if row[name]]
    where = [f"where {row['where']}"] if row.get("where") else []
    default = [f"else {row['default']}"] if row.get("default") is not None else []
    return " ".join([f"{row['function']}({inner})", *days, *where, *default])


def _model(
    before: Bundle, after: Bundle, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    yield Difference.of("candidate", before.candidate, after.candidate)
    spec = [b.json("answer.json")["spec"] for b in (before, after)]
    for name in ("transform", "link"):
        yield Difference.of(f"target's {name}", spec[0][name], spec[1][name])
    yield Difference.of("format", old["format"], new["format"])
    yield Difference.of("metric", old["metric"], new["metric"])


def _parameters(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without random states: they are drawn from the snapshot's digest, and always differ."""
    found = {name.removeprefix("params."): value for name, value in _flat(row).items()}
    return {n: v for n, v in found.items() if n.rpartition(".")[2].rpartition("__")[2] != _SEED}


def _data(
    before: Bundle, after: Bundle, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Difference]:
    yield Difference.of("snapshot", before.inputs["snapshot"], after.inputs["snapshot"])
    yield Difference.of("training rows", old["n_rows"], new["n_rows"])
    for name in ("trained_until", "seen_until"):
        instants = [None if row[name] is None else format_instant(row[name]) for row in (old, new)]
        yield Difference.of(name.replace("_", " "), *instants)
    rows = [max((i["n"] for i in b.json("profile.json")["inputs"]), default=0)
            for b in (before, after)]  # fmt: skip
    yield Difference.of("test rows", *rows)
    yield from differences(_flat(old["split"], "split "), _flat(new["split"], "split "), same=False)


def _metrics(
    before: Mapping[str, Any], after: Mapping[str, Any], target_unit: str
) -> Iterator[OwnMetric]:
    for name in dict.fromkeys([*before, *after]):
        unit = METRICS[name].unit_shown(target_unit) if name in METRICS else ""
        yield OwnMetric(name=name, unit=unit, before=before.get(name), after=after.get(name))


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, names joined by dots."""
    found: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, Mapping) and item:
            found |= _flat(item, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = item
    return found
