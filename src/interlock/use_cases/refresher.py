"""What keeps an environment's online store fresh while its service runs.

Invariants: the service is never waited for, nor stopped: a refresh runs beside it, one at a time,
and what goes wrong is told and tried again; what was answered from until then goes on answering.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from interlock.clock import monotonic
from interlock.deploy.challenger import running
from interlock.errors import InterlockError, StoreError
from interlock.pipeline.deploying.deployer import Deployer
from interlock.release.bundle import Bundle

AGAIN_SECONDS = 10.0  # after a refresh that failed

Trouble = Callable[[InterlockError], None]


class Refresher:
    """Refreshes for what answers, whenever a history could answer from a later grid point."""

    def __init__(self, deployer: Deployer, environment: str, on_trouble: Trouble) -> None:
        self._deployer, self._environment = deployer, environment
        self._on_trouble = on_trouble
        self._bundles: dict[str, Bundle] = {}
        self._again_at = 0.0
        self._thread: threading.Thread | None = None

    def tick(self) -> None:
        """Look, in a thread of its own, unless one still looks or the last failure is recent."""
        busy = self._thread is not None and self._thread.is_alive()
        if busy or monotonic() < self._again_at:
            return
        self._thread = threading.Thread(target=self.look, name="refresh", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Refresh what is due now. Never raises."""
        try:
            for bundle in self._answering():
                if self._deployer.refreshing.is_due(self._environment, bundle):
                    self._deployer.refreshing.fill(self._environment, bundle)
        except InterlockError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - nothing that a refresh does may end the service
            self._failed(_unforeseen(error))
        else:
            self._again_at = 0.0

    def _answering(self) -> list[Bundle]:
        """The champion's bundle, and the challenger's while a rollout runs."""
        live = self._deployer.live
        champion = live.current(self._environment)
        trial = running(champion, live.last_rollout(self._environment))
        rows = [row for row in (champion, trial) if row is not None]
        if any(row.bundle not in self._bundles for row in rows):
            live.told(self._environment).require_proven()  # its code is run here
        self._bundles = {
            row.bundle: self._bundles.get(row.bundle) or live.bundle(row.bundle) for row in rows
        }
        return list(self._bundles.values())

    def _failed(self, error: InterlockError) -> None:
        self._again_at = monotonic() + AGAIN_SECONDS
        self._on_trouble(error)


def _unforeseen(error: Exception) -> StoreError:
    return StoreError(
        "L136",
        "a refresh of the online store failed unexpectedly",
        expected="values for the present grid point",
        got=f"{type(error).__name__}: {error}"[:500],
        fix="run 'interlock refresh' to see it; it is tried again meanwhile",
        untouched="what the service answers from",
    )
