"""The consumers' contracts, put to the packaged service."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from interlock.clock import monotonic
from interlock.data.request import RequestSchema
from interlock.errors import InterlockError, OperatorError
from interlock.gates.service.measurement import ContractOutcome
from interlock.pipeline.probes.client import Client
from interlock.pipeline.probes.matching import mismatches
from interlock.pipeline.probes.pact import verify_pact
from interlock.product.contracts import ContractFile

_PACT_SECONDS = 60.0


def verify_contracts(
    client: Client,
    base_url: str,
    product: str,
    contracts: Sequence[ContractFile],
    *,
    seconds: float = _PACT_SECONDS,
) -> tuple[ContractOutcome, ...]:
    """What each contract came to; all Pact files together have so many seconds, and one 60.

    Raises OperatorError V112 for Pact files without pact-python.
    """
    if any(c.is_pact for c in contracts) and importlib.util.find_spec("pact") is None:
        raise OperatorError(
            "V112",
            "a consumer left a Pact file, and pact-python to verify it is missing",
            where=", ".join(c.path.name for c in contracts if c.is_pact),
            expected="the extra 'pact' in the environment that delivers",
            got="no module pact",
            fix="pip install 'interlock[pact]'",
            untouched="what is live",
        )
    end = monotonic() + seconds
    return tuple(
        verify_pact(
            contract,
            client,
            base_url,
            product,
            seconds=min(_PACT_SECONDS, max(0.0, end - monotonic())),
        )
        if contract.is_pact
        else _examples(contract, client)
        for contract in contracts
    )


def asked_instants(contracts: Sequence[ContractFile], schema: RequestSchema) -> list[int]:
    """The moments (µs UTC) that the contracts' rows ask about, where a row says one."""
    asked = schema.asked_at
    if asked is None:
        return []
    kind = date if asked.kind == "date" else datetime
    found = []
    for request in (request for contract in contracts for request in contract.requests):
        for row in request if isinstance(request, list) else [request]:
            said = row.get(asked.name) if isinstance(row, dict) else None
            with contextlib.suppress(msgspec.ValidationError, ValueError, InterlockError):
                found.append(schema.instant(msgspec.convert(said, kind)))
    return found


def _examples(contract: ContractFile, client: Client) -> ContractOutcome:
    broken = []
    for number, interaction in enumerate(contract.interactions, 1):
        found = list(_unkept(interaction, client))
        if found:
            name = interaction.get("description") or f"interaction {number}"
            broken.append(f"{name}: {'; '.join(found[:3])}")
    return ContractOutcome(
        consumer=contract.consumer,
        file=contract.path.name,
        interactions=len(contract.interactions),
        broken=tuple(broken),
    )


def _unkept(interaction: Mapping[str, Any], client: Client) -> Iterator[str]:
    due, reply = interaction["response"], client.predict(interaction["request"])
    status = due.get("status", 200)
    if reply.status != status:
        yield f"expected status {status}, got {reply.short}"
    elif "body" in due:
        yield from mismatches(due["body"], reply.value)
