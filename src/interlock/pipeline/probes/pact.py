"""A consumer's Pact file, put to the packaged service by pact-python's verifier.

The verifier runs in a process of its own (:mod:`interlock.pipeline.probes.pact_child`). Where it
finds another status it does not say what the service answered, so the request of the file is sent
once more, and the refusal told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from interlock.gates.service.measurement import ContractOutcome
from interlock.pipeline.probes.client import Client, Reply, request_bytes
from interlock.product.contracts import ContractFile

_TOLD = 3  # mismatches of one interaction


def verify_pact(
    contract: ContractFile, client: Client, base_url: str, product: str, *, seconds: float
) -> ContractOutcome:
    """What the file came to within so many seconds; a verifier that crashed kept nothing."""
    with tempfile.TemporaryDirectory(prefix="interlock-pact-") as place:
        result = Path(place) / "result.json"
        arguments = [client.host, base_url, product, str(contract.path), str(result)]
        command = [sys.executable, "-m", "interlock.pipeline.probes.pact_child", *arguments]
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                env={**os.environ, "PACT_DO_NOT_TRACK": "true"},
            )
            found = json.loads(result.read_bytes())
        except (subprocess.TimeoutExpired, OSError, ValueError):
            return _outcome(contract, 1, ("the Pact verifier crashed or did not end",))
    results = found.get("interactionResults", [])
    broken = [_said(one, contract, client) for one in results if one.get("result") != "OK"]
    if found.get("result") is not True and not broken:
        broken = [str(error)[:500] for error in found.get("errors", [])] or ["it did not verify"]
    return _outcome(contract, len(results), tuple(broken))


def _said(one: Mapping[str, Any], contract: ContractFile, client: Client) -> str:
    """One broken interaction in a line: another status first, for the rest follows from it."""
    mismatch = one.get("mismatch") or {}
    found = sorted(mismatch.get("mismatches", []), key=lambda m: m.get("type") != "StatusMismatch")
    said = [str(m.get("mismatch", m)) for m in found[:_TOLD]]
    if found and found[0].get("type") == "StatusMismatch":
        said[0] = _answered(one, found[0], contract, client) or said[0]
    return f"{one.get('description', 'an interaction')}: {'; '.join(said) or mismatch}"


def _answered(
    one: Mapping[str, Any], mismatch: Mapping[str, Any], contract: ContractFile, client: Client
) -> str:
    """What the service says to that request; empty where it now answers otherwise."""
    for interaction, body in zip(_interactions(contract), contract.requests, strict=True):
        if interaction.get("description") == one.get("description"):
            reply = _sent(interaction.get("request") or {}, body, client)
            if reply.status == mismatch.get("actual"):
                return f"expected status {mismatch.get('expected')}, got {reply.short}"
    return ""


def _interactions(contract: ContractFile) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = json.loads(contract.path.read_bytes())["interactions"]
    return found


def _sent(request: Mapping[str, Any], body: Any, client: Client) -> Reply:
    """The answer to a request as a Pact file of any version writes it."""
    query = request.get("query") or ""
    query = query if isinstance(query, str) else urlencode(query, doseq=True)
    path = str(request.get("path", "/")) + (f"?{query}" if query else "")
    data = body.encode() if isinstance(body, str) else None if body is None else request_bytes(body)
    return client.ask(str(request.get("method", "GET")), path, data, dict(_headers(request)))


def _headers(request: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in (request.get("headers") or {}).items():
        yield name, ", ".join(value) if isinstance(value, list) else str(value)


def _outcome(contract: ContractFile, interactions: int, broken: tuple[str, ...]) -> ContractOutcome:
    return ContractOutcome(
        consumer=contract.consumer,
        file=contract.path.name,
        interactions=interactions,
        broken=broken,
    )
