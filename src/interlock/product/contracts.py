"""What consumers rely on: the contract files in the project's folder ``contracts``.

Two kinds: Pact files, as any Pact library writes them, and files of examples, JSON like this:

``{"consumer": "shop", "interactions": [{"description": "a small house", "request": {…},
"response": {"status": 200, "body": {"prediction": {"$near": 90000, "$within": "10%"}}}}]}``

A Pact file belongs to the product that its provider names; an example file to the one in its
``product``, or to every product of the project.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.digest import digest_bytes
from interlock.errors import AuthorError, Mistake, first_line

FOLDER = "contracts"
_RULES = {
    frozenset({"$type"}): "$type",
    frozenset({"$near", "$within"}): "$near with $within",
    frozenset({"$between"}): "$between",
    frozenset({"$one_of"}): "$one_of",
    frozenset({"$matches"}): "$matches",
}
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, kw_only=True)
class ContractFile:
    """One consumer's contract; ``interactions`` are read from example files only.

    ``requests`` are the bodies that it sends, of either kind: rows, or lists of rows.
    """

    path: Path
    digest: str
    consumer: str
    is_pact: bool
    interactions: tuple[Mapping[str, Any], ...]
    requests: tuple[Any, ...] = ()


def contract_files(project_dir: Path, product: str) -> tuple[ContractFile, ...]:
    """The contracts with that product, by file name. Raises AuthorError C190 for all bad ones."""
    found, mistakes = [], []
    for path in sorted((project_dir / FOLDER).glob("*.json")):
        try:
            contract = _read(path)
        except (OSError, ValueError, RecursionError) as error:
            mistakes.append(_bad(path, first_line(error)))
            continue
        if contract[0] in (None, product):
            found.append(contract[1])
    if mistakes:
        raise AuthorError.of(mistakes)
    return tuple(found)


def require_known(project_dir: Path, products: Collection[str]) -> None:
    """Raises AuthorError C190 for the contracts with none of these: nobody would ask for them.

    Files that cannot be read are left to :func:`contract_files`.
    """
    mistakes = []
    for path in sorted((project_dir / FOLDER).glob("*.json")):
        with contextlib.suppress(OSError, ValueError, RecursionError):
            named, contract = _read(path)
            if named is not None and named not in products:
                mistakes.append(_stray(path, named, contract.consumer, products))
    if mistakes:
        raise AuthorError.of(mistakes)


def _stray(path: Path, named: str, consumer: str, products: Collection[str]) -> Mistake:
    return Mistake(
        code="C190",
        what="a consumer's contract is with a product that this project does not have",
        where=f"{FOLDER}/{path.name}",
        expected=f"one of {', '.join(products)}",
        got=f"{named!r}, by {consumer}",
        fix="correct the provider (in a file of examples: product), or remove the file",
    )


def _read(path: Path) -> tuple[str | None, ContractFile]:
    """The product that a file names, and the contract. Raises ValueError for what is none."""
    data = path.read_bytes()
    if len(data) > _MOST_BYTES:
        raise ValueError(f"a file of {len(data):,} bytes")
    row = json.loads(data)
    if not isinstance(row, dict) or not isinstance(row.get("interactions"), list):
        raise ValueError("no list of interactions")
    is_pact = "provider" in row
    consumer = _name(row.get("consumer"), "consumer", is_pact)
    product = _name(row["provider"], "provider", True) if is_pact else row.get("product")
    if not row["interactions"]:
        raise ValueError("the list of interactions is empty")
    contract = ContractFile(
        path=path,
        digest=digest_bytes(data),
        consumer=consumer,
        is_pact=is_pact,
        interactions=() if is_pact else tuple(map(_checked, row["interactions"])),
        requests=tuple(_request(interaction, is_pact) for interaction in row["interactions"]),
    )
    return product, contract


def _request(interaction: Any, is_pact: bool) -> Any:
    request = interaction.get("request") if isinstance(interaction, dict) else None
    if not is_pact:
        return request
    body = request.get("body") if isinstance(request, dict) else None
    return body.get("content", body) if isinstance(body, dict) else body  # version 4 wraps it


def _name(value: Any, what: str, is_pact: bool) -> str:
    name = value.get("name") if is_pact and isinstance(value, dict) else value
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"no name of the {what}")
    return name


def _checked(interaction: Any) -> Mapping[str, Any]:
    if not isinstance(interaction, dict) or not {"request", "response"} <= set(interaction):
        raise ValueError("an interaction without request and response")
    _known(interaction, ("description", "request", "response"), "an interaction")
    if not isinstance(interaction["response"], dict):
        raise ValueError("a response that is no object")
    _known(interaction["response"], ("status", "body"), "a response")
    _require_rules(interaction["response"].get("body"))
    return interaction


def _require_rules(expected: Any) -> None:
    """Raises ValueError for a rule that the service gate does not know, however deep it stands."""
    if isinstance(expected, list):
        for value in expected:
            _require_rules(value)
    if not isinstance(expected, dict):
        return
    if any(key.startswith("$") for key in expected):
        if frozenset(expected) not in _RULES:
            raise ValueError(
                f"a rule of {', '.join(sorted(expected))}; rules are {', '.join(_RULES.values())}"
            )
        _require_pattern(expected.get("$matches", ""))
        return
    for value in expected.values():
        _require_rules(value)


def _require_pattern(pattern: Any) -> None:
    try:
        re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ValueError(f"$matches is no regular expression: {first_line(error)}") from None


def _known(row: Mapping[str, Any], keys: Sequence[str], what: str) -> None:
    odd = sorted(set(row) - set(keys))
    if odd:
        raise ValueError(f"{what} with {', '.join(odd)}; it has {', '.join(keys)}")


def _bad(path: Path, got: str) -> Mistake:
    return Mistake(
        code="C190",
        what="a consumer's contract cannot be read",
        where=f"{FOLDER}/{path.name}",
        expected="a Pact file, or a file of examples with consumer and interactions",
        got=got,
        fix="have the consumer write it again, or correct it; see docs/serving.md",
    )
