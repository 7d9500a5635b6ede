"""Services that a gate starts: each gets ready in the time that is left, and is killed after it."""

from __future__ import annotations

from typing import Protocol

from interlock.pipeline.probes.allotted import Allotted
from interlock.serve.plan import ServePlan
from interlock.serve.workers.process import MODULE, READY_SECONDS, RunningService, start


class Launch(Protocol):
    """Starts a service; another ``module`` is one that runs it in its own way."""

    def __call__(self, plan: ServePlan, *, module: str = MODULE) -> RunningService:
        """Raises OperatorError or IntegrityError when it does not get ready."""
        ...


def launching(allotted: Allotted) -> Launch:
    """Starts services that end with the time allotted, whatever they are doing."""

    def launch(plan: ServePlan, *, module: str = MODULE) -> RunningService:
        seconds = min(READY_SECONDS, allotted.remaining)
        service = start(plan, seconds=seconds, module=module)
        allotted.ends(service.process.kill)
        return service

    return launch
