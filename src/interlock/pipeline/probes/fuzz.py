"""Generated requests sent, and each answer held to the API's description.

An answer must come, have a status below 500 that the description names for that operation, the
media type it names, and a body that fits the schema there; a request that fits the description is
counted where it was answered with 200.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from interlock.gates.service.stress import FuzzOutcome
from interlock.pipeline.probes.client import Client, Reply, request_bytes
from interlock.pipeline.probes.fuzz_cases import Case, fuzz_cases
from interlock.pipeline.probes.json_schema import misfits

EACH = 350  # requests to an operation that takes a body
_ROWS = 50
_DESCRIBED = 20  # wrong answers


def fuzz(
    client: Client,
    requests: Sequence[Mapping[str, Any]],
    *,
    seed: str,
    kept: Sequence[str],
    each: int = EACH,
    stop: Callable[[], bool] = lambda: False,
) -> FuzzOutcome:
    """Fetch the description, generate from it, send one after the other."""
    document = client.ask("GET", "/openapi.json").value
    if not isinstance(document, dict) or not requests:
        return FuzzOutcome(operations=0, sent=0, fitting=0, seed=seed)
    rows = [json.loads(request_bytes(row)) for row in requests[:_ROWS]]
    operations, sent, fitting, wrong = set(), 0, 0, []
    for case in fuzz_cases(document, rows, seed=seed, each=each, kept=kept):
        if stop():
            break
        reply = client.ask(case.method, case.path, case.body, case.headers)
        operations.add(case.operation)
        sent += 1
        fitting += case.fits and reply.status == 200
        wrong += [f"{case.shown}: {why}" for why in _wrong(document, case, reply)][:1]
    return FuzzOutcome(
        operations=len(operations),
        sent=sent,
        fitting=fitting,
        wrong=tuple(wrong[:_DESCRIBED]),
        seed=seed,
    )


def _wrong(document: Mapping[str, Any], case: Case, reply: Reply) -> Iterator[str]:
    """What the description does not allow in the answer."""
    if reply.status == 0:
        yield reply.short
        return
    described = document["paths"][case.template][case.method.lower()]["responses"]
    due = described.get(str(reply.status))
    if reply.status >= 500 or due is None:
        yield f"the status is not allowed: {reply.short}"
        return
    content = due.get("content", {})
    if reply.kind not in content:
        yield f"{reply.status} with the undocumented type {reply.kind or 'none'}"
    elif reply.kind == "application/json":
        for why in misfits(content[reply.kind]["schema"], reply.value, document):
            yield f"{reply.status} with another body than documented: {why}"
