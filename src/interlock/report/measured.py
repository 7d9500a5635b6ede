"""Measured values in words: one text, or the cells of a table.

>>> from interlock.verdict import Interval
>>> found = Estimate(value=0.142, interval=Interval(low=0.137, high=0.147), n=900, units=900)
>>> estimate_text(found, "%")
'14.2 % (13.7–14.7)'
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from interlock.evaluate.compare import Estimate
from interlock.report.blocks import Cell
from interlock.report.charts.svg import tag
from interlock.report.content import ClassesSummary, Metric, RegressionSummary
from interlock.report.names import shown
from interlock.report.numbers import in_unit, measure, reach, significant, united


def estimate_text(found: Estimate | None, unit: str = "") -> str:
    """'14.2 % (13.7–14.7)'."""
    if found is None:
        return "no score"
    value, ends, _ = estimate_cells(found, unit)
    return f"{value} ({ends})" if ends else value


def aligned(found: Sequence[Estimate], unit: str = "") -> list[str]:
    """The texts of estimates that stand under each other: as many decimals as the largest needs.

    >>> found = [Estimate(value=v, interval=None, n=9, units=9) for v in (0.0852, 0.000968)]
    >>> aligned(found, "%")
    ['8.5 %', '0.1 %']
    """
    shown_values = [in_unit(one.value, unit) for one in found]
    largest = max((abs(v) for v in shown_values if math.isfinite(v)), default=0.0)
    least = 1 if unit == "%" else 0
    decimals = max(least, 1 - math.floor(math.log10(largest))) if largest else 0
    texts = []
    for value, one in zip(shown_values, found, strict=True):
        text = united(_fixed(value, decimals), unit)
        if one.interval is not None:
            low, high = (in_unit(end, unit) for end in (one.interval.low, one.interval.high))
            joint = " to " if low < 0 or high < 0 else "–"
            text += f" ({_fixed(low, decimals)}{joint}{_fixed(high, decimals)})"
        texts.append(text)
    return texts


def _fixed(value: float, decimals: int) -> str:
    """So many decimals, and no sign before a zero."""
    if not math.isfinite(value):
        return significant(value)
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def estimate_markup(found: Estimate | None, unit: str = "") -> Cell:
    """The value, and its interval under it, for a cell of a table; a dash where there is none."""
    if found is None:
        return "–"
    value, ends, _ = estimate_cells(found, unit)
    return tag("span", value, tag("span", f" {ends}", class_="under"), class_="nowrap")


def estimate_cells(found: Estimate | None, unit: str = "") -> tuple[str, str, str]:
    """The value, the ends of its interval, and its rows."""
    if found is None:
        return "no score", "", ""
    ends = "" if found.interval is None else reach(found.interval.low, found.interval.high, unit)
    return written(found.value, unit), ends, f"{found.n:,}"


def written(value: float, unit: str) -> str:
    """Shares to a tenth of a per cent, so that a column of them lines up."""
    share = unit == "%" and 0.001 <= abs(value) < 10
    return f"{value * 100:.1f} %" if share else measure(value, unit)


def better(metric: Metric) -> str:
    """The same in words: 'lower', 'higher', 'near 1'."""
    if metric.best is not None:
        return f"near {measure(metric.best, metric.unit)}"
    return "lower" if metric.lower_is_better else "higher"


def event(target: str, value: str) -> str:
    """What has a probability: 'late' for a flag that is true, else 'weather = rain'."""
    return f"“{target}”" if value == "True" else f"“{target} = {value}”"


def limits_of(metric: Metric) -> list[tuple[float, bool, str]]:
    """The declared limits of a metric: value, whether above it is wrong, and its text.

    >>> limits_of(Metric(name="mdape", limit=0.15, unit="%"))
    [(0.15, True, '≤ 15 %')]
    """
    if metric.limit is None:
        return []
    below = (metric.limit, False, f"≥ {measure(metric.limit, metric.unit)}")
    if metric.upper is not None:
        return [below, (metric.upper, True, f"≤ {measure(metric.upper, metric.unit)}")]
    if metric.lower_is_better:
        return [(metric.limit, True, f"≤ {measure(metric.limit, metric.unit)}")]
    return [below]


def direction(metric: Metric) -> str:
    """Which values are better: an arrow down, up, or to the best value."""
    if metric.best is not None:
        return f"→ {measure(metric.best, metric.unit)}"
    return "↓" if metric.lower_is_better else "↑"


def error_unit(made: RegressionSummary | ClassesSummary) -> str:
    """The unit of the errors that the pictures of the test rows show."""
    if isinstance(made, ClassesSummary) or made.relative:
        return "%"
    return made.unit


def error_name(made: RegressionSummary | ClassesSummary, *, signed: bool = False) -> str:
    """What those errors are called."""
    if isinstance(made, ClassesSummary):
        return "share of wrong answers"
    kind = "error" if signed else "median absolute error"
    if made.relative:
        return f"{kind}, % of the true {shown(made.target, limit=24)}"
    return f"{kind}, {made.unit}" if made.unit else kind
