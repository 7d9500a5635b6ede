"""What can be wrong with what a product covers: its segments, and its outlier rules."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from interlock.errors import AuthorError, Mistake
from interlock.features.declare import Signature
from interlock.features.outliers import OutlierRule, Outliers
from interlock.features.request import AS_OF
from interlock.gates.data.coverage import SegmentCoverage
from interlock.product.declaration import Declaration
from interlock.product.mistakes.nearest import nearest

_NUMBERS = ("int", "float")
_SEGMENTS = ("int", "bool", "str", "category")


def coverage_mistakes(
    product: Declaration,
    request: Mapping[str, str],
    rules: Mapping[str, Signature],
    there: Mapping[str, str],
) -> Iterator[Mistake]:
    """Everything that is wrong.

    ``request`` are the kinds of what is known of a request, ``rules`` the signatures of the rules
    that can be read, ``there`` the kinds of the columns of the examples' source.
    """
    for check in product.data_gate:
        if isinstance(check, SegmentCoverage):
            yield from _segment_mistakes(product, check, request)
    known = {**there, product.target.name: _target_kind(product), **request}
    seen: set[str] = set()
    for declared in product.outliers:
        if isinstance(declared, Outliers):
            yield from _limit_mistakes(declared, known)
        elif isinstance(declared, OutlierRule):
            yield from _rule_mistakes(declared, rules.get(declared.name), known, seen)
            seen.add(declared.name)
        else:
            yield Mistake(
                code="C182",
                what="outliers=[…] holds something that names no outliers",
                expected="il.Outliers('…'), or functions under @il.outlier",
                got=repr(declared)[:80],
                fix="put @il.outlier over the function",
            )


def _segment_mistakes(
    product: Declaration, check: SegmentCoverage, request: Mapping[str, str]
) -> Iterator[Mistake]:
    where = f"il.SegmentCoverage({', '.join(map(repr, check.names))})"
    edges: Mapping[str, Sequence[float]] = {}
    with suppress(AuthorError):  # said where the check is validated
        edges = check.edges_by_name
    if not check.names or len(set(check.names)) < len(check.names):
        yield _segment(where, "at least one name, each once", "; ".join(check.names) or "none")
    for name in edges.keys() - set(check.names):
        yield _segment(where, "edges of what segments are named by", f"edges of '{name}'")
    for name in check.names:
        kind = request.get(name)
        if kind is None:
            expected = "request fields, features and aggregates"
            hint = nearest(name, request)
            yield _segment(where, expected, f"'{name}', which a request does not have", hint)
        elif name in edges and kind not in _NUMBERS:
            yield _segment(where, "edges for numbers only", f"'{name}', of kind {kind}")
        elif name not in edges and kind not in _SEGMENTS:
            fix = f"declare edges={{'{name}': […]}}" if kind == "float" else "make a feature of it"
            yield _segment(where, "few values, or edges that cut a number", f"{name}: {kind}", fix)
    if check.within is not None and product.examples.source.event_time is None:
        got = "examples without a time"
        yield _segment(where, "within=… for examples that have a time", got, "leave out within=…")


def _segment(where: str, expected: str, got: str, fix: str = "") -> Mistake:
    return Mistake(
        code="C180",
        what="segments cannot be named like this",
        where=where,
        expected=expected,
        got=got,
        fix=fix or "correct the declaration",
    )


def _target_kind(product: Declaration) -> str:
    return {"regression": "float", "binary": "bool"}.get(product.target.task, "str")


def _limit_mistakes(declared: Outliers, known: Mapping[str, str]) -> Iterator[Mistake]:
    where = f"il.Outliers({declared.name!r})"
    for name, kinds in ((declared.name, _NUMBERS), (declared.group, _SEGMENTS)):
        if name and name not in known:
            yield _limit(
                where,
                "the target, a field, a feature, an aggregate, or a column of the source",
                f"'{name}', which is not there",
                nearest(name, known),
            )
        elif name and known[name] not in kinds:
            what = "a number" if kinds is _NUMBERS else "by=… of few values, such as a text"
            yield _limit(where, what, f"{name}: {known[name]}")
    cutoff = declared.cutoff
    if not isinstance(cutoff, int | float) or not 0 < cutoff < math.inf:
        yield _limit(where, "a cutoff above 0, such as 3.5", repr(cutoff))
    if declared.log is not None and not isinstance(declared.log, bool):
        yield _limit(where, "log=True or log=False, or none of them", repr(declared.log)[:80])
    if not isinstance(declared.leave_out_of_test, bool):
        got = repr(declared.leave_out_of_test)[:80]
        yield _limit(where, "leave_out_of_test=True or False", got)


def _limit(where: str, expected: str, got: str, fix: str = "") -> Mistake:
    return Mistake(
        code="C181",
        what="outliers cannot be told like this",
        where=where,
        expected=expected,
        got=got,
        fix=fix or "correct the declaration",
    )


def _rule_mistakes(
    declared: OutlierRule, signature: Signature | None, known: Mapping[str, str], seen: set[str]
) -> Iterator[Mistake]:
    if declared.name in seen:
        yield Mistake(
            code="F103",
            what=f"the name '{declared.name}' is used twice",
            where=declared.where,
            expected="each outlier rule once",
            fix="rename the function, or list it once",
        )
    if signature is None:
        return  # what cannot be read is reported already
    if signature.result.kind not in ("bool", "str") or signature.result.categories:
        yield Mistake(
            code="C183",
            what=f"{declared.name} is not of the form of an outlier rule",
            where=declared.where,
            expected="-> bool, or -> str | None for a text that says why",
            got=f"-> {signature.result.kind}",
            fix="return True for an outlier",
        )
    for name in signature.arguments:
        if name not in known and name != AS_OF:
            yield Mistake(
                code="F106",
                what=f"{declared.name} asks for '{name}', which nothing provides",
                where=declared.where,
                expected="the target, fields, features, aggregates, or columns of the source",
                got=name,
                fix=nearest(name, known) or "correct the name",
            )
