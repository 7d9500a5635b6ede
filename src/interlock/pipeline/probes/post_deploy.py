"""Post-deploy tests: is the right release live at this address, and does it answer as it must?

Built in: the service is ready, the expected release is live, it serves its schema, it gives its
golden answers, it refuses a bad request. Then the project's own ``post_deploy/*.py``, run by pytest
in a process of their own (:mod:`interlock.pipeline.probes.project_tests`).

Golden answers are compared where the service can give them again: rows without history features,
asked about a moment that the service accepts. All others must be answered, or be refused for their
time alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.data.request import RequestSchema
from interlock.pipeline.probes.client import JSON, PREDICT, Client, Reply
from interlock.pipeline.probes.parity import relative_difference
from interlock.serve.loaded.golden import TOLERANCE, GoldenRow
from interlock.verdict import Check, GateResult, Verdict

GATE = "post-deploy tests"
_TOO_FAR = "S126"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What should be live: the bundle's digest, the request it takes, its golden answers."""

    digest: str
    schema: RequestSchema
    golden: Sequence[GoldenRow]


def post_deploy(client: Client, expected: Expected, own: Sequence[Check] = ()) -> GateResult:
    """The built-in tests, then the checks ``own`` of the project."""
    built_in = (
        _ready(client),
        _live(client, expected.digest),
        _schema(client, expected.schema),
        _golden(client, expected.golden),
        _refusal(client),
    )
    return GateResult(gate=GATE, checks=(*built_in, *own))


def _check(name: str, problem: str, n: int = 1) -> Check:
    verdict = Verdict.FAILED if problem else Verdict.PASSED
    return Check(name=name, verdict=verdict, n=n, reason=problem, evidence=_evidence(problem))


def _evidence(problem: str) -> dict[str, Any]:
    return {"code": "V151"} if problem else {}


def _ready(client: Client) -> Check:
    reply = client.ask("GET", "/health/ready")
    fine = reply.status == 200 and reply.value == {"ready": True}
    return _check("ready", "" if fine else f"expected 200 and ready, got {reply.short}")


def _live(client: Client, digest: str) -> Check:
    reply = client.ask("GET", "/v1/status")
    found = reply.value.get("digest") if _is_object(reply) else reply.short
    problem = "" if found == digest else f"expected {digest[:12]} to be live, got {found}"
    return _check("the expected release is live", problem)


def _schema(client: Client, schema: RequestSchema) -> Check:
    reply = client.ask("GET", "/v1/schema")
    wanted = [field.name for field in schema.fields]
    request = reply.value.get("request") if _is_object(reply) else None
    fields = request.get("fields") if isinstance(request, dict) else None
    found = [f.get("name") for f in fields if isinstance(f, dict)] if fields else reply.short
    problem = "" if found == wanted else f"expected the fields {', '.join(wanted)}, got {found}"
    return _check("the schema is served", problem)


def _golden(client: Client, golden: Sequence[GoldenRow]) -> Check:
    name = "golden answers"
    if not golden:
        return Check(name=name, verdict=Verdict.ERROR, reason="the release has no golden answers")
    replies = [client.predict(row.request) for row in golden]
    problems = [
        f"row {place}: {problem}"
        for place, (row, reply) in enumerate(zip(golden, replies, strict=True))
        if (problem := _golden_problem(row, reply))
    ]
    exact = sum(reply.status == 200 and not row.history for row, reply in _pairs(golden, replies))
    answered = sum(reply.status == 200 for reply in replies)
    check = _check(name, "; ".join(problems[:5]), n=len(golden))
    counts = {"rows": len(golden), "answered": answered, "compared": exact}
    return Check(
        name=check.name,
        verdict=check.verdict,
        n=check.n,
        reason=check.reason,
        evidence={**check.evidence, **counts},
    )


def _pairs(
    golden: Sequence[GoldenRow], replies: Sequence[Reply]
) -> Iterator[tuple[GoldenRow, Reply]]:
    return zip(golden, replies, strict=True)


def _golden_problem(row: GoldenRow, reply: Reply) -> str:
    if reply.status == 422 and reply.error_code == _TOO_FAR:
        return ""
    if reply.status != 200 or not _is_object(reply):
        return f"expected an answer, got {reply.short}"
    if not row.history and _coverage(reply.value) != (not row.not_covered, row.not_covered):
        due = row.not_covered or "covered"
        return f"expected {due}, got {reply.short}"
    if row.history:  # the online store has moved on since, as it should
        uncovered = row.prediction is None or reply.value.get("covered") is False
        return "" if uncovered or _is_answer(reply.value, row) else f"not an answer: {reply.short}"
    if row.prediction is None:
        return "" if reply.value.get("prediction") is None else f"a prediction: {reply.short}"
    return next(
        (
            f"{name} expected {expected!r}, got {got!r}"
            for name, expected, got in _numbers(row, reply.value)
            if not relative_difference(expected, got) <= TOLERANCE
        ),
        "",
    )


def _coverage(answer: Mapping[str, Any]) -> tuple[Any, Any]:
    return answer.get("covered"), answer.get("not_covered", "")


def _numbers(row: GoldenRow, answer: Mapping[str, Any]) -> Iterator[tuple[str, float, Any]]:
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


def _is_answer(answer: Mapping[str, Any], row: GoldenRow) -> bool:
    found = [got for _, _, got in _numbers(row, answer)]
    return all(isinstance(g, int | float) and math.isfinite(g) for g in found)


def _refusal(client: Client) -> Check:
    reply = client.ask("POST", PREDICT, b'{"no_such_field": 1}', JSON)
    problem = "" if reply.status == 422 else f"expected 422, got {reply.short}"
    return _check("a bad request is refused", problem)


def _is_object(reply: Reply) -> bool:
    return isinstance(reply.value, dict)
