"""The metrics that are measured of every competitor, and how a stage's output keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.evaluate.custom import metric_name
from interlock.evaluate.judge import Limit
from interlock.evaluate.metric import Metric
from interlock.gates.model.absolute import OfMetric
from interlock.product.declaration import Declaration
from interlock.product.metrics import EXPECTED_COST, metric_of, product_metrics

SHOWN_METRICS = {
    "regression": ("mdape", "mape", "mae", "rmse", "r2", "within_10", "bias"),
    "binary": ("log_loss", "brier", "roc_auc", "average_precision", "accuracy"),
    "multiclass": ("log_loss", "brier", "accuracy"),
}


def shown_names(product: Declaration, checks: Sequence[Any]) -> list[str]:
    """The metrics measured of every competitor: the one that ranks, those declared, the usual."""
    asked = [str(c.metric) for c in checks if getattr(c, "metric", None)]
    declared = [metric_name(metric) for metric in product.metrics]
    usual = [EXPECTED_COST] if EXPECTED_COST in product_metrics(product) else []
    names = [product.metric_name, *asked, *declared, *usual, *SHOWN_METRICS[product.target.task]]
    return [name for name in dict.fromkeys(names) if metric_of(product, name) is not None]


def shown(metrics: Sequence[Metric], found: Sequence[Estimate]) -> dict[str, Any]:
    """By metric: value, interval, rows; plain JSON values."""
    return {
        metric.name: {
            "value": None if e.value != e.value else e.value,
            "low": e.interval.low if e.interval else None,
            "high": e.interval.high if e.interval else None,
            "n": e.n,
            "resamples": e.resamples,
            "reason": e.reason,
        }
        for metric, e in zip(metrics, found, strict=True)
    }


def limits_of(checks: Sequence[Any]) -> dict[str, Limit]:
    """The absolute limits declared, by metric."""
    return {check.metric_name: check.within for check in checks if isinstance(check, OfMetric)}
