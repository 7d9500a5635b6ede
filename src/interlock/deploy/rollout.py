"""The next deployment, decided purely: from what is live to what shall be.

"Current" and "previous" are recorded pointers, never the highest version. A rollback goes to the
recorded previous release and pins the environment, so that the next delivery does not bring the
bad one back by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from interlock.errors import BlockedError, OperatorError
from interlock.store.rows import DeploymentRow

PROMOTE = "promote"
ROLLBACK = "rollback"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A release to make live."""

    bundle: str
    label: str
    delivery: str


def promote(
    current: DeploymentRow | None,
    target: Target,
    *,
    product: str,
    environment: str,
    at: int,
    unpin: bool = False,
    reason: str = "",
) -> DeploymentRow:
    """The deployment that makes the target live; the present one if the target is live already.

    Raises BlockedError E103 when the environment is pinned and ``unpin`` is not said.
    """
    if current is None:
        return DeploymentRow(
            product=product,
            environment=environment,
            generation=1,
            bundle=target.bundle,
            label=target.label,
            act=PROMOTE,
            pinned=False,
            reason=reason,
            delivery=target.delivery,
            since=at,
        )
    require_unpinned(current, unpin=unpin)
    if current.bundle == target.bundle and not current.pinned:
        return current
    return _next(current, target, act=PROMOTE, pinned=False, reason=reason, at=at)


def rollback(
    current: DeploymentRow | None,
    *,
    product: str,
    environment: str,
    at: int,
    reason: str,
    to: Target | None = None,
) -> DeploymentRow:
    """The deployment that returns to the previous release, or to the one that is named.

    Raises OperatorError E102 (nothing to go back to) or E107 (rolled back already).
    """
    if current is None:
        fix = "run `interlock deliver`"
        raise _nowhere(product, environment, "nothing is live", fix)
    if to is None and current.act == ROLLBACK:
        raise _already(current)
    target = to or _previous(current)
    if target is None:
        fix = "deliver a release that mends it: only what was live there before can be gone back to"
        raise _nowhere(product, environment, f"{current.label} is its first release", fix)
    if target.bundle == current.bundle:
        fix = "name another one: interlock rollback --to LABEL; interlock history lists them"
        raise _nowhere(product, environment, f"{current.label} is live already", fix)
    return _next(current, target, act=ROLLBACK, pinned=True, reason=reason, at=at)


def require_return(row: DeploymentRow, earlier: Iterable[DeploymentRow]) -> None:
    """Raises OperatorError E102 unless the release answered there before.

    Only then was it admitted there: a rollback asks no policy again.
    """
    if all(row.bundle != before.bundle for before in earlier):
        raise OperatorError(
            "E102",
            "there is no release to go back to",
            where=f"{row.product} in {row.environment}",
            expected="a release that was live there before",
            got=f"{row.label}, which never was",
            fix="deliver it, or try it beside what is live: interlock rollout start",
            untouched="what is live",
        )


def _previous(current: DeploymentRow) -> Target | None:
    bundle, label, delivery = (
        current.previous_bundle,
        current.previous_label,
        current.previous_delivery,
    )
    if bundle is None or label is None or delivery is None:
        return None
    return Target(bundle=bundle, label=label, delivery=delivery)


def _next(
    current: DeploymentRow, target: Target, *, act: str, pinned: bool, reason: str, at: int
) -> DeploymentRow:
    same = target.bundle == current.bundle
    return replace(
        current,
        generation=current.generation + 1,
        bundle=target.bundle,
        label=target.label,
        previous_bundle=current.previous_bundle if same else current.bundle,
        previous_label=current.previous_label if same else current.label,
        previous_delivery=current.previous_delivery if same else current.delivery,
        act=act,
        pinned=pinned,
        reason=reason,
        delivery=target.delivery,
        since=at,
    )


def require_unpinned(current: DeploymentRow | None, *, unpin: bool) -> None:
    """Raises BlockedError E103 for a pinned environment, unless the pin is to end."""
    if current is not None and current.pinned and not unpin:
        raise _pinned(current)


def _pinned(current: DeploymentRow) -> BlockedError:
    return BlockedError(
        "E103",
        f"{current.environment} is pinned to {current.label}",
        where=f"{current.product} in {current.environment}",
        expected="an explicit word to end the pin",
        got=f"a {current.act}: {current.reason or 'no reason given'}",
        fix="once the reason is gone, say it again with --unpin",
        untouched=f"{current.label} stays live",
    )


def _nowhere(product: str, environment: str, got: str, fix: str) -> OperatorError:
    return OperatorError(
        "E102",
        "there is no release to go back to",
        where=f"{product} in {environment}",
        expected="a recorded previous release",
        got=got,
        fix=fix,
        untouched="what is live",
    )


def _already(current: DeploymentRow) -> OperatorError:
    return OperatorError(
        "E107",
        f"{current.environment} was rolled back to {current.label} already",
        where=f"{current.product} in {current.environment}",
        expected="the release to go to",
        got=f"a second rollback; the recorded previous release is {current.previous_label}, "
        "the one that was rolled back",
        fix="name the release to go to: interlock rollback --to LABEL",
        untouched=f"{current.label} stays live",
    )
