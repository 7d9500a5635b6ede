"""The metrics a product may be judged by, by name.

A family of metrics has a number in its name: ``within_15``, ``f0.5``, ``recall_at_fpr_1``. The
metrics of :data:`METRICS` are the common ones; :func:`metric_named` knows every other.

>>> metric_named("mae").value([1.0, 2.0], [1.5, 2.5])
0.5
>>> metric_named("f2").meaning
'F2 of the answered class: recall weighs 2 times as much as precision'
>>> format_value(0.14239, metric_named("mdape").unit)
'14.24 %'
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from interlock.errors import AuthorError
from interlock.evaluate import answered, classification, ranking, ratios, regression
from interlock.evaluate.metric import CLASSES, REGRESSION, Better
from interlock.evaluate.metric import Metric as Metric
from interlock.evaluate.metric import format_value as format_value
from interlock.evaluate.predicted import Floats, Predicted
from interlock.stats.bootstrap import Statistic

BINARY = ("binary",)
MULTICLASS = ("multiclass",)
_RESAMPLES_OF_A_FIT = 500  # a regression for each resample

_Plain = Callable[..., Statistic | None]


def _of_values(plain: _Plain) -> Callable[[Floats, Predicted], Statistic | None]:
    """Of truth and predicted numbers or probabilities."""
    return lambda y, predicted: plain(y, predicted.values)


def _of_answers(plain: _Plain) -> Callable[[Floats, Predicted], Statistic | None]:
    """Of truth, answered classes and the number of classes."""

    def statistic(y: Floats, predicted: Predicted) -> Statistic | None:
        if predicted.answered is None or not classification.valid(y, predicted.values):
            return None
        return plain(y, predicted.answered, predicted.values.shape[1])

    return statistic


def _value(
    name: str, better: Better, unit: str, meaning: str, plain: _Plain, **more: Any
) -> Metric:
    """A metric of predicted values."""
    return Metric(
        name=name,
        better=better,
        tasks=REGRESSION,
        unit=unit,
        meaning=meaning,
        statistic=_of_values(plain),
        **more,
    )


def _odds(
    name: str,
    better: Better,
    meaning: str,
    plain: _Plain,
    tasks: tuple[str, ...] = CLASSES,
    unit: str = "1",
) -> Metric:
    """A metric of predicted probabilities."""
    return Metric(
        name=name,
        better=better,
        tasks=tasks,
        unit=unit,
        meaning=meaning,
        statistic=_of_values(plain),
    )


def _answer(
    name: str, meaning: str, plain: _Plain, tasks: tuple[str, ...] = CLASSES, unit: str = "%"
) -> Metric:
    """A metric of answered classes."""
    return Metric(
        name=name,
        better="higher",
        tasks=tasks,
        unit=unit,
        meaning=meaning,
        statistic=_of_answers(plain),
        of_answers=True,
    )


def _within(percent: str) -> Metric:
    near = partial(regression.within, share=float(percent) / 100)
    meaning = f"share of rows within {percent} %"
    return _value(f"within_{percent}", "higher", "%", meaning, near)


def _f(beta: str) -> Metric:
    weighs = f"recall weighs {beta} times as much as precision"
    if float(beta) == 1:
        weighs = "the harmonic mean of precision and recall"
    meaning = f"F{beta} of the answered class: {weighs}"
    return _answer(f"f{beta}", meaning, partial(answered.f_beta, beta=float(beta)), unit="1")


def _recall_at_fpr(percent: str) -> Metric:
    plain = partial(ranking.recall_at_fpr, rate=float(percent) / 100)
    meaning = f"share of positives found while marking at most {percent} % of the negatives"
    return _odds(f"recall_at_fpr_{percent}", "higher", meaning, plain, BINARY, "%")


_FAMILIES: tuple[tuple[re.Pattern[str], Callable[[str], Metric]], ...] = tuple(
    (re.compile(prefix + r"(0\.\d{1,3}|[1-9]\d?(?:\.\d{1,3})?)"), make)
    for prefix, make in (
        ("within_", _within),
        ("f", _f),
        ("recall_at_fpr_", _recall_at_fpr),
    )
)

_ALL = (
    _value("mae", "lower", "", "mean absolute error", regression.mae),
    _value("rmse", "lower", "", "root of the mean squared error", regression.rmse),
    _value("mape", "lower", "%", "mean absolute error, relative", regression.mape),
    _value("mdape", "lower", "%", "median absolute error, relative", regression.mdape),
    _value("rmsle", "lower", "1", "rmse of log(1 + value)", regression.rmsle),
    _value("r2", "higher", "1", "share of variance explained", regression.r2, signed=True),
    _value("bias", "lower", "", "size of the mean error", regression.bias),
    _value("mean_error", "target", "", "mean error, signed", regression.mean_error, target=0.0),
    _value(
        "median_relative_error",
        "target",
        "%",
        "median error, relative and signed",
        regression.median_relative_error,
        target=0.0,
    ),
    _within("5"),
    _within("10"),
    _within("20"),
    _value(
        "median_ratio", "target", "1", "median of value ÷ price", ratios.median_ratio, target=1.0
    ),
    _value("cod", "lower", "%", "dispersion of value ÷ price around its median", ratios.cod),
    _value("prd", "target", "1", "mean ratio ÷ price-weighted mean ratio", ratios.prd, target=1.0),
    _value(
        "prb",
        "target",
        "1",
        "change of the ratio as value doubles",
        ratios.prb,
        target=0.0,
        resamples=_RESAMPLES_OF_A_FIT,
    ),
    _odds("log_loss", "lower", "mean surprise, in nats", classification.log_loss),
    _odds("brier", "lower", "mean squared error of probability", classification.brier),
    _odds(
        "ece",
        "lower",
        "gap between promised and observed shares, over 10 bins of equal mass",
        classification.expected_calibration_error,
        unit="%",
    ),
    _odds("roc_auc", "higher", "chance that a positive outranks a negative", ranking.roc_auc),
    _odds(
        "average_precision", "higher", "precision averaged over recall", ranking.average_precision
    ),
    _recall_at_fpr("5"),
    _answer("accuracy", "share of rows classed right", answered.accuracy),
    _answer("precision", "share right among those answered the class", answered.precision),
    _answer("recall", "share found among those of the class", answered.recall),
    _f("1"),
    _f("2"),
    _odds(
        "roc_auc_weighted",
        "higher",
        "roc_auc, classes weighted by their rows",
        partial(ranking.roc_auc, weighted=True),
        MULTICLASS,
    ),
    _odds(
        "average_precision_weighted",
        "higher",
        "average_precision, classes weighted by their rows",
        partial(ranking.average_precision, weighted=True),
        MULTICLASS,
    ),
    _answer(
        "precision_weighted",
        "precision, classes weighted by their rows",
        partial(answered.precision, weighted=True),
        MULTICLASS,
    ),
    _answer(
        "f1_weighted",
        "f1, classes weighted by their rows",
        partial(answered.f_beta, weighted=True),
        MULTICLASS,
        "1",
    ),
)
METRICS = {metric.name: metric for metric in _ALL}


def find_metric(name: str) -> Metric | None:
    """Interlock's own metric of that name; None where there is none."""
    if name in METRICS:
        return METRICS[name]
    for pattern, make in _FAMILIES:
        if found := pattern.fullmatch(name):
            return make(found[1])
    return None


def metric_named(name: str, *, task: str | None = None) -> Metric:
    """The metric of that name, fit for ``task`` where one is given.

    Raises AuthorError M201 when there is none, M202 when it does not fit the task.
    """
    metric = find_metric(name)
    if metric is None:
        raise AuthorError(
            "M201",
            "no such metric",
            expected=", ".join(metric_names(task)),
            got=repr(name),
            fix="name one of the metrics above",
        )
    if task is not None and task not in metric.tasks:
        raise AuthorError(
            "M202",
            f"the metric {name} does not fit the task",
            expected=f"for a {task} target one of {', '.join(metric_names(task))}",
            got=name,
            fix="choose a metric that fits the target",
        )
    return metric


def metric_names(task: str | None = None) -> list[str]:
    """The common metrics for a task, in the order of the docs."""
    return [m.name for m in _ALL if task is None or task in m.tasks]
