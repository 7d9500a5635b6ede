"""The winner on the test rows: how far off it was, where, and when."""

from __future__ import annotations

from collections.abc import Iterable

from interlock.report.blocks import Cell, Figure, Section, Table, Text, section, side_by_side
from interlock.report.content import ClassesSummary, ClassScore, Evaluation, RegressionSummary
from interlock.report.figures import classes, parts, regression
from interlock.report.measured import estimate_markup, estimate_text
from interlock.report.names import shown
from interlock.report.numbers import percent, significant
from interlock.wording import counted

_MOST_METRICS = 3
_MOST_CLASSES = 40


def winner(evaluation: Evaluation | None) -> Section | None:
    """What the winner did on the test rows, in a sentence and in pictures."""
    if evaluation is None or not evaluation.candidates:
        return None
    title = "The winner on the test rows"
    if evaluation.test is None:
        return section(title, Text(text="No candidate reached the test rows."))
    test = evaluation.test
    return section(
        title,
        Text(text=_sentence(evaluation, test)),
        _decides(test),
        _without_outliers(evaluation),
        *side_by_side(*_figures(test)),
        *_by_class(test),
    )


def _decides(test: RegressionSummary | ClassesSummary) -> Text | None:
    """How the answered class is decided, where it is not the likeliest."""
    if isinstance(test, RegressionSummary) or test.decision is None:
        return None
    found = test.decision
    said = [found.rule.removesuffix(".")]
    if found.low is not None and found.high is not None:
        ends = f"{significant(found.low)} and {significant(found.high)}"
        said.append(f"other tune rows would have put it between {ends}")
    if found.value is not None:
        unit = found.unit if found.measure == "cost" else ""
        said.append(f"{found.measure} on the tune rows {estimate_text(found.value, unit)}")
    return Text(text="; ".join(said) + ".")


def _by_class(test: RegressionSummary | ClassesSummary) -> Iterable[Table]:
    """How well each class is found, the worst first."""
    if isinstance(test, RegressionSummary) or not test.scores:
        return
    ranked = sorted(test.scores, key=lambda s: (s.f1.value if s.f1 else -1.0, s.name))
    head = ("class", "rows", "precision", "recall", "F1", "Brier score", "ROC AUC")
    rows = [_class(one) for one in ranked[:_MOST_CLASSES]]
    yield Table(
        title="Each class, at the release's decision",
        head=head,
        rows=tuple(rows),
        left_out=len(ranked) - len(rows),
        more="more classes are not shown.",
    )


def _class(one: ClassScore) -> tuple[Cell, ...]:
    shares = (estimate_markup(found, "%") for found in (one.precision, one.recall, one.f1))
    numbers = (estimate_markup(found) for found in (one.brier, one.roc_auc))
    return shown(one.name, limit=60), f"{one.support:,}", *shares, *numbers


def _without_outliers(evaluation: Evaluation) -> Text | None:
    """What the metrics would be without the test rows that an outlier rule names."""
    found = evaluation.without_outliers
    if found is None:
        return None
    units = {metric.name: metric.unit for metric in evaluation.metrics[:_MOST_METRICS]}
    scores = (
        f"{shown(name, limit=40)} {estimate_text(found.metrics[name], unit)}"
        for name, unit in units.items()
        if name in found.metrics
    )
    who = f"{counted(found.named, 'test row')} named by an outlier rule"
    return Text(
        text=f"Without the {who}, which stay in all that is judged: {', '.join(scores)}.",
        quiet=True,
    )


def _sentence(evaluation: Evaluation, test: RegressionSummary | ClassesSummary) -> str:
    name = shown(evaluation.winner or "The winner", limit=60)
    said = [f"{name} on {counted(test.n, 'test row')}"]
    if test.unusable:
        said.append(f"{counted(test.unusable, 'row')} without a finite answer or truth left out")
    if isinstance(test, RegressionSummary) and test.coverage is not None:
        text = f"the prediction interval held the truth in {estimate_text(test.coverage, '%')}"
        promise = f" of the rows; promised {percent(test.promised)}" if test.promised else ""
        said.append(text + promise)
    return " · ".join(said) + "."


def _figures(test: RegressionSummary | ClassesSummary) -> list[Figure | None]:
    if isinstance(test, RegressionSummary):
        found = [regression.predictions(test), regression.residuals(test), parts.coverage(test)]
    else:
        found = [classes.confusions(test), classes.deciding(test), classes.calibration(test)]
        found += classes.curves(test)
    return [*found, parts.over_time(test), parts.by_slice(test)]
