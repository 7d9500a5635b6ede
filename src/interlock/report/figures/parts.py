"""Errors in parts of the test rows: over time, and by slice."""

from __future__ import annotations

from interlock.evaluate.compare import Estimate
from interlock.report.blocks import Figure
from interlock.report.charts.intervals import Row, both
from interlock.report.charts.references import Reference
from interlock.report.charts.series import series
from interlock.report.content import ClassesSummary, Period, RegressionSummary, SliceError
from interlock.report.measured import error_name, error_unit, estimate_cells, written
from interlock.report.names import shown
from interlock.report.numbers import percent
from interlock.wording import counted

_MOST_SLICES = 24
_FEWEST = 10  # rows; an error of fewer says nothing about a slice


def over_time(made: RegressionSummary | ClassesSummary) -> Figure | None:
    """The error by month or week, with the rows it rests on."""
    known = [period for period in made.periods if period.error is not None]
    if not known:
        return None
    unit = error_unit(made)
    name = error_name(made)
    title = "Error over time"
    return Figure(
        title=title,
        drawing=series(title, made.periods, axis=name, percent=unit == "%"),
        head=("begins", name, "95 % interval", "rows"),
        rows=tuple(_period_cells(period, unit) for period in made.periods),
        note="Band: 95 % interval. Bars: rows.",
    )


def coverage(made: RegressionSummary) -> Figure | None:
    """How often the prediction interval held the truth, by month or week."""
    known = [period for period in made.coverage_periods if period.error is not None]
    if not known:
        return None
    title = "Coverage of the prediction intervals over time"
    reference = None
    if made.promised is not None:
        reference = (made.promised, f"promised {percent(made.promised)}")
    name = "rows whose truth lies in their interval"
    return Figure(
        title=title,
        drawing=series(
            title, made.coverage_periods, axis=name, percent=True, reference=reference, zero=False
        ),
        head=("begins", name, "95 % interval", "rows"),
        rows=tuple(_period_cells(period, "%") for period in made.coverage_periods),
        note="Band: 95 % interval. Bars: rows.",
    )


def by_slice(made: RegressionSummary | ClassesSummary) -> Figure | None:
    """The error of each slice, the worst first, against all rows."""
    if not made.slices:
        return None
    unit = error_unit(made)
    judged = [found for found in made.slices if found.error.n >= _FEWEST]
    if not judged:
        return None
    worst = sorted(judged, key=lambda s: (-s.error.value, s.column, s.label))
    overall = made.overall
    limit = float("inf") if overall is None else overall.value
    rows = [_slice_row(found, unit, limit) for found in worst[:_MOST_SLICES]]
    references = [] if overall is None else [_overall(overall, unit)]
    title = "Error by slice, the worst first"
    wide, narrow = both(
        title,
        rows,
        references=references,
        axis=error_name(made),
        percent=unit == "%",
        zero=True,
    )
    left_out = len(worst) - len(rows)
    more = f" {counted(left_out, 'better slice')} not drawn." if left_out else ""
    few = len(made.slices) - len(judged)
    more += f" {counted(few, 'slice')} of fewer than {_FEWEST} rows not drawn." if few else ""
    return Figure(
        title=title,
        drawing=wide,
        narrow=narrow,
        head=("slice", error_name(made), "95 % interval", "rows"),
        rows=tuple((_slice_name(s), *estimate_cells(s.error, unit)) for s in worst[:_MOST_SLICES]),
        note="Bold: worse than all rows together, by the whole of its 95 % interval." + more,
    )


def _period_cells(period: Period, unit: str) -> tuple[str, ...]:
    if period.error is None:
        return shown(period.label), "no rows", "", f"{period.n:,}"
    value, reach, _ = estimate_cells(period.error, unit)
    return shown(period.label), value, reach, f"{period.n:,}"


def _slice_name(found: SliceError) -> str:
    return f"{shown(found.column, limit=40)} = {shown(found.label, limit=40)}"


def _overall(found: Estimate, unit: str) -> Reference:
    text = f"all rows {written(found.value, unit)}"
    return Reference(value=found.value, text=text, class_="overall")


def _slice_row(found: SliceError, unit: str, limit: float) -> Row:
    value, _, n = estimate_cells(found.error, unit)
    text = f"{value} · n {n}" if n else value
    interval = found.error.interval
    worse = interval is not None and interval.low > limit
    return Row(name=_slice_name(found), text=text, estimate=found.error, emphasised=worse)
