"""The declaration of one ML product: what a team writes, and nothing is run by writing it.

Invariant: constructing it never fails and reads nothing; ``interlock.product.binding.bind``
reports every mistake in it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from interlock.data.request_class import Request
from interlock.data.source import Examples
from interlock.evaluate.custom import DeclaredMetric, metric_name
from interlock.features.aggregates import History
from interlock.features.declare import Postprocess, RequestFeature
from interlock.features.outliers import OutlierRule, Outliers
from interlock.product.target import Target
from interlock.release.card import Card
from interlock.train.candidate import Baseline, Candidate
from interlock.train.split import HashSplit, TimeSplit

PRODUCT_NAME = r"[a-z][a-z0-9-]{0,62}"


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """One ML product.

    ``metric`` ranks the candidates; ``metrics`` are shown beside it, by name, as functions under
    ``@il.metric``, or in another unit. ``unit`` names the request fields that say what a prediction
    is about; ``yardsticks`` map a name to a source column shown beside the candidates and never
    trained on; ``weight`` is a source column of sample weights; ``postprocess`` the functions that
    turn a prediction into the one that is answered, in their order; ``explanations=False`` keeps
    the rows that answers are explained with out of the release; ``outliers`` name rows that are not
    learned from; ``not_covered`` says what is answered where the release does not cover a request:
    "null", or the "estimate" all the same; ``on_failure`` is a command or an http(s) address called
    when a delivery fails.
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
    metric: DeclaredMetric = ""
    metrics: Sequence[DeclaredMetric] = ()
    weight: str | None = None
    postprocess: Sequence[Postprocess] = ()
    explanations: bool = True
    outliers: Sequence[Outliers | OutlierRule] = ()
    not_covered: str = "null"
    data_gate: Sequence[Any] = ()
    model_gate: Sequence[Any] = ()
    service_gate: Sequence[Any] = ()
    on_failure: str | None = None
    card: Card | None = None

    @property
    def unit_fields(self) -> tuple[str, ...]:
        """The unit as a tuple of request fields."""
        return (self.unit,) if isinstance(self.unit, str) else tuple(self.unit)

    @property
    def metric_name(self) -> str:
        """The declared metric, else the task's default."""
        return metric_name(self.metric) or self.target.default_metric
