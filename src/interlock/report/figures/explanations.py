"""What the winner leans on, and how its prediction moves with an input."""

from __future__ import annotations

from collections.abc import Sequence

from interlock.evaluate.compare import Estimate
from interlock.report.blocks import Figure
from interlock.report.charts.dependence import dependence
from interlock.report.charts.intervals import Row, both, intervals
from interlock.report.content import Dependence, Explanations, InputImportance
from interlock.report.measured import aligned, estimate_cells, event, written
from interlock.report.names import shown
from interlock.report.numbers import plain_number, reach
from interlock.verdict import Interval
from interlock.wording import counted

_MOST = 12  # drawn; the table holds all
_SMALL = 400  # width of a figure that stands beside another


def importance(made: Explanations) -> Figure | None:
    """What the metric loses without each input, the most important first."""
    inputs = [found for found in made.importances if len(found.inputs) == 1]
    return _losses(made, inputs, "Importance of the inputs")


def histories(made: Explanations) -> Figure | None:
    """The same of the aggregates of a history, shuffled together."""
    found = [one for one in made.importances if len(one.inputs) > 1]
    return _losses(made, found, "Importance of each history")


def _losses(made: Explanations, found: Sequence[InputImportance], title: str) -> Figure | None:
    if not found:
        return None
    unit = made.metric.unit
    drawn = found[:_MOST]
    texts = aligned([one.loss for one in drawn], unit)
    rows = [_row(one, text) for one, text in zip(drawn, texts, strict=True)]
    axis = f"how much worse {made.metric.name} gets when the input is shuffled"
    axis += f", {unit}" if unit not in ("", "1", "%") else ""
    wide, narrow = both(title, rows, axis=axis, percent=unit == "%", zero=True)
    left_out = len(found) - len(rows)
    note = (
        f"On {counted(made.rows, 'test row')}. A line is a 95 % interval; where it holds 0, and the"
        " name is not bold, it may be chance. Inputs that tell the same share what they are worth;"
        " nothing is said of cause."
    )
    if left_out:
        note += f" {counted(left_out, 'less important one')} in the table only."
    return Figure(
        title=title,
        drawing=wide,
        narrow=narrow,
        head=("input", f"loss of {made.metric.name}", "95 % interval", "rows"),
        rows=tuple((_name(one), *estimate_cells(one.loss, unit)) for one in found),
        note=note,
    )


def _name(one: InputImportance) -> str:
    many = f" ({counted(len(one.inputs), 'aggregate')})" if len(one.inputs) > 1 else ""
    return f"{shown(one.name, limit=60)}{many}"


def _row(one: InputImportance, text: str) -> Row:
    sure = one.loss.interval is not None and one.loss.interval.low > 0
    return Row(name=_name(one), text=text, estimate=one.loss, emphasised=sure)


def dependences(made: Explanations, most: int) -> list[Figure]:
    """How the mean prediction moves with each of the ``most`` important inputs."""
    return [_dependence(made, one) for one in made.dependences[:most] if one.mean]


def _dependence(made: Explanations, one: Dependence) -> Figure:
    unit = "%" if one.of else made.target_unit
    target = shown(made.target, limit=24)
    what = f"probability of {event(target, one.of)}" if one.of else f"predicted {target}"
    up = f"mean {what}" + (f", {unit}" if unit not in ("", "1", "%") else "")
    across = shown(one.name, limit=40) + (f", {one.unit}" if one.unit not in ("", "1") else "")
    title = f"{what[:1].upper()}{what[1:]} by {shown(one.name, limit=40)}"
    note = "Dark band: 95 % interval of the mean. Light band: eight of ten rows."
    if one.points:
        drawn = dependence(title, one, across=across, up=up, percent=unit == "%")
        names = [plain_number(point) for point in one.points]
        note += " Strokes at the foot: deciles of the rows."
    else:
        names = [shown(label, limit=40) for label in one.labels]
        rows = [_value(name, one, i, unit) for i, name in enumerate(names)]
        drawn = intervals(title, rows, axis=up, percent=unit == "%", width=_SMALL)
        note = "A line is the 95 % interval of the mean."
    return Figure(
        title=title,
        drawing=drawn,
        head=(across, f"mean {what}", "95 % interval", "eight of ten rows"),
        rows=tuple(_cells(name, one, i, unit) for i, name in enumerate(names)),
        note=note,
    )


def _value(name: str, one: Dependence, i: int, unit: str) -> Row:
    interval = Interval(low=one.low[i], high=one.high[i])
    estimate = Estimate(value=one.mean[i], interval=interval, n=0, units=0)
    return Row(name=name, text=written(one.mean[i], unit), estimate=estimate)


def _cells(name: str, one: Dependence, i: int, unit: str) -> tuple[str, ...]:
    return (
        name,
        written(one.mean[i], unit),
        reach(one.low[i], one.high[i], unit),
        reach(one.decile_low[i], one.decile_high[i], unit),
    )
