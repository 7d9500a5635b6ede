"""Post-deploy tests: is the right release live at this address, and does it answer as it must?

Built in: the service is ready, the expected release is live, it serves its schema, it gives its
golden answers, it refuses a bad request. Then the project's own ``post_deploy/*.py``, run by pytest
in a process of their own (:mod:`interlock.pipeline.probes.project_tests`).

What of the golden answers can be compared, :mod:`interlock.pipeline.probes.golden_answers` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from interlock import clock
from interlock.data.request import RequestSchema
from interlock.pipeline.probes.client import JSON, PREDICT, Client, Reply
from interlock.pipeline.probes.golden_answers import Golden, golden_check
from interlock.verdict import Check, GateResult, Verdict

GATE = "post-deploy tests"
CODE = "V151"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What should be live: the bundle's digest, and its golden answers."""

    digest: str
    golden: Golden


def post_deploy(client: Client, expected: Expected, own: Sequence[Check] = ()) -> GateResult:
    """The built-in tests, then the checks ``own`` of the project."""
    built_in = (
        _ready(client),
        _live(client, expected.digest),
        _schema(client, expected.golden.schema),
        golden_check(client, expected.golden, code=CODE, now=clock.now()),
        _refusal(client),
    )
    return GateResult(gate=GATE, checks=(*built_in, *own))


def _check(name: str, problem: str) -> Check:
    verdict = Verdict.FAILED if problem else Verdict.PASSED
    evidence = {"code": CODE} if problem else {}
    return Check(name=name, verdict=verdict, n=1, reason=problem, evidence=evidence)


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


def _refusal(client: Client) -> Check:
    reply = client.ask("POST", PREDICT, b'{"no_such_field": 1}', JSON)
    problem = "" if reply.status == 422 else f"expected 422, got {reply.short}"
    return _check("a bad request is refused", problem)


def _is_object(reply: Reply) -> bool:
    return isinstance(reply.value, dict)
