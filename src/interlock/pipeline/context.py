"""What the stages of one delivery share: the bound product, its stores, and a narrator."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TypeVar

from interlock.clock import monotonic, now
from interlock.digest import canonical_json, digest_json
from interlock.pipeline.narrator import Narrator
from interlock.pipeline.own_source import own_source
from interlock.store.artifacts import ArtifactStore
from interlock.store.ledger import Ledger
from interlock.store.rows import StageRow

if TYPE_CHECKING:
    from interlock.product.binding import Bound

T = TypeVar("T")

_COMPUTING = (
    "interlock",
    "duckdb",
    "sqlglot",
    "pyarrow",
    "numpy",
    "scipy",
    "tzdata",
    "onnxruntime",
    "msgspec",
    "httptools",
    "uvloop",
)
STAGE_FORMAT = 7  # raise when a stage's code changes what its output means


@cache
def versions() -> dict[str, str]:
    """What computes the stages: another version may compute otherwise, or another source of it."""
    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "source": own_source(),
    }
    for name in _COMPUTING:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a stage put out: plain JSON values, and whether it had to run."""

    stage: str
    key: str
    output: Mapping[str, Any]
    cached: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Context:
    """``as_of`` is an instant; ``cores`` bounds the threads of training.

    ``in_memory`` holds what :meth:`once` has read in this process.
    """

    bound: Bound
    ledger: Ledger
    artifacts: ArtifactStore
    as_of: int
    cores: int
    narrator: Narrator
    in_memory: dict[tuple[str, str], Any] = field(default_factory=dict, repr=False, compare=False)

    def run(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        compute: Callable[[], Mapping[str, Any]],
        *,
        keep: Callable[[Mapping[str, Any]], bool] = lambda output: True,
    ) -> Outcome:
        """A stage: a pure function from digested inputs to an output.

        Cache, resume and reproduce are this one mechanism: the output is kept under the digest of
        the stage's name, its inputs, the product, the versions of what computes it, and the source
        of this very code; the same give it again without running. An output that ``keep`` declines
        is not kept.
        """
        key = digest_json(
            {
                "format": STAGE_FORMAT,
                "stage": stage,
                "product": self.bound.product.name,
                "versions": versions(),
                "inputs": dict(inputs),
            }
        )
        started = monotonic()
        known = self.ledger.stages.get(key)
        if known is not None:
            seconds = monotonic() - started
            return Outcome(stage=stage, key=key, output=known.output, cached=True, seconds=seconds)
        output = compute()
        seconds = monotonic() - started
        if keep(output):
            row = StageRow(key=key, stage=stage, output=dict(output), seconds=seconds, at=now())
            self.ledger.stages.put(row, product=self.bound.product.name)
        return Outcome(stage=stage, key=key, output=output, cached=False, seconds=seconds)

    def once(self, what: str, digest: str, read: Callable[[], T]) -> T:
        """What ``read`` makes of the blob of that digest: read once, though many stages ask.

        Nobody may change what is returned.
        """
        key = (what, digest)
        if key not in self.in_memory:
            self.in_memory[key] = read()
        found: T = self.in_memory[key]
        return found

    def put_json(self, value: Any) -> str:
        """Store a value as canonical JSON; its digest."""
        return self.artifacts.put(canonical_json(value))

    def get_json(self, digest: str) -> Any:
        """The inverse of :meth:`put_json`; it reads JSON of any form."""
        return json.loads(self.artifacts.get(digest))
