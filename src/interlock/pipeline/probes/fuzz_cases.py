"""Requests generated from the API's description: some that fit it, some spoiled, some no JSON.

The same seed and description make the same requests. Those that fit begin with real rows, in which
some fields get other values that their schemas admit: numbers up to ten times as far out as the
rows' own where no bound is declared (the edge cases go further), and never another moment than a
row's, as only these have history.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from interlock.pipeline.probes.client import JSON
from interlock.pipeline.probes.json_schema import resolved

_TEXTS = ("", " ", "x", "Ω≈ç√ 漢字 🏠", 'quo"te\\', "x" * 300, "2000-02-30", "null", "\u0000")
_JUNK: Sequence[Any] = (
    None, True, 0, -1, 1e309, "", "many", [], {}, [[]], {"a": {"b": []}}, [None],
)  # fmt: skip
_RAW = (b"", b"{", b"[1,", b"nul", b"\xff\xfe", b'{"a":1}{"a":1}', b"[" * 2_000, b'"\\ud800"')
_TYPES = ("text/plain", "application/xml", "application/json; charset=utf-16", "")
_SPOILED = 0.5  # of the requests with a body
_FARTHER = 10.0  # times the rows' own largest number


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request. ``fits`` where the description promises it an answer."""

    operation: str
    method: str
    path: str
    template: str  # the path as the description has it
    body: bytes | None
    headers: Mapping[str, str]
    fits: bool

    @property
    def shown(self) -> str:
        """The request, for a message."""
        body = (self.body or b"")[:120].decode(errors="replace")
        return f"{self.method} {self.path} {body}".strip()


def fuzz_cases(
    document: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    *,
    seed: str,
    each: int,
    kept: Sequence[str] = (),
) -> Iterator[Case]:
    """Requests to every operation: ``each`` to one that takes a body, a few to any other.

    ``rows`` are real requests as JSON values; fields named in ``kept`` keep a row's value.
    """
    rng = random.Random(seed)  # noqa: S311 - the same requests every time
    maker = _Maker(document, rows, rng, kept)
    for template, item in document["paths"].items():
        for method in ("get", "post"):
            if method not in item:
                continue
            operation = item[method]
            if "requestBody" in operation:
                for _ in range(each):
                    yield maker.posted(template, item, operation)
            else:
                yield from maker.pages(template, item, operation)


class _Maker:
    def __init__(
        self,
        document: Mapping[str, Any],
        rows: Sequence[Mapping[str, Any]],
        rng: random.Random,
        kept: Sequence[str],
    ) -> None:
        self._document, self._rows, self._rng, self._kept = document, rows, rng, kept
        self._request = document["components"]["schemas"]["Request"]

    def posted(self, template: str, item: Mapping[str, Any], operation: Mapping[str, Any]) -> Case:
        """One request with a body."""
        rng = self._rng
        path, fits = self._path(template, item, operation)
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        tensors = resolved(schema, self._document).get("properties", {}).get("inputs") is not None
        value: Any = self._tensors() if tensors else self._one_or_many()
        headers, body = dict(JSON), b""
        if rng.random() < _SPOILED:
            fits = False
            value = self._spoiled(value)
        body = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode(errors="replace")
        if not fits and rng.random() < 0.15:
            body = rng.choice(_RAW) if rng.random() < 0.5 else body[: rng.randrange(len(body))]
        if not fits and rng.random() < 0.05:
            headers["Content-Type"] = rng.choice(_TYPES)
        return self._case(template, operation, "POST", path, body, headers, fits=fits)

    def pages(
        self, template: str, item: Mapping[str, Any], operation: Mapping[str, Any]
    ) -> Iterator[Case]:
        """The page itself, and ways to ask for it that are not described."""
        path, _ = self._path(template, item, operation, junk=False)
        yield self._case(template, operation, "GET", path, None, {}, fits=True)
        yield self._case(template, operation, "GET", path + "?a=%00&a=1", None, {}, fits=False)
        yield self._case(template, operation, "GET", path, b"{}", JSON, fits=False)
        if "{" in template:
            junk, _ = self._path(template, item, operation, junk=True)
            yield self._case(template, operation, "GET", junk, None, {}, fits=False)

    def _case(
        self,
        template: str,
        operation: Mapping[str, Any],
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        fits: bool,
    ) -> Case:
        return Case(
            operation=str(operation["operationId"]),
            method=method,
            path=path,
            template=template,
            body=body,
            headers=headers,
            fits=fits,
        )

    def _path(
        self,
        template: str,
        item: Mapping[str, Any],
        operation: Mapping[str, Any],
        *,
        junk: bool | None = None,
    ) -> tuple[str, bool]:
        """The path with its parameters filled in, and whether all are as described."""
        rng, path, fits, query = self._rng, template, True, ""
        spoil = rng.random() < 0.05 if junk is None else junk
        for given in (*item.get("parameters", ()), *operation.get("parameters", ())):
            schema = given["schema"]
            if given["in"] == "path":
                value = rng.choice(schema["enum"])
                if spoil:
                    value, fits = rng.choice(("no-such", "..%2f..", "%00", "x" * 300)), False
                path = path.replace("{" + given["name"] + "}", str(value))
            elif junk is None and rng.random() < 0.1:
                value = rng.choice(("true", "false", "perhaps", ""))
                fits = False  # what it may be asked of depends on the release
                query = f"?{given['name']}={value}"
        return path + query, fits

    def _one_or_many(self) -> Any:
        if self._rng.random() < 0.7:
            return self._row()
        return [self._row() for _ in range(self._rng.randint(1, 4))]

    def _row(self) -> dict[str, Any]:
        """A real row, some of whose fields have other values that fit."""
        rng = self._rng
        row = dict(rng.choice(self._rows))
        for name, schema in self._request["properties"].items():
            if name not in self._kept and rng.random() < 0.3:
                row[name] = self._value(name, schema)
        return row

    def _value(self, name: str, schema: Mapping[str, Any]) -> Any:
        rng = self._rng
        if "enum" in schema:
            return rng.choice(schema["enum"])
        kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        kind = rng.choice(kinds) if rng.random() < 0.3 else kinds[0]
        if kind in ("integer", "number"):
            return self._number(name, schema, whole=kind == "integer")
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "string":
            return self._text(name, schema)
        return None

    def _number(self, name: str, schema: Mapping[str, Any], *, whole: bool) -> float:
        seen = [abs(row[name]) for row in self._rows if isinstance(row.get(name), int | float)]
        far = max([1.0, *seen]) * _FARTHER
        low = max(schema.get("minimum", -far), schema.get("exclusiveMinimum", -far))
        high = min(schema.get("maximum", far), schema.get("exclusiveMaximum", far))
        low, high = max(low, min(-far, high)), min(high, max(far, low))
        if whole:
            first = math.floor(low) + 1 if "exclusiveMinimum" in schema else math.ceil(low)
            last = math.ceil(high) - 1 if "exclusiveMaximum" in schema else math.floor(high)
            return self._rng.randint(first, last) if first <= last else first
        found = low + (high - low) * self._rng.random()
        found = float(self._rng.choice((found, float(round(found)), low, high)))
        if "exclusiveMinimum" in schema and found <= low:
            found = math.nextafter(low, math.inf)
        if "exclusiveMaximum" in schema and found >= high:
            found = math.nextafter(high, -math.inf)
        return found

    def _text(self, name: str, schema: Mapping[str, Any]) -> str:
        rng = self._rng
        seen = [row[name] for row in self._rows if isinstance(row.get(name), str)]
        if schema.get("format") == "date":
            return f"{rng.randint(1950, 2050)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        if "format" in schema:
            return rng.choice(seen) if seen else "2000-01-01T00:00:00+00:00"
        longest = schema.get("maxLength", 1_000)
        return str(rng.choice((*seen, *_TEXTS[:-1])))[:longest]

    def _tensors(self) -> dict[str, Any]:
        """One row as tensors, laid out as the description's own example has them."""
        schema = self._document["components"]["schemas"]["InferenceRequest"]
        row = self._row()
        inputs = [
            dict(tensor, data=[row[tensor["name"]]])
            for tensor in schema["examples"][0]["inputs"]
            if row.get(tensor["name"]) is not None
        ]
        asked: dict[str, Any] = {"inputs": inputs}
        if self._rng.random() < 0.5:
            asked["id"] = self._rng.choice(("1", "a-b", "Ω"))
        return asked

    def _spoiled(self, value: Any) -> Any:
        """The value with one thing in it left out, added, or replaced."""
        rng = self._rng
        if isinstance(value, dict) and value and rng.random() < 0.9:
            name = rng.choice(list(value))
            made = dict(value)
            how = rng.random()
            if how < 0.25:
                del made[name]
            elif how < 0.4:
                made[rng.choice(_TEXTS) or "no_such"] = rng.choice(_JUNK)
            else:
                made[name] = self._spoiled(made[name])
            return made
        if isinstance(value, list) and value and rng.random() < 0.8:
            place = rng.randrange(len(value))
            return [*value[:place], self._spoiled(value[place]), *value[place + 1 :]]
        return rng.choice((*_JUNK, *_TEXTS))
