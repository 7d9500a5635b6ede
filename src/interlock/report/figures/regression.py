"""A regression's test rows: how far off the answers were, and where."""

from __future__ import annotations

from interlock.report.blocks import Figure
from interlock.report.charts.histogram import histogram
from interlock.report.charts.plane import cloud
from interlock.report.content import RegressionSummary
from interlock.report.measured import error_name
from interlock.report.numbers import percent, significant


def residuals(made: RegressionSummary) -> Figure | None:
    """How far off the answers were, and to which side."""
    bins = made.residuals
    if bins is None:
        return None
    name = error_name(made, signed=True)
    texts = [_edge(edge, made.relative) for edge in bins.edges]
    rows = [(f"below {texts[0]}", f"{bins.below:,}")]
    rows += [
        (f"{low} to {high}", f"{count:,}")
        for low, high, count in zip(texts, texts[1:], bins.counts, strict=False)
    ]
    rows.append((f"above {texts[-1]}", f"{bins.above:,}"))
    return Figure(
        title="Errors on the test rows",
        drawing=histogram("Errors on the test rows", bins, axis=name, percent=made.relative),
        head=(name, "rows"),
        rows=tuple(rows),
        note="Left of “exact” the answer was too low, right of it too high.",
    )


def predictions(made: RegressionSummary) -> Figure | None:
    """Prediction against truth, with the medians of ten groups of equal size."""
    if made.cloud is None:
        return None
    unit = f", {made.unit}" if made.unit else ""
    scale = " (logarithmic)" if made.cloud.logarithmic else ""
    drawn = cloud(
        "Predicted and true values of the test rows",
        made.cloud,
        made.deciles,
        across=f"predicted {made.target}{unit}{scale}",
        up=f"true {made.target}{unit}{scale}",
    )
    rows = (
        (f"{i}", f"{d.n:,}", significant(d.predicted, 4), significant(d.actual, 4))
        for i, d in enumerate(made.deciles, 1)
    )
    return Figure(
        title="Predicted and true values",
        drawing=drawn,
        head=("tenth by prediction", "rows", "median predicted", "median true"),
        rows=tuple(rows),
        note="Stronger colour: more rows. Dashed: perfect answers. Dots: the medians of the ten"
        " tenths of the rows, by prediction; below the dashed line the answers are too high.",
    )


def _edge(edge: float, relative: bool) -> str:
    return percent(edge) if relative else significant(edge)
