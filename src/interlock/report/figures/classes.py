"""A classifier's test rows: what was answered, and what its probabilities mean."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from interlock.evaluate.compare import Estimate
from interlock.report.blocks import Figure
from interlock.report.charts.confusion import confusion
from interlock.report.charts.plane import curve, reliability, reliability_end
from interlock.report.charts.threshold import threshold, threshold_end
from interlock.report.content import ClassesSummary
from interlock.report.measured import estimate_cells, estimate_text, event
from interlock.report.names import shown
from interlock.report.numbers import between, percent, significant
from interlock.wording import counted

_MOST_CLASSES = 8


def confusions(made: ClassesSummary) -> Figure | None:
    """What was answered for what was true."""
    if not made.n:
        return None
    classes, counts = _merged(made.classes, made.confusion)
    title = "What was answered for what was true"
    known = len(made.confusion_shares) == len(classes)
    return Figure(
        title=title,
        drawing=confusion(title, classes, counts),
        head=("true", *(f"answered {shown(name, limit=40)}" for name in classes)),
        rows=tuple(
            (
                shown(name, limit=40),
                *(
                    _answered(n, made.confusion_shares[i][j] if known else None)
                    for j, n in enumerate(row)
                ),
            )
            for i, (name, row) in enumerate(zip(classes, counts, strict=True))
        ),
        note="Percentages are of the true class.",
    )


def calibration(made: ClassesSummary) -> Figure | None:
    """Whether a probability means what it says."""
    if not made.reliability:
        return None
    binary = len(made.classes) == 2
    what = "the likeliest class"
    if binary:
        what = event(shown(made.target, limit=24), shown(made.classes[1], limit=24))
    across, up = f"predicted probability of {what}", f"how often {what} came true"
    title = "Reliability of the probabilities"
    ece = made.calibration_error
    note = "Dashed: probabilities that mean what they say."
    end = reliability_end(made.reliability)
    if end < 1:
        note += f" Both axes end at {percent(end)}."
    if ece is not None:
        note += f" Expected calibration error {percent(ece)}."
    return Figure(
        title=title,
        drawing=reliability(title, made.reliability, across=across, up=up),
        head=("predicted", "observed", "95 % interval", "rows"),
        rows=tuple(
            (percent(b.predicted), *estimate_cells(b.observed, "%")) for b in made.reliability
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


def deciding(made: ClassesSummary) -> Figure | None:
    """What the decision was chosen by, over all thresholds; nothing for a declared number."""
    found = made.decision
    if found is None or len(found.curve) < 2:
        return None
    unit = "" if found.unit in ("", "1") else f", {found.unit} a row"
    what = f"{found.measure}{unit}"
    title = f"{found.measure.capitalize()} by threshold, on the tune rows"
    across = f"threshold for {event(made.target, made.classes[1])}"
    note = "Band: 95 % interval. Tinted: where the threshold may lie on other rows."
    end = threshold_end(found)
    if end < 1:
        note += f" Thresholds above {percent(end)} are in the numbers only."
    return Figure(
        title=title,
        drawing=threshold(title, found, across=across, up=what),
        head=("threshold", what, "95 % interval"),
        rows=tuple(
            (percent(p.threshold), significant(p.value), between(p.low, p.high))
            for p in found.curve
        ),
        note=note,
    )


def _answered(n: int, share: Estimate | None) -> str:
    """'6,363', with the share of the true class's rows and its interval where they are known."""
    return f"{n:,}" if share is None else f"{n:,}: {estimate_text(share, '%')}"


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
    return [*(classes[i] for i in kept), counted(len(classes) - last, "other")], merged
