"""Whether a champion can still be asked today's rows, or why it no longer fits what is declared.

A champion is a release of its own: its request, its target and the columns that its histories read
are those of the day it was made. Where today's declaration has moved on so far that its answers to
today's rows would mean something else, or could not be given at all, it is not asked: a comparison
with answers to a misread question would flatter the challenger. What it merely refuses (a value
outside its bounds, a category it does not know) it may be asked: those rows are not compared.

Fields that are new do not matter, nor those it can do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from interlock.data.request import Field, RequestSchema
from interlock.data.snapshot import Taken
from interlock.features.definition import HistoryDefinition
from interlock.features.history import columns_looked_at
from interlock.product.binding import Bound
from interlock.serve.batch.answering import Answering
from interlock.serve.contract import AnswerContract

_READ_AS = {("int", "float"), ("category", "str")}  # of today's kind, as the champion's


@dataclass(frozen=True, kw_only=True)
class Today:
    """What the product declares now: its request, and what is predicted."""

    schema: RequestSchema
    target: str
    unit: str = ""
    task: str = "regression"
    classes: tuple[Any, ...] = ()

    @classmethod
    def of(cls, bound: Bound, classes: tuple[Any, ...]) -> Today:
        """That of a bound product, with the classes of its examples."""
        target = bound.product.target
        return cls(
            schema=bound.schema,
            target=target.name,
            unit=getattr(target, "unit", ""),
            task=target.task,
            classes=tuple(classes),
        )


def misfit(
    release: Answering, contract: AnswerContract, today: Today, taken: Mapping[str, Taken]
) -> str:
    """Why the release cannot be asked today's rows, all reasons in one line; "" where it can."""
    found = [
        *_of_target(contract, today),
        *_of_fields(release.schema, today.schema),
        *_of_sources(release, taken),
    ]
    return "; ".join(found)


def _of_target(contract: AnswerContract, today: Today) -> list[str]:
    if contract.spec.task != today.task:
        return [f"its task is {contract.spec.task}, today's is {today.task}"]
    if contract.target != today.target:
        return [f"it predicts {contract.target}, today's target is {today.target}"]
    if contract.unit and today.unit and contract.unit != today.unit:
        return [f"it answers in {contract.unit}, today's target is in {today.unit}"]
    if tuple(contract.spec.classes) != today.classes:
        return ["its classes are not those of today's target"]
    return []


def _of_fields(its: RequestSchema, today: RequestSchema) -> list[str]:
    now = {field.name: field for field in today.fields}
    gone = [f.name for f in its.fields if f.name not in now and not f.optional]
    found = []
    if gone:
        found.append(f"its request has fields that are no longer declared: {', '.join(gone)}")
    for field in its.fields:
        if field.name in now:
            found += _reread(field, now[field.name])
    return found


def _reread(its: Field, now: Field) -> list[str]:
    """What the same field means otherwise; a unit that only one of them names is no difference."""
    if its.kind != now.kind and (now.kind, its.kind) not in _READ_AS:
        return [f"it reads {its.name} as {its.kind}, which is {now.kind} now"]
    pairs = {"unit": (its.unit, now.unit), "zone": (its.zone, now.zone)}
    return [
        f"it reads {its.name} in {name} {before}, which is in {after} now"
        for name, (before, after) in pairs.items()
        if before and after and before != after
    ]


def _of_sources(release: Answering, taken: Mapping[str, Taken]) -> list[str]:
    histories = release.features.histories
    gone = dict.fromkeys(h.source for h in histories if h.source not in taken)
    found = []
    if gone:
        found.append(f"it reads sources that are no longer declared: {', '.join(gone)}")
    for history in histories:
        if history.source in taken:
            there = set(taken[history.source].revisions.column_names)
            missing = sorted(_needed(history, release) - there)
            if missing:
                found.append(
                    f"its history {history.name} reads columns that {history.source} "
                    f"no longer has: {', '.join(missing)}"
                )
    return found


def _needed(history: HistoryDefinition, release: Answering) -> set[str]:
    """The source's columns that a history reads; a query written by hand says when it fails."""
    names = [name for name, _ in history.entity]
    made = [name for name in names if name in release.packed.names]
    leaves = release.packed.only(made).leaves if made else ()
    return {*leaves, *(set(names) - set(made)), *(columns_looked_at(history) or ())}
