"""interlock serve: answer requests with what is live in an environment, until told to stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import numpy as np
from msgspec import structs

from interlock.clock import DAY, SECOND, now, parse_instant, parse_span
from interlock.errors import OperatorError
from interlock.features.definition import HistoryDefinition
from interlock.pipeline.deploying.deployer import Deployer
from interlock.pipeline.deploying.refreshing import features_of
from interlock.pipeline.places import REPLAY
from interlock.release.bundle import Bundle
from interlock.serve.http.traces import asked_for
from interlock.serve.plan import STDERR, ServePlan
from interlock.serve.workers.listen import may_listen
from interlock.serve.workers.process import start
from interlock.serve.workers.waiting import until_told
from interlock.use_cases.absence import nothing_live
from interlock.use_cases.ending_failed import EndingFailed
from interlock.use_cases.exported import Serving
from interlock.use_cases.log_keeping import LogKeeping, log_kept
from interlock.use_cases.refresher import Refresher, Trouble
from interlock.use_cases.shadowing import shadowed
from interlock.workspace import Workspace

_REPLAYS = "staging"  # prod itself never answers for the past
_MOST_GRIDS = 4_000  # refreshes prepared for a replay


def serve(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
    access_log: bool = False,
    telemetry: bool = False,
    replay: tuple[str, str] | None = None,
    on_ready: Callable[[Serving], None] = lambda serving: None,
    on_trouble: Trouble = lambda error: None,
) -> None:
    """Serve until SIGINT or SIGTERM. Blocks.

    Live, the online store is refreshed at every grid point; a refresh that fails is told by
    ``on_trouble`` and tried again, while the service answers from the one before. ``replay`` is the
    first and the last day of the past to answer for: rows then see what was known at their own
    time. Prod itself never replays; what staging runs answers instead.
    Raises OperatorError E131 when nothing is live, and what :func:`may_listen` does.
    """
    place = workspace.environment(_REPLAYS if replay and environment == "prod" else environment)
    bound = workspace.bound(product)
    deployer = workspace.deployer(bound, now())
    live = deployer.live.current(place.name)
    if live is None:
        raise nothing_live(workspace, bound.product.name, place.name, "to be served")
    deployer.live.to(live, live)
    plan = _configured(deployer.plan(place), workspace, host=host, port=port, workers=workers)
    plan = structs.replace(plan, access_log=STDERR if access_log else None)
    plan = structs.replace(plan, telemetry=telemetry or _traced(workspace))
    may_listen(plan)  # before stores are filled, which takes its time
    ticks: list[Callable[[], None]] = []
    if replay is not None:
        plan = _replayed(plan, deployer, replay, deployer.live.bundle(live.bundle))
    else:
        refresher = Refresher(deployer, place.name, on_trouble)
        refresher.look()
        ticks.append(refresher.tick)
        ticks.append(EndingFailed(deployer.live, place.name, Path(plan.log), on_trouble).tick)
    with (
        start(plan, aloud=True) as service,
        _log_kept(workspace, place.name, plan) as keeping,
        shadowed(plan, on_trouble) as shadowing,
    ):
        ticks += [] if keeping is None else [keeping.tick]
        ticks += [] if shadowing is None else [shadowing.tick]
        answering = Serving(
            url=service.url,
            product=bound.product.name,
            environment=place.name,
            label=live.label,
            replay=replay is not None,
        )
        until_told(service, partial(on_ready, answering), partial(_all, ticks))


def _all(ticks: Sequence[Callable[[], None]]) -> None:
    for tick in ticks:
        tick()


def _log_kept(
    workspace: Workspace, environment: str, plan: ServePlan
) -> AbstractContextManager[LogKeeping | None]:
    """What ships the log meanwhile; a replay's log is left alone."""
    return nullcontext() if plan.replay else log_kept(workspace, environment, plan.product)


def _configured(
    plan: ServePlan,
    workspace: Workspace,
    *,
    host: str | None,
    port: int | None,
    workers: int | None,
) -> ServePlan:
    declared, log = workspace.settings.service, workspace.settings.log
    token_file = declared.get("token_file")
    if token_file is not None:
        token_file = str(workspace.settings.project_dir / token_file)
    return structs.replace(
        plan,
        host=host or declared.get("host", plan.host),
        port=port if port is not None else declared.get("port", plan.port),
        workers=workers or declared.get("workers", plan.workers),
        ack=declared.get("ack", plan.ack),
        server=declared.get("server", plan.server),
        challenger_seconds=declared.get("challenger_ms", 1_000) / 1_000,
        token_file=token_file,
        log_full=log.full,
        log_segment_bytes=log.segment_bytes,
        log_segment_seconds=(
            parse_span(log.every) / SECOND if log.ship else plan.log_segment_seconds
        ),
    )


def _traced(workspace: Workspace) -> bool:
    """Whether the settings or OpenTelemetry's own variables ask for traces."""
    settings = workspace.settings
    return bool(settings.service.get("telemetry", False)) or asked_for(settings.environ)


def _replayed(
    plan: ServePlan, deployer: Deployer, replay: tuple[str, str], bundle: Bundle
) -> ServePlan:
    """Fill a store with every grid point of the days asked for."""
    zone = deployer.context.bound.zone or "UTC"
    first, last = (parse_instant(day, zone=zone) for day in replay)
    if last < first:
        raise OperatorError(
            "E132",
            "the replay ends before it begins",
            expected="--from no later than --until",
            got=f"{replay[0]} to {replay[1]}",
            fix="exchange the two",
        )
    instants = _instants(features_of(bundle).histories, first, last + DAY)
    deployer.refreshing.fill(REPLAY, bundle, instants=instants)
    root = deployer.places
    return structs.replace(
        plan,
        replay=True,
        clock=last,
        online=str(root.online(REPLAY, plan.product)),
        log=str(root.log(REPLAY, plan.product)),
    )


def _instants(histories: tuple[HistoryDefinition, ...], first: int, last: int) -> tuple[int, ...]:
    """Moments at which some history changes, from the first to the last."""
    found = {first, last}
    for history in histories:
        steps = np.arange(first, last + 1, history.refresh, dtype=np.int64)
        if len(steps) > _MOST_GRIDS:
            raise OperatorError(
                "E133",
                "too many refreshes to prepare for this replay",
                where=f"history {history.name}",
                expected=f"at most {_MOST_GRIDS}",
                got=str(len(steps)),
                fix="replay fewer days",
            )
        found.update(int(t) for t in steps)
    return tuple(sorted(found))
