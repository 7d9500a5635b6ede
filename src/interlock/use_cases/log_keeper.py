"""The process beside a service that ships and compacts its log, and removes what is too old.

``python -m interlock.use_cases.log_keeper PROJECT ENVIRONMENT PRODUCT`` runs until its standard
input ends, which is when whoever started it is gone.

Invariants: no request waits for it, and it has the lower priority; what goes wrong is left for the
service to tell (:mod:`interlock.serve.log.shipping_state`), said once on standard error, and tried
again; it may be killed at any moment.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from interlock.clock import DAY, SECOND, now, parse_span
from interlock.errors import InterlockError, first_line
from interlock.pipeline.erasing.log_acts import RETAINED
from interlock.serve.log.shipping_state import ShippingState, read_state, write_state
from interlock.use_cases.log import compact_log, ship_log
from interlock.use_cases.log_erase import retain
from interlock.workspace import Workspace

_NICENESS = 10
_RETAIN_EVERY = DAY


@dataclass(kw_only=True)
class LogKeeper:
    """Ships and retains one log whenever it is told to look."""

    workspace: Workspace
    environment: str
    product: str
    said: str = field(default="", init=False)  # the last problem told
    compacted_on: int = field(default=-1, init=False)  # a day since 1970

    @property
    def every_seconds(self) -> float:
        """The time between two looks."""
        return parse_span(self.workspace.settings.log.every) / SECOND

    def look(self) -> None:
        """Ship what is finished; once a day compact it, remove what is too old. Never raises.

        What keeps one from being done keeps none of the others: above all, records that are too
        old go though nothing can be shipped.
        """
        log = self.workspace.places.log(self.environment, self.product)
        before = read_state(log) or ShippingState(tried_at=0)
        moment = now()
        steps = (self._ship, partial(self._compact, moment), partial(self._retain, moment))
        problem = next(filter(None, [_problem(step) for step in steps]), "")
        self._leave(
            log,
            ShippingState(
                tried_at=moment,
                shipped_at=before.shipped_at if problem else moment,
                failures=before.failures + 1 if problem else 0,
                problem=problem,
            ),
        )

    def _ship(self) -> None:
        settings = self.workspace.settings.log
        if settings.ship is None:
            return
        place = settings.directory
        ship_log(
            self.workspace,
            self.product,
            environment=self.environment,
            to=settings.ship,
            directory=place / self.environment / self.product if place else None,
            recorded=False,
        )

    def _compact(self, moment: int) -> None:
        """Once a day, and when the process begins."""
        settings, day = self.workspace.settings.log, moment // DAY
        if settings.ship is not None and settings.compact and day != self.compacted_on:
            compact_log(self.workspace, self.product, environment=self.environment, recorded=False)
            self.compacted_on = day

    def _retain(self, moment: int) -> None:
        span = self.workspace.settings.log.retain
        if span is None:
            return
        acts = self.workspace.ledger.events(
            kind=RETAINED, product=self.product, subject=self.environment
        )
        if not acts or acts[-1].at <= moment - _RETAIN_EVERY:
            retain(self.workspace, self.product, environment=self.environment, older_than=span)

    def _leave(self, log: Path, state: ShippingState) -> None:
        try:
            if log.is_dir():
                write_state(log, state)
        except InterlockError as error:  # a full disk: the metrics show that nothing is shipped
            state = ShippingState(tried_at=state.tried_at, problem=state.problem or str(error))
        if state.problem and state.problem != self.said:
            print(f"shipping the prediction log: {state.problem}", file=sys.stderr, flush=True)
        self.said = state.problem


def _problem(step: Callable[[], None]) -> str:
    """Do it; what went wrong, "" where nothing did."""
    try:
        step()
    except InterlockError as error:
        return first_line(error)
    except Exception as error:  # noqa: BLE001 - the top of this process
        return f"{type(error).__name__}: {error}"[:500]
    return ""


def keep(keeper: LogKeeper, ended: Callable[[float], bool]) -> None:
    """Look, and look again after each span, until ``ended``, which waits so many seconds."""
    keeper.look()
    while not ended(keeper.every_seconds):
        keeper.look()


def main(arguments: list[str], environ: Mapping[str, str]) -> None:
    """Keep the log of a project's environment and product."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: it ends with its starter
    os.nice(_NICENESS)
    project, environment, product = arguments
    workspace = Workspace.open(Path(project), environ)
    keep(LogKeeper(workspace=workspace, environment=environment, product=product), _input_ended)


def _input_ended(seconds: float) -> bool:
    """Nobody ever writes to this process: its input is readable when its starter is gone."""
    return bool(select.select([sys.stdin.fileno()], [], [], seconds)[0])


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
    # Whoever stops the service waits for this. The interpreter would take most of a second of the
    # processor to end, which on a busy machine, with the lower priority, may be a minute.
    os._exit(0)
