"""What the service must refuse: a corpus of bad requests, each with the status due to it.

None may be answered with 200 or with a fault of the server (5xx), and the service must still
answer a good request afterwards.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from interlock.data.request import Field, RequestSchema
from interlock.pipeline.probes.client import JSON, PREDICT, Client, Reply, request_bytes

_UNFIT = 422
_NO_JSON = 400
_TOO_LARGE = 413
_WRONG: Mapping[str, str] = {
    "int": '"many"',
    "float": '"many"',
    "str": "17",
    "category": '"no such category"',
    "bool": '"yes"',
    "date": '"31/12/1996"',
    "datetime": '"1996-12-31T00:00:00"',
}


@dataclass(frozen=True, kw_only=True)
class BadRequest:
    """One bad request and the status due to it.

    ``declared_bytes`` is a Content-Length to announce; the body itself is then not sent.
    """

    name: str
    body: bytes
    expected: int
    method: str = "POST"
    path: str = PREDICT
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    declared_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How the corpus fared. ``wrong`` names each request that was answered otherwise, and how."""

    sent: int
    wrong: tuple[str, ...]


def bad_requests(
    schema: RequestSchema,
    good: Mapping[str, Any],
    *,
    max_body_bytes: int = 1 << 20,
    max_rows: int = 1_000,
) -> list[BadRequest]:
    """The corpus for a schema, built around a request that is good."""
    row = request_bytes(good)
    return [
        *_bodies(row, max_body_bytes, max_rows),
        *(case for field in schema.fields for case in _fields(field, good)),
        *_envelopes(row),
    ]


def _bodies(row: bytes, max_body_bytes: int, max_rows: int) -> Iterator[BadRequest]:
    texts = {
        "an empty body": b"",
        "not JSON": b"not json",
        "half a request": row[: len(row) // 2],
        "two requests in one body": row + row,
        "bytes that are not UTF-8": b'{"\xff\xfe": 1}',
        "a byte of zero": b"\x00",
        "deep nesting": b"[" * 5_000 + b"]" * 5_000,
        "deep nesting that does not end": b'{"a":' * 5_000,
    }
    for name, body in texts.items():
        yield BadRequest(name=name, body=body, expected=_NO_JSON)
    shapes = {"null": b"null", "a number": b"7", "a text": b'"x"', "an empty list": b"[]"}
    shapes |= {"an empty object": b"{}", "a list of numbers": b"[1]", "a list of lists": b"[[]]"}
    for name, body in shapes.items():
        yield BadRequest(name=name, body=body, expected=_UNFIT)
    many = b"[" + b",".join([b"{}"] * (max_rows + 1)) + b"]"
    yield BadRequest(name="too many rows", body=many, expected=_TOO_LARGE)
    yield BadRequest(
        name="a body that is too long",
        body=b"",
        expected=_TOO_LARGE,
        declared_bytes=max_body_bytes + 1,
    )
    mixed = b"[" + row + b",{}]"
    yield BadRequest(name="a bad row behind a good one", body=mixed, expected=_UNFIT)


def _fields(declared: Field, good: Mapping[str, Any]) -> Iterator[BadRequest]:
    whole = {declared.name: None, **good}
    without = {name: value for name, value in good.items() if name != declared.name}
    wrong = {"an object": "{}", "a list": "[1]", "a wrong value": _WRONG[declared.kind]}
    if not declared.optional:
        yield BadRequest(
            name=f"{declared.name}: left out", body=request_bytes(without), expected=_UNFIT
        )
        wrong["null"] = "null"
    if declared.kind in ("int", "float"):
        wrong |= {"true": "true", "1e309": "1e309", "a huge integer": "9" * 400}
        for sign, bound in declared.rule.bounds:
            beyond = -1.0 if sign in ("≥", ">") else 1.0
            step = max(1.0, abs(bound) * 1e-9) * beyond
            wrong[f"beyond {sign} {bound:g}"] = repr(
                int(bound + step) if declared.kind == "int" else bound + step
            )
    for name, text in wrong.items():
        body = _with(without, declared.name, text)
        yield BadRequest(name=f"{declared.name}: {name}", body=body, expected=_UNFIT)
    for text in ("NaN", "Infinity", "-Infinity"):
        body = _with(without, declared.name, text)
        yield BadRequest(name=f"{declared.name}: {text}", body=body, expected=_UNFIT)
    value = json.dumps(json.loads(request_bytes(whole))[declared.name])
    twice = _with(whole, declared.name, value)
    yield BadRequest(name=f"{declared.name}: given twice", body=twice, expected=_UNFIT)


def _with(row: Mapping[str, Any], name: str, text: str) -> bytes:
    """The row as JSON, with one more member whose value is the raw text."""
    members = request_bytes(row)[1:-1]
    added = f"{json.dumps(name)}: {text}".encode()
    return b"{" + (members + b", " if members else b"") + added + b"}"


def _envelopes(row: bytes) -> Iterator[BadRequest]:
    members = row[1:-1]
    unknown = b"{" + members + (b", " if members else b"") + b'"no_such_field": 1}'
    yield BadRequest(name="an unknown field", body=unknown, expected=_UNFIT)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/python-pickle"):
        yield BadRequest(
            name=f"declared as {kind}", body=row, expected=415, headers={"Content-Type": kind}
        )
    for method in ("GET", "PUT", "DELETE"):
        yield BadRequest(name=f"{method} {PREDICT}", body=b"", expected=405, method=method)
    asked = f"{PREDICT}?explain=perhaps"
    yield BadRequest(name=f"POST {asked}", body=row, expected=_UNFIT, path=asked)
    for path in ("/no/such/path", "/v1/predict/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd"):
        yield BadRequest(name=f"POST {path}", body=row, expected=404, path=path)


def send_bad_requests(
    client: Client, corpus: Sequence[BadRequest], good: Mapping[str, Any]
) -> Refusals:
    """Send the corpus, and at the end a good request, which must be answered.

    Each goes over a connection of its own: a server may close the one it refused a request on.
    """
    wrong = []
    for case in corpus:
        reply = _sent(client, case)
        client.close()
        if reply.status != case.expected:
            wrong.append(f"{case.name}: due {case.expected}, got {reply.short}")
    last = client.predict(good)
    if last.status != 200:
        wrong.append(f"a good request after the bad ones: due 200, got {last.short}")
    return Refusals(sent=len(corpus) + 1, wrong=tuple(wrong))


def _sent(client: Client, case: BadRequest) -> Reply:
    if case.declared_bytes is not None:
        return client.announce(case.method, case.path, case.declared_bytes, case.headers)
    return client.ask(case.method, case.path, case.body, case.headers)
