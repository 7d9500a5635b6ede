"""The declaration of one ML product: what a team writes, and nothing is run by writing it.

Invariant: constructing a Product never fails and reads nothing; ``interlock.product.binding.bind``
reports every mistake in it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interlock.data.request import Request
from interlock.data.source import Examples
from interlock.features.aggregates import History
from interlock.features.declare import RequestFeature
from interlock.product.target import Target
from interlock.train.candidate import Baseline, Candidate
from interlock.train.split import HashSplit, TimeSplit

if TYPE_CHECKING:
    from interlock.product.training_set import TrainingSet

PRODUCT_NAME = r"[a-z][a-z0-9-]{0,62}"


@dataclass(frozen=True, kw_only=True)
class Product:
    """One ML product.

    ``unit`` names the request fields that say what a prediction is about; ``yardsticks`` map a
    name to a source column shown beside the candidates and never trained on; ``weight`` is a source
    column of sample weights; ``on_failure`` a command or an http(s) address called when a delivery
    fails.
    """

    name: str = field(kw_only=False)
    request: type[Request]
    examples: Examples
    target: Target
    candidates: Mapping[str, Candidate | Baseline]
    features: Sequence[RequestFeature | History] = ()
    unit: str | tuple[str, ...] = ()
    yardsticks: Mapping[str, str] = field(default_factory=dict)
    split: TimeSplit | HashSplit | None = None
    metric: str = ""
    weight: str | None = None
    data_gate: Sequence[Any] = ()
    model_gate: Sequence[Any] = ()
    service_gate: Sequence[Any] = ()
    on_failure: str | None = None

    @property
    def unit_fields(self) -> tuple[str, ...]:
        """The unit as a tuple of request fields."""
        return (self.unit,) if isinstance(self.unit, str) else tuple(self.unit)

    @property
    def metric_name(self) -> str:
        """The declared metric, else the task's default."""
        return self.metric or self.target.default_metric

    def training_set(
        self, *, as_of: str | None = None, project_dir: str | Path = "."
    ) -> TrainingSet:
        """The rows a delivery as of that moment would train on, for a notebook.

        ``as_of`` is a date or a time with an offset (default: now). Raises AuthorError with every
        mistake of the declaration or the data.
        """
        from interlock.product.training_set import training_set  # noqa: PLC0415 - heavy imports

        return training_set(self, as_of=as_of, project_dir=Path(project_dir))
