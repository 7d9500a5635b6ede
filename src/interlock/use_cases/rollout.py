"""interlock rollout: set a challenger beside what is live, let it grow, promote it or stop it.

Growing and stopping need the ledger, the bundles and the settings alone, so that a challenger can
be stopped while the project's own files are broken. Whoever is killed between the ledger and the
pointer leaves a pointer that is old: the next act, or ``show``, writes it anew first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from interlock.clock import now
from interlock.deploy import challenger as decide
from interlock.deploy.environment import Environment
from interlock.deploy.rollout import Target
from interlock.errors import BlockedError
from interlock.pipeline.deploying.rival import against_a_share, nothing_beside, require_rival
from interlock.pipeline.deploying.switching import Switch
from interlock.pipeline.judging.judged_slices import slice_columns
from interlock.release.attest import verify
from interlock.serve.rollout.evidence import Seen, seen
from interlock.serve.shadow.differences import (
    DEFAULT_TOLERANCE,
    ShadowReport,
    Tolerance,
    contrasted,
)
from interlock.serve.shadow.logs import shadow_log
from interlock.store.rows import DeploymentRow, RolloutRow
from interlock.use_cases.releases import find_release
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class RolloutReport:
    """The last act on a rollout, and the release that it stands beside.

    Where that was asked for: ``shadow`` is what a challenger in shadow would have answered,
    ``seen`` how often one that answers failed, as the service's workers say. ``against_a_share``
    is why one in shadow cannot be grown; empty where it can.
    """

    rollout: RolloutRow
    champion: DeploymentRow
    running: bool
    shadow: ShadowReport | None = None
    seen: Seen | None = None
    against_a_share: tuple[str, ...] = ()


def start(
    workspace: Workspace,
    product: str | None = None,
    *,
    release: str,
    environment: str = "prod",
    share: str | None = None,
    reason: str = "",
    unpin: bool = False,
) -> RolloutReport:
    """Set a release beside what is live, with a share such as '10%', or in shadow without one.

    Raises BlockedError E103 or E104, OperatorError E101, E130, E131, E150, E152, E153.
    """
    buckets = 0 if share is None else decide.parse_share(share)
    place = workspace.environment(environment)
    deployer = workspace.deployer(workspace.bound(product), now())
    found = find_release(workspace, deployer.product, release)
    target = Target(bundle=found.bundle, label=found.label, delivery=found.delivery)
    row = deployer.start_rollout(place, target, buckets=buckets, reason=reason, unpin=unpin)
    return _report(deployer.live, row)


def grow(
    workspace: Workspace,
    product: str | None = None,
    *,
    share: str,
    environment: str = "prod",
    reason: str = "",
) -> RolloutReport:
    """Give the challenger a larger share; one in shadow begins to answer.

    It is admitted again, at this moment. Raises BlockedError E104, OperatorError E101, E151, E152,
    E153.
    """
    buckets = decide.parse_share(share)
    live, place = _live(workspace, product, environment)
    current, last = _settled(live, place)
    row = decide.grow(
        current, last, where=_where(live, place.name), buckets=buckets, at=now(), reason=reason
    )
    if current is None:  # where nothing is live, nothing runs beside it
        raise nothing_beside(live.product, place.name)
    bundle = live.admitted(place, _target(row), current, row.at)
    shadowed = last is not None and last.mode == decide.SHADOW
    require_rival(live.bundle(current.bundle), bundle, where=place.name, shadowed=shadowed)
    live.roll_out(row, current)
    return _report(live, row)


def stop(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    reason: str = "",
) -> RolloutReport:
    """The champion answers everybody again. Raises OperatorError E101, E151."""
    live, place = _live(workspace, product, environment)
    current, last = live.current(place.name), live.last_rollout(place.name)
    if current is not None and decide.running(current, last) is None:
        live.publish(current)  # who stopped it may have been killed before services were told
    row = decide.stop(current, last, where=_where(live, place.name), at=now(), reason=reason)
    if current is None:
        raise nothing_beside(live.product, place.name)
    live.roll_out(row, current)
    return _report(live, row)


def promote(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    reason: str = "",
) -> DeploymentRow:
    """Make the challenger the champion; its rollout ends with that.

    It is admitted again, at this moment. Raises BlockedError E104, E154 (it was set aside),
    OperatorError E101, E151.
    """
    place = workspace.environment(environment)
    deployer = workspace.deployer(workspace.bound(product), now())
    live = deployer.live
    current, last = _settled(live, place)
    trial = decide.require_running(current, last, where=_where(live, place.name))
    _require_asked(live, trial)
    return deployer.deploy(place, _target(trial), unpin=True, promotes=trial, reason=reason)


def show(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    by: Sequence[str] = (),
    tolerance: Tolerance = DEFAULT_TOLERANCE,
) -> RolloutReport:
    """The rollout that runs there: how often the challenger failed; in shadow the answers of both.

    Those also in parts, which are ``by`` request fields or features, or the slices that the
    challenger's model gate judged. Raises OperatorError E151, IntegrityError for a damaged log or a
    wrong attestation.
    """
    live, place = _live(workspace, product, environment)
    current, last = _settled(live, place)
    row = decide.require_running(current, last, where=_where(live, place.name))
    report = _report(live, row)
    log = workspace.places.log(place.name, live.product)
    if row.mode != decide.SHADOW:
        return replace(report, seen=seen(log, row))
    found = contrasted(
        log,
        shadow_log(log, row.salt),
        since=row.began,
        by=tuple(dict.fromkeys(by)) or _declared_slices(live, row),
        tolerance=tolerance,
    )
    return replace(report, shadow=found)


def _require_asked(live: Switch, trial: RolloutRow) -> None:
    """Raises BlockedError E154 where the service asks the challenger no more, as it failed."""
    found = seen(live.places.log(trial.environment, live.product), trial)
    if found is not None and found.set_aside:
        raise BlockedError(
            "E154",
            "the challenger was set aside for failing",
            where=_where(live, trial.environment),
            expected="at most one failed answer in a hundred",
            got=f"{trial.label}: {found.set_aside}",
            fix="interlock rollout stop, and mend the release; start it anew to try once more",
            untouched="what is live",
        )


def _declared_slices(live: Switch, row: RolloutRow) -> tuple[str, ...]:
    notary = live.notary
    said = [verify(envelope, notary.keys) for envelope in notary.envelopes(row.bundle)]
    return slice_columns(said, row.delivery)


def _live(
    workspace: Workspace, product: str | None, environment: str
) -> tuple[Switch, Environment]:
    place = workspace.environment(environment)
    return workspace.switch(workspace.delivered_product(product)), place


def _settled(live: Switch, place: Environment) -> tuple[DeploymentRow | None, RolloutRow | None]:
    """What is live there and the last act on a rollout, once services were told of both."""
    current, last = live.current(place.name), live.last_rollout(place.name)
    if current is not None:
        live.settle(current, last)
    return current, last


def _target(trial: RolloutRow) -> Target:
    """The challenger, as one that would become live."""
    return Target(bundle=trial.bundle, label=trial.label, delivery=trial.delivery)


def _where(live: Switch, environment: str) -> str:
    return f"{live.product} in {environment}"


def _report(live: Switch, row: RolloutRow) -> RolloutReport:
    current = live.current(row.environment)
    if current is None:
        raise nothing_beside(live.product, row.environment)
    running = decide.running(current, row) is not None
    against: tuple[str, ...] = ()
    if running and row.mode == decide.SHADOW:
        bundles = live.bundle(current.bundle), live.bundle(row.bundle)
        against = tuple(against_a_share(*bundles))
    return RolloutReport(rollout=row, champion=current, running=running, against_a_share=against)
