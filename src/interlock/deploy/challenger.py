"""The rollout of a challenger beside a champion, decided purely: start, grow, stop.

A rollout belongs to one generation of the environment: whatever makes another release live (a
delivery, a rollback, the challenger's own promotion) ends it by that alone, in the same
transaction. Its share only grows, so that nobody who was answered by the challenger goes back; in
shadow the challenger answers nobody, and growing it from there begins the split.

>>> parse_share("2.5%"), share_text(250)
(250, '2.5%')
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from interlock.deploy.rollout import Target
from interlock.digest import digest_json
from interlock.errors import OperatorError
from interlock.store.rows import DeploymentRow, RolloutRow

START, GROW, STOP = "start", "grow", "stop"
SPLIT, SHADOW = "split", "shadow"
ROLLOUT = (
    "rollout"  # the signed act by which a bundle answers beside another; in shadow it is SHADOW
)
BUCKETS = 10_000
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%")
_SALT = 32  # hexadecimal digits


def running(current: DeploymentRow | None, last: RolloutRow | None) -> RolloutRow | None:
    """The rollout that runs beside what is live; None where the last one has ended."""
    if current is None or last is None or last.act == STOP:
        return None
    return last if last.generation == current.generation else None


def start(
    current: DeploymentRow,
    last: RolloutRow | None,
    target: Target,
    *,
    buckets: int,
    at: int,
    reason: str = "",
) -> RolloutRow:
    """A rollout of the target beside what is live; in shadow with 0 buckets.

    Raises OperatorError E150 when one runs already, E153 when the target is live itself.
    """
    present = running(current, last)
    if present is not None:
        raise _runs_already(present)
    if target.bundle == current.bundle:
        raise _is_champion(current)
    place = {"product": current.product, "environment": current.environment}
    identity = {**place, "generation": current.generation, "bundle": target.bundle, "at": at}
    return RolloutRow(
        **place,
        generation=current.generation,
        revision=_revision(current, last) + 1,
        bundle=target.bundle,
        label=target.label,
        delivery=target.delivery,
        act=START,
        mode=SPLIT if buckets else SHADOW,
        buckets=buckets,
        salt=digest_json(identity)[:_SALT],
        reason=reason,
        began=at,
        at=at,
    )


def grow(
    current: DeploymentRow | None,
    last: RolloutRow | None,
    *,
    where: str,
    buckets: int,
    at: int,
    reason: str = "",
) -> RolloutRow:
    """The running rollout with a larger share.

    Raises OperatorError E151 when none runs, E152 unless the share is larger than the present one.
    """
    present = require_running(current, last, where=where)
    if buckets <= present.buckets:
        raise _does_not_grow(present, buckets)
    return _next(present, act=GROW, mode=SPLIT, buckets=buckets, at=at, reason=reason)


def stop(
    current: DeploymentRow | None,
    last: RolloutRow | None,
    *,
    where: str,
    at: int,
    reason: str = "",
) -> RolloutRow:
    """The end of the running rollout; the champion answers everybody. Raises OperatorError E151."""
    present = require_running(current, last, where=where)
    return _next(present, act=STOP, mode=present.mode, buckets=0, at=at, reason=reason)


def require_running(
    current: DeploymentRow | None, last: RolloutRow | None, *, where: str
) -> RolloutRow:
    """The rollout that runs there. Raises OperatorError E151."""
    present = running(current, last)
    if present is None:
        raise _none_runs(current, last, where)
    return present


def parse_share(text: str) -> int:
    """How many buckets a share such as '10%' or '0.25%' is. Raises OperatorError E152."""
    found = _SHARE.fullmatch(text.strip())
    buckets = int(Fraction(found[1]) * BUCKETS / 100) if found else 0
    if not 0 < buckets <= BUCKETS:
        raise OperatorError(
            "E152",
            "the share of a rollout cannot be that",
            expected="0.01% to 100%, with at most two decimals",
            got=repr(text)[:60],
            fix="for example: --share 10%",
        )
    return buckets


def share_text(buckets: int) -> str:
    """The share as people read it: 1000 → '10%'."""
    return f"{buckets / (BUCKETS // 100):g}%"


def _revision(current: DeploymentRow, last: RolloutRow | None) -> int:
    if last is None or last.generation != current.generation:
        return 0
    return last.revision


def _next(
    present: RolloutRow, *, act: str, mode: str, buckets: int, at: int, reason: str
) -> RolloutRow:
    return replace(
        present,
        revision=present.revision + 1,
        act=act,
        mode=mode,
        buckets=buckets,
        reason=reason,
        at=at,
    )


def _runs_already(present: RolloutRow) -> OperatorError:
    return OperatorError(
        "E150",
        f"a rollout runs in {present.environment} already",
        where=f"{present.product} in {present.environment}",
        expected="one rollout at a time",
        got=f"{present.label}, {described(present)}",
        fix="interlock rollout grow, promote or stop",
        untouched="the rollout that runs",
    )


def described(present: RolloutRow) -> str:
    """What the rollout does: 'in shadow', or 'with 10% of the traffic'."""
    if present.mode == SHADOW:
        return "in shadow"
    return f"with {share_text(present.buckets)} of the traffic"


def _none_runs(current: DeploymentRow | None, last: RolloutRow | None, where: str) -> OperatorError:
    got = "there was none yet"
    if last is not None and last.act == STOP:
        got = f"the last one, of {last.label}, was stopped"
    elif last is not None and current is not None:
        got = f"the last one, of {last.label}, ended when {current.label} became live"
    begin = "interlock rollout start RELEASE --share 10%"
    return OperatorError(
        "E151",
        "no rollout runs there",
        where=where,
        expected="a challenger beside what is live",
        got=got,
        fix=begin if current is not None else "nothing is live there yet: run `interlock deliver`",
        untouched="what is live",
    )


def _does_not_grow(present: RolloutRow, buckets: int) -> OperatorError:
    return OperatorError(
        "E152",
        "the share of a rollout cannot be that",
        where=f"{present.product} in {present.environment}",
        expected=f"more than {share_text(present.buckets)}: a share only grows, so that nobody "
        "changes back",
        got=share_text(buckets),
        fix="name a larger share, or end the rollout: interlock rollout stop",
        untouched="the rollout that runs",
    )


def _is_champion(current: DeploymentRow) -> OperatorError:
    return OperatorError(
        "E153",
        "the release cannot stand beside what is live",
        where=f"{current.product} in {current.environment}",
        expected="another release than the one that is live",
        got=f"{current.label}, which is live",
        fix="name the release to try; interlock history lists them",
        untouched="what is live",
    )
