"""A plan's log, live release and application together, whatever server carries the requests."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from msgspec import structs

from interlock import clock
from interlock.errors import InterlockError
from interlock.serve.http.app import App
from interlock.serve.http.traces import Traces
from interlock.serve.ids import PredictionIds
from interlock.serve.loaded.isolated import open_isolated
from interlock.serve.loaded.load import load
from interlock.serve.log.prediction_log import LogOptions, PredictionLog
from interlock.serve.plan import ServePlan
from interlock.serve.predictor import Predictor
from interlock.serve.rollout.arms import Arms
from interlock.serve.rollout.deployed import require_deployed, require_newest, require_on_trial
from interlock.serve.rollout.exchange import Exchange, exchanging
from interlock.serve.rollout.group import Group
from interlock.serve.rollout.live import LiveRelease
from interlock.serve.rollout.pool import act_of
from interlock.serve.rollout.target import Target, target_reader
from interlock.serve.rollout.traffic import CHALLENGER
from interlock.serve.rollout.trial import try_apart
from interlock.serve.rollout.watch import enough_alone
from interlock.serve.workers.listen import read_token


@contextmanager
def opened(plan: ServePlan, path: Path) -> Iterator[App]:
    """The application of a plan, which lies at ``path``; its log is open and its release loaded.

    Raises InterlockError when the service cannot begin.
    """
    token = read_token(plan)
    group = None if plan.group is None else Group(Path(plan.group), plan.worker)
    ids, want = PredictionIds(), target_reader(plan)
    options = LogOptions(
        ack=plan.ack,
        full=plan.log_full,
        segment_bytes=plan.log_segment_bytes,
        segment_seconds=plan.log_segment_seconds,
    )
    with PredictionLog.open(Path(plan.log), plan.worker, options) as log:
        traces = Traces.open(plan.product, plan.worker) if plan.telemetry else None
        live = LiveRelease(
            want,
            partial(_prove, plan),
            partial(_load, plan, log, ids),
            partial(_try, path, want),
            partial(_join, plan, log, ids),
            resident=plan.resident,
            poll_seconds=plan.poll_seconds,
            group=group,
        )
        if group is None:  # else the parent has looked
            require_newest(want(), plan)
        live.start()
        gc.collect()
        gc.freeze()  # what is loaded by now stays: later collections need not look at it
        if plan.pointer is not None:
            live.follow()
        app = App(plan, live, log, token, group, traces)
        try:
            with exchanging(partial(_confer, live)):
                yield app
        finally:
            live.stop()
            app.close()
            if traces is not None:
                traces.close()


def _confer(live: LiveRelease) -> None:
    if live.arms is not None:
        live.arms.confer()


def _prove(plan: ServePlan, target: Target) -> None:
    """That the champion is signed as live here, or that the challenger is as set beside it."""
    if target.rival is None:
        require_deployed(target, plan)
    else:
        require_on_trial(target, plan)


def _load(plan: ServePlan, log: PredictionLog, ids: PredictionIds, target: Target) -> Predictor:
    release = load(
        target.directory,
        plan,
        digest=target.digest,
        label=target.label,
        scorer_of=open_isolated,
    )
    return Predictor(release, log, plan, ids, now=service_clock(plan))


def _join(
    plan: ServePlan,
    log: PredictionLog,
    ids: PredictionIds,
    target: Target,
    champion: Predictor,
    challenger: Predictor | None,
) -> Arms:
    """The predictors behind one door; the challenger's answers say that they are its."""
    if target.rival is None:
        return Arms(champion)
    if challenger is not None:
        marked = structs.replace(plan, arm=CHALLENGER)
        challenger = Predictor(challenger.release, log, marked, ids, now=service_clock(plan))
    enough = enough_alone(1 if plan.group is None else plan.workers)
    exchange = Exchange(Path(plan.log), plan.worker, act_of(target), enough=enough)
    return Arms(
        champion,
        challenger,
        target.rival.split,
        now=service_clock(plan),
        exchange=exchange,
        deadline=plan.challenger_seconds,
        hanging=plan.hanging_seconds,
    )


def _try(path: Path, want: Callable[[], Target], target: Target) -> None:
    def wanted() -> bool:
        try:
            return target.key in want().keys
        except InterlockError:
            return True  # the pointer cannot be read at this moment

    try_apart(path, target.directory, wanted=wanted)


def service_clock(plan: ServePlan) -> Callable[[], int]:
    """The clock of the service: the present, or in replay the given instant."""
    given = plan.clock
    if plan.replay and given is not None:
        return lambda: given
    return clock.now
