"""Whether a release can answer some of another one's consumers, decided from the two bundles.

They send what the champion takes and read what it answers; which of the two they get they do not
choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from interlock.errors import OperatorError
from interlock.features.definition import FeatureSet
from interlock.features.key_code import key_code
from interlock.features.lookup import view_name
from interlock.release.bundle import Bundle
from interlock.release.coverage import FILE as COVERAGE
from interlock.release.coverage import Coverage
from interlock.release.schema_diff import schema_diff
from interlock.serve.contract import AnswerContract


def require_rival(champion: Bundle, challenger: Bundle, *, where: str, shadowed: bool) -> None:
    """Raises OperatorError E153 unless the challenger may answer the champion's consumers.

    ``shadowed`` says that it is tried in shadow already, so the fix is another.
    """
    first = "leave it in shadow" if shadowed else "try it in shadow (--shadow)"
    then = "`interlock rollout promote`" if shadowed else "deliver it"
    _require_none(
        against_a_share(champion, challenger),
        where=where,
        expected="a release that takes every request of the champion's and answers in its form",
        fix=f"{first}, or {then} when its consumers are ready",
    )


def _require_none(found: Iterator[str], *, where: str, expected: str, fix: str) -> None:
    """Raises OperatorError E153 where anything stands against the release."""
    against = "; ".join(found)
    if against:
        raise OperatorError(
            "E153",
            "the release cannot stand beside what is live",
            where=where,
            expected=expected,
            got=against,
            fix=fix,
            untouched="what is live",
        )


def against_a_share(champion: Bundle, challenger: Bundle) -> Iterator[str]:
    """What keeps the challenger from answering some of the champion's consumers."""
    for change in schema_diff(champion.json("request.json"), challenger.json("request.json")):
        if change.breaking:
            yield f"{change.field}: {change.what}"
    old, new = (AnswerContract.from_row(b.json("answer.json")) for b in (champion, challenger))
    if not old.entity:
        yield "the champion declares no unit to split the traffic by"
    facts = (
        ("the task", old.spec.task, new.spec.task),
        ("the target", old.target, new.target),
        ("the unit of the answer", old.unit, new.unit),
        ("whether there is an interval", bool(old.spec.interval), bool(new.spec.interval)),
    )
    for what, before, after in facts:
        if before != after:
            yield f"{what}: {before} became {after}"
    if _typed(old.spec.classes) != _typed(new.spec.classes):
        yield f"the classes: {old.spec.classes} became {new.spec.classes}"
    if _declines(challenger) and not _declines(champion):
        yield "it gives no prediction for what it does not cover, and the champion always gives one"


def _typed(classes: Sequence[Any]) -> list[tuple[type, Any]]:
    """Classes such that 1, 1.0 and True differ, as they do to who reads them."""
    return [(type(value), value) for value in classes]


def _declines(bundle: Bundle) -> bool:
    """Whether an answer may come without a prediction."""
    if COVERAGE not in bundle.files:
        return False
    coverage = Coverage.from_row(bundle.json(COVERAGE))
    return not (coverage.is_everything or coverage.estimate)


def require_own_tables(champion: Bundle, challenger: Bundle, *, where: str) -> None:
    """Raises OperatorError E153 where the two would fill one online table with different keys.

    Releases that define a history alike share its table; the functions that make its keys must
    then be the same in both.
    """
    _require_none(
        _clashes(champion, challenger),
        where=where,
        expected="the same code for the keys of a history that both have",
        fix="name the history anew in the product, or deliver the release",
    )


def _clashes(champion: Bundle, challenger: Bundle) -> Iterator[str]:
    old, new = (FeatureSet.from_row(b.json("features.json")) for b in (champion, challenger))
    views = {view_name(history) for history in old.histories}
    for history in new.histories:
        if view_name(history) not in views:
            continue
        keys = [name for name, _ in history.entity]
        codes = (
            key_code(features.request, bundle.packed, keys)
            for features, bundle in ((old, champion), (new, challenger))
        )
        if next(codes) != next(codes):
            yield f"history {history.name}: its key is made by other code"


def nothing_beside(product: str, environment: str) -> OperatorError:
    """The error for an environment without a champion."""
    return OperatorError(
        "E131",
        "nothing is live there to stand beside",
        where=f"{product} in {environment}",
        expected="a champion",
        got="none",
        fix="run `interlock deliver`",
    )
