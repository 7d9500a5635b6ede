"""A stage: a pure function from digested inputs to a digested output.

Cache, resume and reproduce are this one mechanism: the output is stored under the digest of the
stage's name and inputs; the same inputs give the stored output, and the stage is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from interlock.clock import monotonic
from interlock.digest import digest_json

STAGE_FORMAT = 1  # raise when a stage's code changes what its output means


class StageResults(Protocol):
    """Where outputs are kept; the ledger is one."""

    def stage_result(self, key: str) -> Mapping[str, Any] | None:
        """The stored output, or None."""
        ...

    def record_stage_result(
        self, key: str, *, stage: str, output: Mapping[str, Any], seconds: float
    ) -> None:
        """Store an output; storing the same again changes nothing."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a stage gave: plain JSON values, and whether it had to run."""

    stage: str
    key: str
    output: Mapping[str, Any]
    cached: bool
    seconds: float


def run_stage(
    results: StageResults,
    stage: str,
    inputs: Mapping[str, Any],
    compute: Callable[[], Mapping[str, Any]],
) -> Outcome:
    """The stage's output for these inputs, from the cache where it is known."""
    key = digest_json({"format": STAGE_FORMAT, "stage": stage, "inputs": dict(inputs)})
    started = monotonic()
    known = results.stage_result(key)
    if known is not None:
        seconds = monotonic() - started
        return Outcome(stage=stage, key=key, output=known, cached=True, seconds=seconds)
    output = compute()
    seconds = monotonic() - started
    results.record_stage_result(key, stage=stage, output=output, seconds=seconds)
    return Outcome(stage=stage, key=key, output=output, cached=False, seconds=seconds)
