"""A release's typed client as files, from what the release promises its consumers.

Names of products and fields come from whoever wrote the release: nothing of them becomes code. What
the templates print is either a :class:`Source`, made here of identifiers and types, or a literal.
"""

from __future__ import annotations

import json
import keyword
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from interlock.data.request import Field
from interlock.serve.contract import Contract
from interlock.serve.http.outcome_api import outcome_example, outcome_words
from interlock.serve.http.schema import openapi
from interlock.serve.loaded.audit import described

_TYPES = {"category": "str"} | {k: k for k in ("int", "float", "str", "bool", "date", "datetime")}
_TAKEN = frozenset({"to_row", "Any", "Literal", "Mapping", "Sequence", "PRODUCT", "RELEASE"}) | {
    *("Answer", "Interval", "Outcome", "Client", "AsyncClient", "Refused", "ServiceFailed"),
}
_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}")


class Source(str):
    """Text that may stand in a file as code: an identifier, a type, a default."""

    __slots__ = ()

    @property
    def quoted(self) -> Source:
        """It as a literal."""
        return Source(json.dumps(self))


@dataclass(frozen=True, kw_only=True)
class _Attribute:
    """A field of the request, as the class of the client has it."""

    name: str
    attribute: Source
    type: Source
    default: Source
    doc: str


@dataclass(frozen=True, kw_only=True)
class _Argument:
    """A field of the example, as the README's code gives it."""

    attribute: Source
    value: Source


def client_files(contract: Contract) -> dict[str, str]:
    """Every file of the client, by its path."""
    package = _identifier(contract.product).lower() + "_client"
    request = Source(_identifier(contract.request.name))
    given = {
        "package": Source(package),
        "distribution": Source(package.replace("_", "-").strip("-")),
        "version": Source(contract.label if _VERSION.fullmatch(contract.label) else "0"),
        "product": contract.product,
        "release": contract.label or contract.digest,
        "request": request,
        "arguments": _arguments(contract),
        "fields": sorted(_attributes(contract.request.fields), key=lambda a: a.default != ""),
        "prediction": _prediction(contract),
        "beside": Source("probabilities" if contract.answer.spec.classes else "interval"),
        "prediction_doc": _words(
            contract.answer.target,
            f"in {contract.answer.unit}" if contract.answer.unit else "",
            contract.answer.decided,
        ),
        "value_doc": outcome_words(contract),
    }
    home = f"src/{package}"
    written = {"pyproject.toml": "pyproject.toml", "README.md": "README.md"}
    written |= {f"{home}/{n}": n for n in ("__init__.py", "messages.py", "client.py")}
    return {
        **{path: _rendered(template, given) for path, template in written.items()},
        f"{home}/py.typed": "",
        "schema.json": json.dumps(json_schema(contract), indent=2) + "\n",
        "curl.sh": _curl("/v1/predict", contract.example, "One request."),
        "curl-outcome.sh": _curl(
            "/v1/outcomes",
            outcome_example(contract),
            "What became of a prediction: put in its id, what came about, and when.",
        ),
    }


def json_schema(contract: Contract) -> dict[str, Any]:
    """Request and answer as JSON Schema 2020-12; the root is the request."""
    schemas = openapi(contract)["components"]["schemas"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/Request",
        "$defs": {name: schemas[name] for name in ("Request", "Answer", "Outcome", "Error")},
    }


def _rendered(template: str, given: Mapping[str, Any]) -> str:
    return _environment().get_template(f"{template}.j2").render(given)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("interlock", "templates/client"),
        autoescape=False,  # noqa: S701 - no HTML; finalize lets code and literals through only
        finalize=_only_source,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["literal"] = lambda text: Source(ascii(text))
    return environment


def _only_source(value: Any) -> Any:
    """Raises TypeError for a text that nobody made safe: a mistake in a template."""
    if not isinstance(value, Source):
        raise TypeError(f"{type(value).__name__} in a template is neither code nor a literal")
    return value


def _attributes(fields: Iterable[Field]) -> list[_Attribute]:
    found: list[_Attribute] = []
    for field in fields:
        name, taken = _identifier(field.name), {a.attribute for a in found}
        while name in taken:
            name += "_"
        kind = _TYPES[field.kind]
        if field.kind == "category":
            kind = f"Literal[{', '.join(map(ascii, field.categories))}]"
        found.append(
            _Attribute(
                name=field.name,
                attribute=Source(name),
                type=Source(f"{kind} | None" if field.optional else kind),
                default=Source(" = None" if field.optional else ""),
                doc=_doc(field),
            )
        )
    return found


def _arguments(contract: Contract) -> list[_Argument]:
    """What the example gives, in the order of the fields."""
    kinds = {field.name: field.kind for field in contract.request.fields}
    return [
        _Argument(attribute=a.attribute, value=_value(kinds[a.name], contract.example[a.name]))
        for a in _attributes(contract.request.fields)
        if contract.example.get(a.name) is not None
    ]


def _value(kind: str, example: Any) -> Source:
    """A literal; of a time the call that makes it.

    >>> _value("date", "2024-05-31"), _value("str", "ä"), _value("int", 3)
    ("date.fromisoformat('2024-05-31')", "'\\\\xe4'", '3')
    """
    literal = ascii(example)
    return Source(f"{kind}.fromisoformat({literal})" if kind in ("date", "datetime") else literal)


def _doc(field: Field) -> str:
    unit = f"in {field.unit}" if field.unit else ""
    moment = "the moment the prediction is about" if field.asked_at else ""
    return _words(field.description, described(field), unit, moment)


def _words(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _prediction(contract: Contract) -> Source:
    classes = contract.answer.spec.classes
    if not classes:
        return Source("float")
    if all(type(value) in (bool, int, str) for value in classes):
        return Source(f"Literal[{', '.join(map(ascii, classes))}]")
    return Source("Any")


def _identifier(name: str) -> str:
    """A Python identifier like the name, in ASCII.

    >>> [_identifier(name) for name in ("area", "class", "1st", "x: int; import os", "Ärea")]
    ['area', 'class_', 'n1st', 'x__int__import_os', 'n_rea']
    """
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    if not text[:1].isalpha():
        text = f"n{text}"
    taken = keyword.iskeyword(text) or text in _TAKEN or text in _TYPES
    return f"{text}_" if taken else text


def _curl(path: str, example: Mapping[str, Any], says: str) -> str:
    body = shlex.quote(json.dumps(dict(example), indent=2))
    return (
        "#!/bin/sh\n"
        f"# {says} SERVICE_URL says where the service is, SERVICE_TOKEN its token.\n"
        "set -eu\n"
        'curl --fail-with-body --silent --show-error "${SERVICE_URL:-http://127.0.0.1:8080}'
        f'{path}" \\\n'
        "  -H 'content-type: application/json' \\\n"
        '  ${SERVICE_TOKEN:+-H "authorization: Bearer $SERVICE_TOKEN"} \\\n'
        f"  -d {body}\n"
    )
