"""Golden answers asked of a service that is live: given again, as far as that can be.

Rules:

- a row without history features is compared, where the service accepts its moment;
- one with history features must be answered: the online store has moved on since, as it should;
- one that is refused for its time alone is asked again about the present, and must be answered
  then, or be refused for values that do not go with that time;
- where not one row was answered nothing was shown, and that is inconclusive.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from interlock.clock import to_datetime
from interlock.data.request import RequestSchema
from interlock.pipeline.probes.client import Reply
from interlock.pipeline.probes.parity import relative_difference
from interlock.serve.loaded.golden import TOLERANCE, GoldenRow
from interlock.verdict import Check, Verdict

_TOO_FAR = "S126"
_UNFIT = ("S121", "S123")  # a feature, or post-processing, cannot make anything of the values
_SHOWN = 5  # rows
_CHECK = "golden answers"


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The rows of a release, the request that they are of, and the classes that it answers with."""

    rows: Sequence[GoldenRow]
    schema: RequestSchema
    classes: Sequence[Any] = ()


class Asked(Protocol):
    """Whoever is asked."""

    def predict(self, rows: Any) -> Reply:
        """The answer to one request."""


class _Found(NamedTuple):
    """What came of a row: what is wrong, whether it was answered, and whether it was compared."""

    problem: str = ""
    answered: bool = False
    compared: bool = False


def golden_check(client: Asked, golden: Golden, *, code: str, now: int) -> Check:
    """Ask for every row; ``now`` is the present (µs UTC), ``code`` stands with what is wrong."""
    if not golden.rows:
        return Check(name=_CHECK, verdict=Verdict.ERROR, reason="the release has no golden answers")
    found = [_found(client, row, golden, now) for row in golden.rows]
    problems = [f"row {place}: {one.problem}" for place, one in enumerate(found) if one.problem]
    answered = sum(one.answered for one in found)
    verdict = Verdict.FAILED if problems else Verdict.PASSED
    if not (problems or answered):
        verdict, problems = Verdict.INCONCLUSIVE, ["the service answered none of them"]
    counts = {
        "rows": len(found),
        "answered": answered,
        "compared": sum(one.compared for one in found),
    }
    return Check(
        name=_CHECK,
        verdict=verdict,
        n=len(found),
        reason="; ".join(problems[:_SHOWN]),
        evidence={**({"code": code} if problems else {}), **counts},
    )


def _found(client: Asked, row: GoldenRow, golden: Golden, now: int) -> _Found:
    reply = client.predict(row.request)
    if reply.status == 422 and reply.error_code == _TOO_FAR:
        return _at_present(client.predict(_about(row.request, golden.schema, now)), row, golden)
    if not _is_object(reply):
        return _Found(f"expected an answer, got {reply.short}")
    if row.history:
        return _Found(_unlike_an_answer(reply, row, golden), answered=True)
    return _Found(_difference(reply, row, golden), answered=True, compared=True)


def _about(request: Mapping[str, Any], schema: RequestSchema, now: int) -> dict[str, Any]:
    """The same request about another moment."""
    field = schema.asked_at
    assert field is not None  # else no time is too far
    moment = to_datetime(now, zone=field.zone or "UTC")
    said = moment.date() if field.kind == "date" else moment
    return {**request, field.name: said.isoformat()}


def _at_present(reply: Reply, row: GoldenRow, golden: Golden) -> _Found:
    if reply.status == 422 and reply.error_code in _UNFIT:
        return _Found()
    if not _is_object(reply):
        return _Found(f"asked about the present: expected an answer, got {reply.short}")
    return _Found(_unlike_an_answer(reply, row, golden), answered=True)


def _unlike_an_answer(reply: Reply, row: GoldenRow, golden: Golden) -> str:
    """Why it is no answer to such a row, whatever the numbers."""
    if row.prediction is None or reply.value.get("covered") is False:
        return ""
    found = [got for _, _, got in _numbers(row, reply.value)]
    known = not golden.classes or any(_same(reply.value, c) for c in golden.classes)
    finite = all(isinstance(got, int | float) and math.isfinite(got) for got in found)
    return "" if known and finite else f"not an answer: {reply.short}"


def _difference(reply: Reply, row: GoldenRow, golden: Golden) -> str:
    answer = reply.value
    covered = answer.get("covered"), answer.get("not_covered", "")
    if covered != (not row.not_covered, row.not_covered):
        return f"expected {row.not_covered or 'covered'}, got {reply.short}"
    if row.prediction is None:
        return "" if answer.get("prediction") is None else f"a prediction: {reply.short}"
    if golden.classes and not _same(answer, due := golden.classes[int(row.prediction)]):
        return f"prediction expected {due!r}, got {answer.get('prediction')!r}"
    return next(
        (
            f"{name} expected {expected!r}, got {got!r}"
            for name, expected, got in _numbers(row, answer)
            if not relative_difference(expected, got) <= TOLERANCE
        ),
        "",
    )


def _same(answer: Mapping[str, Any], known: Any) -> bool:
    """Whether that class was answered: 1, 1.0 and true are three."""
    got = answer.get("prediction")
    return type(got) is type(known) and bool(got == known)


def _numbers(row: GoldenRow, answer: Mapping[str, Any]) -> Iterator[tuple[str, float, Any]]:
    """(name, expected, got) of every number of an answer."""
    if row.probabilities is None:
        due = math.nan if row.prediction is None else row.prediction
        yield "prediction", due, answer.get("prediction")
    else:
        shares = answer.get("probabilities")
        found = list(shares.values()) if isinstance(shares, dict) else []
        found += [None] * len(row.probabilities)
        yield from (("probability", w, g) for w, g in zip(row.probabilities, found, strict=False))
    if row.interval is not None:
        interval = answer.get("interval")
        ends = interval if isinstance(interval, dict) else {}
        yield "interval low", row.interval[0], ends.get("low")
        yield "interval high", row.interval[1], ends.get("high")


def _is_object(reply: Reply) -> bool:
    return reply.status == 200 and isinstance(reply.value, dict)
