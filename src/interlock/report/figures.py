"""Figures: a drawing, what it says in a sentence, and its numbers as a table.

Each function takes a part of the report's content and returns its figure, or None where there
is nothing to draw; the page then says so in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from interlock.evaluate.compare import Estimate
from interlock.report.charts.confusion import confusion
from interlock.report.charts.histogram import histogram
from interlock.report.charts.intervals import Reference, Row, intervals
from interlock.report.charts.latency import latency
from interlock.report.charts.plane import cloud, curve, reliability
from interlock.report.charts.series import series
from interlock.report.charts.timeline import timeline
from interlock.report.content import (
    CandidateKind,
    ClassesSummary,
    Data,
    Evaluation,
    Period,
    RegressionSummary,
    Service,
    SliceError,
)
from interlock.report.names import shown
from interlock.report.numbers import (
    counted,
    measure,
    moment,
    percent,
    reach,
    significant,
)

_WIDE, _NARROW = 760, 360
_MOST_SLICES = 24
_MOST_COMPETITORS = 24
_FEWEST = 10  # rows; an error of fewer says nothing about a slice
_MOST_CLASSES = 8


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A drawing with its data; ``narrow`` replaces it on small screens, where there is one."""

    title: str
    drawing: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    narrow: Markup | None = None


def forest(evaluation: Evaluation) -> Figure | None:
    """All competitors by the first metric, against its limit and the champion."""
    scored = [c for c in evaluation.candidates if c.metrics]
    if not evaluation.metrics or not scored:
        return None
    metric = evaluation.metrics[0]
    order = {kind: i for i, kind in enumerate(CandidateKind)}
    scored.sort(key=lambda c: (c.name != evaluation.winner, order[c.kind], c.name))
    rows = [
        Row(
            name=_competitor(c.name, c.kind, winner=c.name == evaluation.winner),
            text=estimate_text(c.metrics.get(metric.name), metric.unit),
            estimate=c.metrics.get(metric.name),
            kind=c.kind,
            emphasised=c.name == evaluation.winner,
        )
        for c in scored[:_MOST_COMPETITORS]
    ]
    references = _forest_references(evaluation)
    better = "lower is better" if metric.lower_is_better else "higher is better"
    axis = (
        f"{metric.name}, {better}"
        if metric.unit in ("", "1", "%")
        else (f"{metric.name} in {metric.unit}, {better}")
    )
    title = f"Candidates by {metric.name}, with 95 % intervals"
    wide, narrow = (
        intervals(
            title,
            rows,
            references=references,
            axis=axis,
            percent=metric.unit == "%",
            width=width,
        )
        for width in (_WIDE, _NARROW)
    )
    return Figure(
        title=title,
        drawing=wide,
        narrow=narrow,
        head=("competitor", metric.name, "95 % interval", "rows"),
        rows=tuple((row.name, *_estimate_cells(row.estimate, metric.unit)) for row in rows),
        note="Circle: candidate. Square: baseline. Diamond: champion. Triangle: yardstick."
        " A line is a 95 % interval.",
    )


def _forest_references(evaluation: Evaluation) -> list[Reference]:
    metric = evaluation.metrics[0]
    found = []
    if metric.limit is not None:
        sign = "≤" if metric.lower_is_better else "≥"
        found.append(
            Reference(
                value=metric.limit,
                text=f"limit {sign} {measure(metric.limit, metric.unit)}",
                bad_above=metric.lower_is_better,
            )
        )
    for c in evaluation.candidates:
        if c.kind is CandidateKind.CHAMPION and metric.name in c.metrics:
            value = c.metrics[metric.name].value
            text = f"champion {_value(value, metric.unit)}"
            found.append(Reference(value=value, text=text, class_="champion-line"))
    return found


def residuals(made: RegressionSummary) -> Figure | None:
    """How far off the answers were, and to which side."""
    bins = made.residuals
    if bins is None:
        return None
    name = _error_name(made, signed=True)
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


def over_time(made: RegressionSummary | ClassesSummary) -> Figure | None:
    """The error by month or week, with the rows it rests on."""
    known = [period for period in made.periods if period.error is not None]
    if not known:
        return None
    unit = _unit(made)
    name = _error_name(made)
    title = "Error over time"
    return Figure(
        title=title,
        drawing=series(title, made.periods, axis=name, percent=unit == "%"),
        head=("begins", name, "95 % interval", "rows"),
        rows=tuple(_period_cells(period, unit) for period in made.periods),
        note="Band: 95 % interval. Bars: rows.",
    )


def by_slice(made: RegressionSummary | ClassesSummary) -> Figure | None:
    """The error of each slice, the worst first, against all rows."""
    if not made.slices:
        return None
    unit = _unit(made)
    judged = [found for found in made.slices if found.error.n >= _FEWEST]
    if not judged:
        return None
    worst = sorted(judged, key=lambda s: (-s.error.value, s.column, s.label))
    overall = made.overall
    limit = float("inf") if overall is None else overall.value
    rows = [_slice_row(found, unit, limit) for found in worst[:_MOST_SLICES]]
    references = [] if overall is None else [_overall(overall, unit)]
    title = "Error by slice, the worst first"
    wide, narrow = (
        intervals(
            title,
            rows,
            references=references,
            axis=_error_name(made),
            percent=unit == "%",
            zero=True,
            width=width,
        )
        for width in (_WIDE, _NARROW)
    )
    left_out = len(worst) - len(rows)
    more = f" {counted(left_out, 'better slice')} not drawn." if left_out else ""
    few = len(made.slices) - len(judged)
    more += f" {counted(few, 'slice')} of fewer than {_FEWEST} rows not drawn." if few else ""
    return Figure(
        title=title,
        drawing=wide,
        narrow=narrow,
        head=("slice", _error_name(made), "95 % interval", "rows"),
        rows=tuple((_slice_name(s), *_estimate_cells(s.error, unit)) for s in worst[:_MOST_SLICES]),
        note="Bold: worse than all rows together, by the whole of its 95 % interval." + more,
    )


def calibration(made: ClassesSummary) -> Figure | None:
    """Whether a probability means what it says."""
    if not made.reliability:
        return None
    binary = len(made.classes) == 2
    event = f"“{shown(made.classes[1], limit=24)}”" if binary else "the answered class"
    across, up = f"predicted probability of {event}", f"how often {event} was true"
    title = "Reliability of the probabilities"
    ece = made.calibration_error
    note = "Dashed: probabilities that mean what they say."
    if ece is not None:
        note += f" Expected calibration error {percent(ece)}."
    return Figure(
        title=title,
        drawing=reliability(title, made.reliability, across=across, up=up),
        head=("predicted", "observed", "95 % interval", "rows"),
        rows=tuple(
            (percent(b.predicted), *_estimate_cells(b.observed, "%")) for b in made.reliability
        ),
        note=note,
    )


def curves(made: ClassesSummary) -> list[Figure]:
    """ROC and precision–recall, for two classes."""
    found = []
    if made.roc is not None:
        title = "ROC curve"
        drawn = curve(
            title,
            made.roc,
            across="false positive rate",
            up="true positive rate",
            chance=None,
            note=f"area {significant(made.roc.area)}",
        )
        head = ("false positive rate", "true positive rate")
        found.append(_curve_figure(title, drawn, head, made.roc.points))
    if made.precision_recall is not None:
        title = "Precision and recall"
        drawn = curve(
            title,
            made.precision_recall,
            across="recall: found of all positives",
            up="precision: right of all found",
            chance=made.positive_share,
            note=f"average precision {significant(made.precision_recall.area)}",
        )
        found.append(
            _curve_figure(title, drawn, ("recall", "precision"), made.precision_recall.points)
        )
    return found


def confusions(made: ClassesSummary) -> Figure | None:
    """What was answered for what was true."""
    if not made.n:
        return None
    classes, counts = _merged(made.classes, made.confusion)
    title = "What was answered for what was true"
    return Figure(
        title=title,
        drawing=confusion(title, classes, counts),
        head=("true", *(f"answered {shown(name, limit=40)}" for name in classes)),
        rows=tuple(
            (shown(name, limit=40), *(f"{n:,}" for n in row))
            for name, row in zip(classes, counts, strict=True)
        ),
        note="Percentages are of the true class.",
    )


def split(data: Data, zone: str) -> Figure | None:
    """The parts of the split along time."""
    dated = [p for p in data.splits if p.start is not None and p.end is not None]
    if not dated:
        return None
    title = "Split of the usable rows"
    return Figure(
        title=title,
        drawing=timeline(title, data.splits, zone=zone),
        head=("part", "rows", "from", "to"),
        rows=tuple(
            (
                shown(part.name),
                f"{part.rows:,}",
                "" if part.start is None else moment(part.start, zone=zone),
                "" if part.end is None else moment(part.end, zone=zone),
            )
            for part in data.splits
        ),
        note="Gaps are rows left out because their outcomes were not yet known.",
    )


def latencies(service: Service) -> Figure | None:
    """Latency by window, against the limit."""
    if not service.latency:
        return None
    title = "Latency by window"
    return Figure(
        title=title,
        drawing=latency(title, service.latency, limit=service.latency_limit_ms),
        head=("window", "requests", "p50, ms", "p95, ms", "p99, ms"),
        rows=tuple(
            (
                shown(w.label),
                f"{w.n:,}",
                *(significant(value) for value in (w.p50, w.p95, w.p99)),
            )
            for w in service.latency
        ),
        note="Hollow circle: half of the requests were faster. Full circle: 95 %. Diamond: 99 %.",
    )


def _competitor(name: str, kind: CandidateKind, *, winner: bool) -> str:
    return f"{shown(name, limit=60)} · {'winner' if winner else kind.value}"


def estimate_text(found: Estimate | None, unit: str = "") -> str:
    """'14.2 % (13.7–14.7)'."""
    if found is None:
        return "no score"
    value, ends, _ = _estimate_cells(found, unit)
    return f"{value} ({ends})" if ends else value


def _estimate_cells(found: Estimate | None, unit: str = "") -> tuple[str, str, str]:
    if found is None:
        return "no score", "", ""
    ends = "" if found.interval is None else reach(found.interval.low, found.interval.high, unit)
    return _value(found.value, unit), ends, f"{found.n:,}"


def _value(value: float, unit: str) -> str:
    """Shares to a tenth of a per cent, so that a column of them lines up."""
    share = unit == "%" and 0.001 <= abs(value) < 10
    return f"{value * 100:.1f} %" if share else measure(value, unit)


def _unit(made: RegressionSummary | ClassesSummary) -> str:
    if isinstance(made, ClassesSummary) or made.relative:
        return "%"
    return made.unit


def _error_name(made: RegressionSummary | ClassesSummary, *, signed: bool = False) -> str:
    if isinstance(made, ClassesSummary):
        return "share of wrong answers"
    kind = "error" if signed else "median absolute error"
    if made.relative:
        return f"{kind}, % of the true {shown(made.target, limit=24)}"
    return f"{kind}, {made.unit}" if made.unit else kind


def _edge(edge: float, relative: bool) -> str:
    return percent(edge) if relative else significant(edge)


def _period_cells(period: Period, unit: str) -> tuple[str, ...]:
    if period.error is None:
        return shown(period.label), "no rows", "", f"{period.n:,}"
    value, reach, _ = _estimate_cells(period.error, unit)
    return shown(period.label), value, reach, f"{period.n:,}"


def _slice_name(found: SliceError) -> str:
    return f"{shown(found.column, limit=40)} = {shown(found.label, limit=40)}"


def _overall(found: Estimate, unit: str) -> Reference:
    text = f"all rows {_value(found.value, unit)}"
    return Reference(value=found.value, text=text, class_="overall")


def _slice_row(found: SliceError, unit: str, limit: float) -> Row:
    value, _, n = _estimate_cells(found.error, unit)
    text = f"{value} · n {n}" if n else value
    interval = found.error.interval
    worse = interval is not None and interval.low > limit
    return Row(name=_slice_name(found), text=text, estimate=found.error, emphasised=worse)


def _curve_figure(
    title: str, drawn: Markup, head: tuple[str, str], points: Sequence[tuple[float, float]]
) -> Figure:
    every = max(1, len(points) // 20)
    kept = [*points[::every], points[-1]] if points else []
    rows = dict.fromkeys((percent(a), percent(b)) for a, b in kept)
    return Figure(title=title, drawing=drawn, head=head, rows=tuple(rows))


def _merged(
    classes: Sequence[str], counts: Sequence[Sequence[int]]
) -> tuple[list[str], list[list[int]]]:
    """The classes with the most rows, and all others as one."""
    if len(classes) <= _MOST_CLASSES:
        return list(classes), [list(row) for row in counts]
    order = sorted(range(len(classes)), key=lambda i: (-sum(counts[i]), classes[i]))
    kept = sorted(order[: _MOST_CLASSES - 1])
    where = {old: new for new, old in enumerate(kept)}
    last = len(kept)
    merged = [[0] * (last + 1) for _ in range(last + 1)]
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            merged[where.get(i, last)][where.get(j, last)] += n
    return [*(classes[i] for i in kept), f"{len(classes) - last} others"], merged
