"""Ends a rollout whose challenger was set aside for failing; on record, with the reason.

Workers stop asking such a challenger by themselves; this only makes it known: the ledger
says that the rollout ended and why, and every worker hears of it. Invariants: the service is never
waited for; what goes wrong is told and tried again; an act that somebody else was faster with
stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from interlock.clock import monotonic, now
from interlock.deploy.challenger import STOP, running, stop
from interlock.errors import InterlockError, OperatorError
from interlock.pipeline.deploying.switching import Switch
from interlock.serve.rollout.evidence import Act, Evidence, left
from interlock.store.rows import RolloutRow

EVERY_SECONDS = 1.0
AGAIN_SECONDS = 30.0  # after one that failed


class EndingFailed:
    """Looks once a second at what the workers of one environment's service say."""

    def __init__(
        self,
        live: Switch,
        environment: str,
        log: Path,
        on_trouble: Callable[[InterlockError], None],
    ) -> None:
        self._live, self._environment, self._log = live, environment, log
        self._on_trouble = on_trouble
        self._seen: set[Act] = set()
        self._due = 0.0

    def tick(self) -> None:
        """Look, if it is time. Never raises."""
        if monotonic() < self._due:
            return
        self._due = monotonic() + EVERY_SECONDS
        try:
            for found in left(self._log).values():
                if found.set_aside and found.act not in self._seen:
                    self._end(found)
                    self._seen.add(found.act)
        except InterlockError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - nothing that this does may end the service
            self._failed(_unforeseen(error))

    def _end(self, found: Evidence) -> None:
        """End the rollout that it is about, if that is still what runs.

        An end that was recorded, and of which services were not told, is made whole.
        """
        live, place = self._live, self._environment
        current, last = live.current(place), live.last_rollout(place)
        if current is None or last is None:
            return
        if running(current, last) is not None and _is_about(found.act, last):
            where = f"{live.product} in {place}"
            row = stop(current, last, where=where, at=now(), reason=f"set aside: {found.set_aside}")
            live.roll_out(row, current)
            self._on_trouble(_told(found, where))
        elif last.act == STOP and _is_about(found.act, replace(last, revision=last.revision - 1)):
            live.settle(current, last)

    def _failed(self, error: InterlockError) -> None:
        self._due = monotonic() + AGAIN_SECONDS
        self._on_trouble(error)


def _is_about(act: Act, trial: RolloutRow) -> bool:
    said = (act.generation, act.revision, act.digest)
    return said == (trial.generation, trial.revision, trial.bundle)


def _told(found: Evidence, where: str) -> OperatorError:
    return OperatorError(
        "S163",
        f"the rollout of {found.act.release} was ended: it was set aside for failing",
        where=where,
        expected="at most one failed answer in a hundred",
        got=found.set_aside,
        fix="see what the service said, and mend the release",
        untouched="the champion answers everybody, as it did for every failure",
    )


def _unforeseen(error: Exception) -> OperatorError:
    return OperatorError(
        "S163",
        "a rollout whose challenger was set aside could not be ended",
        expected="an end in the ledger",
        got=f"{type(error).__name__}: {error}",
        fix="interlock rollout stop",
        untouched="the champion answers where the challenger was set aside",
    )
