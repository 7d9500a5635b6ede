"""The statements that a delivery makes about a bundle: their shape, in one place.

Everything that makes a proof count is inside what is signed: product, delivery, environment,
champion, moment. ``at`` is in UTC microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.release.attest import (
    BUILD,
    DEPLOYMENT,
    ERASURE,
    GATE,
    POST_DEPLOY,
    RELEASE,
    Statement,
)
from interlock.verdict import GateResult


def build_statement(
    *,
    bundle: str,
    product: str,
    delivery: str,
    git_commit: str,
    dirty: bool,
    snapshot: str,
    at: int,
) -> Statement:
    """Who was built from what: commit, clean or dirty tree, snapshot, in which delivery."""
    return Statement(
        subject=bundle,
        name=product,
        predicate_type=BUILD,
        predicate={
            "product": product,
            "delivery": delivery,
            "commit": git_commit,
            "dirty": dirty,
            "snapshot": snapshot,
            "at": at,
        },
    )


def gate_statement(
    *,
    bundle: str,
    product: str,
    delivery: str,
    result: GateResult,
    at: int,
    champion: str | None = None,
    form: str | None = None,
) -> Statement:
    """What a gate found.

    ``champion`` is the bundle that a model gate compared with, if any; ``form`` is how much a
    service gate asked.
    """
    return Statement(
        subject=bundle,
        name=product,
        predicate_type=GATE,
        predicate={
            **_judged(product, delivery, result, at),
            "champion": champion,
            **({} if form is None else {"form": form}),
        },
    )


def release_statement(
    *,
    bundle: str,
    product: str,
    delivery: str,
    label: str,
    facts: Mapping[str, Any],
    at: int,
) -> Statement:
    """By which label a bundle is known, and the facts that the next label is derived from."""
    return Statement(
        subject=bundle,
        name=product,
        predicate_type=RELEASE,
        predicate={
            "product": product,
            "delivery": delivery,
            "label": label,
            "facts": dict(facts),
            "at": at,
        },
    )


def post_deploy_statement(
    *, bundle: str, product: str, delivery: str, environment: str, result: GateResult, at: int
) -> Statement:
    """What the tests against the deployed service in an environment found."""
    return Statement(
        subject=bundle,
        name=product,
        predicate_type=POST_DEPLOY,
        predicate={**_judged(product, delivery, result, at), "environment": environment},
    )


def deployment_statement(
    *,
    bundle: str,
    product: str,
    environment: str,
    generation: int,
    act: str,
    reason: str,
    at: int,
    ledger_sequence: int,
    ledger_hash: str,
    trial: Mapping[str, object] | None = None,
) -> Statement:
    """What was made live where; it also anchors the ledger's chain up to this moment.

    ``trial``: it stands beside what is live there, in that revision of that generation, with so
    many buckets of that salt.
    """
    return Statement(
        subject=bundle,
        name=product,
        predicate_type=DEPLOYMENT,
        predicate={
            "product": product,
            "environment": environment,
            "generation": generation,
            "act": act,
            "reason": reason,
            "at": at,
            "ledger": {"sequence": ledger_sequence, "hash": ledger_hash},
            **({} if trial is None else {"trial": dict(trial)}),
        },
    )


def erasure_statement(
    *, subject: str, product: str, act: str, facts: Mapping[str, Any], at: int
) -> Statement:
    """What an erasure did to a snapshot or a bundle, with all that is recorded of it."""
    return Statement(
        subject=subject,
        name=product,
        predicate_type=ERASURE,
        predicate={"product": product, "act": act, "facts": dict(facts), "at": at},
    )


def _judged(product: str, delivery: str, result: GateResult, at: int) -> dict[str, object]:
    return {
        "product": product,
        "delivery": delivery,
        "gate": result.gate,
        "verdict": result.verdict.value,
        "checks": [check.to_row() for check in result.checks],
        "at": at,
    }
