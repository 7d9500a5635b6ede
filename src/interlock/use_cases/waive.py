"""interlock waive: somebody opens a shut gate for one delivery, with a reason and an expiry."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import DAY, format_span, now, parse_span
from interlock.deploy.environment import Environment, passed, path_to
from interlock.deploy.excuse import unwaivable
from interlock.errors import BlockedError, OperatorError
from interlock.pipeline.delivery.goal import BLOCKED
from interlock.pipeline.delivery.waiving import ShutGate, give, shut_gates
from interlock.release.waiver import ROLES, UNCHECKED, Waiver
from interlock.store.rows import DeliveryRow
from interlock.verdict import Check
from interlock.wording import counted
from interlock.workspace import Workspace

LONGEST = 90 * DAY  # a waiver that never ends would be another policy
LONGEST_REASON = 500  # characters


@dataclass(frozen=True, kw_only=True)
class WaiveReport:
    """The waiver that was given, and the checks that it lets a delivery past."""

    waiver: Waiver
    checks: tuple[Check, ...]


def waive(
    workspace: Workspace,
    product: str | None = None,
    *,
    gate: str,
    delivery: int,
    reason: str,
    expires: str,
    role: str = "releaser",
) -> WaiveReport:
    """Sign and record a waiver of the gate that stopped the newest delivery.

    ``delivery`` is its number, ``expires`` a span such as "7d". Nothing is delivered. Raises
    OperatorError E140 to E143, and BlockedError E144 for what may not be waived.
    """
    name = workspace.delivered_product(product)
    text, span = _words(reason, role, expires)
    row = _blocked(workspace, name, delivery)
    shut = _shut(workspace, row, gate)
    _require_waivable(passed(path_to(workspace.environments, row.goal)), shut)
    at = now()
    waiver = Waiver(
        product=name,
        delivery=row.id,
        number=row.number,
        gate=gate,
        result=shut.digest,
        bundle=shut.bundle,
        role=role,
        by=workspace.user,
        rights=UNCHECKED,
        reason=text,
        at=at,
        expires=at + span,
    )
    give(workspace.notary(), waiver, at=at)
    return WaiveReport(waiver=waiver, checks=shut.result.shut_by)


def _words(reason: str, role: str, expires: str) -> tuple[str, int]:
    """The reason on one line, and the span. Raises OperatorError E143 for what cannot be used."""
    text, span = " ".join(reason.split()), parse_span(expires)
    if role not in ROLES:
        raise _unusable("--role", "one of " + ", ".join(ROLES), role)
    if not 0 < len(text) <= LONGEST_REASON:
        expected = f"why, in 1 to {LONGEST_REASON} characters: it stays on the release for ever"
        raise _unusable("--reason", expected, counted(len(text), "character"))
    if not 0 < span <= LONGEST:
        raise _unusable("--expires", f"a span of at most {format_span(LONGEST)}", expires)
    return text, span


def _blocked(workspace: Workspace, product: str, number: int) -> DeliveryRow:
    """The delivery of that number. Raises OperatorError E140 or E141."""
    newest, *_ = [*workspace.ledger.deliveries.newest(product=product, limit=1), None]
    if newest is None or not 1 <= number <= newest.number:
        raise OperatorError(
            "E140",
            "there is no such delivery",
            where=f"product {product}",
            expected=f"a number from 1 to {newest.number}" if newest else "a delivery",
            got=str(number),
            fix="see `interlock history`",
        )
    if number != newest.number:
        raise _not_blocked(number, f"delivery {newest.number} came after it")
    if newest.status != BLOCKED:
        raise _not_blocked(number, f"it is {newest.status}")
    return newest


def _shut(workspace: Workspace, row: DeliveryRow, gate: str) -> ShutGate:
    """How that gate shut last in the delivery. Raises OperatorError E142."""
    found = shut_gates(workspace.ledger, row.id)
    for shut in reversed(found):
        if shut.result.gate == gate:
            return shut
    names = ", ".join(dict.fromkeys(shut.result.gate for shut in found))
    raise OperatorError(
        "E142",
        "that gate did not stop the delivery",
        where=f"delivery {row.number}",
        expected=f"the gate that did: {names}" if names else "a gate; no gate stopped this one",
        got=gate,
        fix="see what stopped it with `interlock status`",
    )


def _require_waivable(environments: tuple[Environment, ...], shut: ShutGate) -> None:
    """Raises BlockedError E144 unless every environment on the way would accept the waiver."""
    for environment in environments:
        refused = unwaivable(shut.result, environment.policy.waivable)
        if refused:
            raise BlockedError(
                "E144",
                "this cannot be waived",
                where=environment.name,
                expected="a gate that the environment lets be waived, and checks that measured "
                "something",
                got=refused,
                fix="mend what the gate found and deliver again",
                untouched="what is live",
            )


def _not_blocked(number: int, got: str) -> OperatorError:
    return OperatorError(
        "E141",
        "the delivery is not waiting at a gate",
        where=f"delivery {number}",
        expected="the newest delivery of the product, blocked",
        got=got,
        fix="see `interlock history`; a waiver is for one delivery, so deliver again first",
    )


def _unusable(where: str, expected: str, got: str) -> OperatorError:
    return OperatorError(
        "E143",
        "a waiver cannot be given like this",
        where=where,
        expected=expected,
        got=repr(got)[:100],
        fix="say who opens the gate, why, and for how long",
    )
