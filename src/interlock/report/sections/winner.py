"""The winner on the test rows: how far off it was, where, and when."""

from __future__ import annotations

from interlock.report.blocks import Figure, Section, Text, section, side_by_side
from interlock.report.content import ClassesSummary, Evaluation, RegressionSummary
from interlock.report.figures import classes, parts, regression
from interlock.report.measured import estimate_text
from interlock.report.names import shown
from interlock.report.numbers import counted, percent

_MOST_METRICS = 3


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
        _without_outliers(evaluation),
        *side_by_side(*_figures(test)),
    )


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
        found = [regression.predictions(test), regression.residuals(test)]
    else:
        found = [classes.confusions(test), classes.calibration(test), *classes.curves(test)]
    return [*found, parts.over_time(test), parts.by_slice(test)]
