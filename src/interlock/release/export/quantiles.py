"""A model with two quantile models beside it: three models in one graph, three scores a row."""

from __future__ import annotations

from typing import Any

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written, merged
from interlock.train.quantiles import WithQuantiles


def accepts(estimator: Any) -> bool:
    """Whether the estimator is such a model."""
    return isinstance(estimator, WithQuantiles)


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """Each model as it would be written alone, side by side."""
    parts = [builder.write(part, source) for part in estimator.parts]
    if any(part.width != 1 for part in parts):
        raise Refusal("its parts give more than one score a row")
    return Written(
        name=builder.add("Concat", *(part.name for part in parts), axis=1),
        width=len(parts),
        edges=merged([part.edges for part in parts]),
        tolerance=max(part.tolerance for part in parts),
    )
