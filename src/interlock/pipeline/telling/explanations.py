"""What a delivery has to tell of what its winner leans on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.pipeline.building.explaining import explained_metric, trace_inputs, weigh_inputs
from interlock.pipeline.context import Context, Outcome
from interlock.report import content as report
from interlock.verdict import Interval

_CURVE = ("mean", "low", "high", "decile_low", "decile_high", "deciles")


def tell_explanations(context: Context, examples: Outcome, trained: Outcome) -> report.Explanations:
    """The importance of every input of the winner, and the partial dependence of the first few."""
    product = context.bound.product
    weights = weigh_inputs(context, examples, trained).output
    traced = trace_inputs(context, examples, trained).output
    metric, unit = explained_metric(context.bound), getattr(product.target, "unit", "")
    found = [_importance(name, [name], w, weights) for name, w in weights["inputs"].items()]
    found += [
        _importance(name, w["inputs"], w, weights) for name, w in weights["histories"].items()
    ]
    return report.Explanations(
        metric=report.Metric(
            name=metric.name,
            lower_is_better=metric.better == "lower",
            unit=metric.unit_shown(unit),
        ),
        rows=weights["rows"],
        importances=tuple(
            sorted((i for i in found if i is not None), key=lambda i: (-i.loss.value, i.name))
        ),
        dependences=tuple(_dependence(context, row) for row in traced["dependences"]),
        target=product.target.name,
        target_unit=unit,
    )


def _importance(
    name: str, inputs: list[str], loss: Mapping[str, Any], weights: Mapping[str, Any]
) -> report.InputImportance | None:
    if loss["mean"] is None:
        return None
    ends = None if loss["low"] is None else Interval(low=loss["low"], high=loss["high"])
    n = weights["rows"]
    return report.InputImportance(
        name=name,
        inputs=tuple(inputs),
        loss=Estimate(value=loss["mean"], interval=ends, n=n, units=n),
    )


def _dependence(context: Context, row: Mapping[str, Any]) -> report.Dependence:
    units = {f.name: f.unit for f in context.bound.schema.fields}
    units |= {d.name: d.unit for d in context.bound.features.request}
    return report.Dependence(
        name=row["name"],
        of=row["of"],
        unit=units.get(row["name"], ""),
        points=tuple(row.get("points", ())),
        labels=tuple(row.get("labels", ())),
        **{key: tuple(row[key]) for key in _CURVE},
    )
