"""How one worker stands: what it counts, what answers, how far its log is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Protocol

from interlock.serve.http.exposition import exposition
from interlock.serve.http.kept import KeptBodies
from interlock.serve.log import shipping_state
from interlock.serve.log.prediction_log import PredictionLog
from interlock.serve.metrics import Metrics, Snapshot
from interlock.serve.own_thread import OwnThread
from interlock.serve.plan import ServePlan
from interlock.serve.rollout.group import Group
from interlock.serve.rollout.live import LiveRelease


class Written(Protocol):
    """Lines that are written by the way."""

    @property
    def dropped(self) -> int:
        """How many could not be."""


class WorkerStatus:
    """One worker's counts and standing; for the thread of its event loop.

    ``in_flight`` are predictions asked for and not yet answered, ``lines`` what is written for the
    operator.
    """

    def __init__(
        self,
        plan: ServePlan,
        live: LiveRelease,
        log: PredictionLog,
        group: Group | None,
        kept: KeptBodies,
        explaining: OwnThread,
    ) -> None:
        self.in_flight = 0
        self.lines: list[Written] = []
        self.metrics = Metrics(plan.worker)
        self._arm = plan.arm
        self._live = live
        self._log = log
        self._group = group
        self._kept = kept
        self._explaining = explaining

    def stood_in(self, code: str) -> None:
        """Count one answer that the champion gave for the challenger, for that reason."""
        self.metrics.stood_in(self._live.on_trial, code)  # "": it has ended meanwhile

    def told(self) -> dict[str, Any]:
        """The body of ``GET /v1/status``."""
        predictor = self._live.predictor
        return {
            **self._live.status(),
            "in_flight": self.in_flight,
            "waiting_bytes": self._kept.total,
            "explaining_late": self._explaining.late,
            "isolated": predictor is not None and predictor.release.contract.isolated,
            "history": None if predictor is None else predictor.standing(),
            "shipping": self._shipping(),
        }

    def exposition(self) -> str:
        """The metrics of all workers: the others' as they last left them."""
        others = [] if self._group is None else self._group.published()
        return exposition([self.snapshot(), *others], self._shipping())

    def publish(self) -> None:
        """Leave the counts for the other workers, where there are any."""
        if self._group is not None:
            with suppress(OSError):  # a full disk must not end the service
                self._group.publish(self.snapshot())

    def snapshot(self) -> Snapshot:
        """What this worker has counted, and how it stands."""
        predictor = self._live.predictor
        histories = {} if predictor is None else predictor.standing().histories
        live = self._live.status()
        release = (live["release"] or "", live["digest"], self._arm, live["generation"])
        return self.metrics.snapshot(
            in_flight=self.in_flight,
            waiting_bytes=self._kept.total,
            explaining_late=self._explaining.late,
            lines_dropped=sum(lines.dropped for lines in self.lines),
            log_bytes=self._log.written,
            log_dropped=self._log.tally.dropped,
            log_unsynced=self._log.unsynced,
            staleness={name: f.age_seconds for name, f in histories.items() if f is not None},
            release=release if live["digest"] else None,
            rollout=None if (trial := live.get("rollout")) is None else _share_of(trial),
        )

    def _shipping(self) -> shipping_state.Standing | None:
        """How shipping of the log stands; a few small files are looked at."""
        with suppress(OSError):
            return shipping_state.standing(self._log.directory)
        return None


def _share_of(rollout: dict[str, Any]) -> tuple[str, str, float]:
    return rollout["release"], rollout["digest"], rollout["share"]
