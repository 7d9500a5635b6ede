"""What the author declares to be trained: candidates, and baselines as their yardstick.

>>> from sklearn.linear_model import Ridge
>>> Candidate(Ridge(), target="log").mistakes("ridge", "regression")
[]
>>> Baseline(GroupMedian("neighbourhood")).to_row()
{'rule': 'GroupMedian', 'feature': 'neighbourhood'}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, TypeAlias

from sklearn.base import clone, is_classifier

from interlock.errors import Mistake
from interlock.train.answer import Task
from interlock.train.describe import describe_estimator
from interlock.train.distribution import Choice, Distribution, FloatRange, IntRange
from interlock.train.quantiles import Quantiles, pair_flaw, quantile_flaw

_TRANSFORMS = (None, "log", "log1p")
_CALIBRATIONS = (None, "sigmoid")


@dataclass(frozen=True)
class Candidate:
    """An estimator to train.

    ``estimator`` follows scikit-learn's conventions; it is cloned, never changed. A bare one gets
    Interlock's encoder; a Pipeline is used as it is, on a pandas DataFrame of the inputs.
    ``target`` is None, "log" or "log1p": what is done to a regression's target before fitting, and
    undone after. The prediction is then a conditional median rather than a mean.
    ``calibrate="sigmoid"`` fits a classifier's probabilities to the calibrate rows, beside the
    model and in every format: slope and offset of the log odds for two classes (Platt scaling), one
    temperature for more. The order of two classes' scores, and so the ROC curve, stays as it is.
    ``quantiles=(0.1, 0.9)`` fits two models of the same kind to these quantiles of a regression's
    target, in the same graph; prediction intervals are then conformalised quantiles, as wide as
    each row's own uncertainty, instead of one width for all (Romano et al. 2019).
    ``search`` maps parameters to distributions; ``trials`` of them are scored on the tune rows.
    """

    estimator: Any
    _: KW_ONLY
    target: str | None = None
    calibrate: str | None = None
    quantiles: Quantiles | None = None
    search: Mapping[str, Distribution] | None = None
    trials: int = 20

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, canonical for digests. Raises AuthorError T104."""
        search = self.search or {}
        calibrate = {} if self.calibrate is None else {"calibrate": self.calibrate}
        return {
            "estimator": describe_estimator(self.estimator),
            "target": self.target,
            **calibrate,
            **({} if self.quantiles is None else {"quantiles": list(self.quantiles)}),
            "search": {name: search[name].to_row() for name in sorted(search)},
            "trials": self.trials if search else 0,
        }

    def mistakes(self, name: str, task: Task) -> list[Mistake]:
        """Everything that is wrong with the declaration, for a product of that task."""
        where = f"candidate {name!r}"
        found = _estimator_mistakes(self.estimator, where, task)
        if found:
            return found
        return (
            _target_mistakes(self.target, where, task)
            + _calibrate_mistakes(self.calibrate, where, task)
            + self._quantile_mistakes(where, task)
            + self._search_mistakes(where)
        )

    def _quantile_mistakes(self, where: str, task: Task) -> list[Mistake]:
        if self.quantiles is None:
            return []
        flaw = "" if task == "regression" else "a target of classes"
        flaw = flaw or pair_flaw(self.quantiles) or quantile_flaw(self.estimator)
        if not flaw:
            return []
        return [
            Mistake(
                code="T116",
                what="quantiles are declared wrongly",
                where=where,
                expected="such as quantiles=(0.1, 0.9), for a regression by gradient boosting",
                got=flaw,
                fix="correct quantiles=…, or leave it out",
            )
        ]

    def _search_mistakes(self, where: str) -> list[Mistake]:
        flaws = []
        if self.search and (not isinstance(self.trials, int) or self.trials < 1):
            flaws.append(f"trials={self.trials!r} is not a whole number of at least 1")
        known = self.estimator.get_params(deep=True)
        for parameter, distribution in (self.search or {}).items():
            if parameter not in known:
                flaws.append(f"the estimator has no parameter {parameter!r}")
            elif not isinstance(distribution, IntRange | FloatRange | Choice):
                flaws.append(f"{parameter}: not a distribution: {distribution!r}")
            elif distribution.flaw():
                flaws.append(f"{parameter}: {distribution.flaw()}")
        return [
            Mistake(
                code="T103",
                what="a search is declared wrongly",
                where=where,
                expected="parameters of the estimator with int_range, float_range or choice",
                got=flaw,
                fix="correct the search, or leave it out",
            )
            for flaw in flaws
        ]


def _estimator_mistakes(estimator: Any, where: str, task: Task) -> list[Mistake]:
    estimator = _with_last(estimator)
    what, fix = "", ""
    if isinstance(estimator, type):
        what, fix = "a class instead of an estimator", f"write {estimator.__name__}()"
    elif not all(hasattr(estimator, m) for m in ("fit", "predict", "get_params", "set_params")):
        what, fix = "not an estimator", "give an object with fit, predict and get_params"
    elif task == "regression" and hasattr(estimator, "predict_proba"):
        what, fix = "a classifier for a regression", "give a regressor"
    elif task != "regression" and not hasattr(estimator, "predict_proba"):
        what = "an estimator without predict_proba for classes"
        fix = "give a classifier with probabilities, or wrap it in CalibratedClassifierCV"
    elif _has_threshold(estimator):
        what = "a classifier with a threshold of its own, which nothing but its predict knows"
        fix = "give the classifier inside it, and declare il.Binary(…, threshold=…)"
    if not what:
        return []
    return [
        Mistake(
            code="T101",
            what=what,
            where=where,
            expected=_EXPECTED[task == "regression"],
            got=f"{estimator!r}"[:200],
            fix=fix,
        )
    ]


def _with_last(estimator: Any) -> Any:
    """With the last estimator that its stacks get by themselves: before they have one, scikit-learn
    does not say what they can."""
    if isinstance(estimator, type) or not hasattr(estimator, "get_params"):
        return estimator
    parts = {"": estimator, **estimator.get_params(deep=True)}
    unset = {
        name: parts[name.rpartition("__")[0]]
        for name, value in parts.items()
        if value is None and name.rpartition("__")[2] == "final_estimator"
    }
    if not unset:
        return estimator
    from sklearn.linear_model import LogisticRegression, RidgeCV  # noqa: PLC0415 - slow

    last = {n: LogisticRegression() if is_classifier(o) else RidgeCV() for n, o in unset.items()}
    return clone(estimator).set_params(**last)


def _has_threshold(estimator: Any) -> bool:
    """Whether it, or a Pipeline's last step, answers otherwise than its probabilities say."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return type(last).__name__ in _WITH_THRESHOLD


_WITH_THRESHOLD = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")  # scikit-learn's
_EXPECTED = {
    True: "a regressor, such as HistGradientBoostingRegressor()",
    False: "a classifier with predict_proba, such as HistGradientBoostingClassifier()",
}


def _target_mistakes(target: str | None, where: str, task: Task) -> list[Mistake]:
    if target in _TRANSFORMS and (target is None or task == "regression"):
        return []
    return [
        Mistake(
            code="T102",
            what="a target transform that cannot be used",
            where=where,
            expected="None for classes" if task != "regression" else "None, 'log' or 'log1p'",
            got=repr(target),
            fix=f"remove target={target!r}" if task != "regression" else "use 'log' or 'log1p'",
        )
    ]


def _calibrate_mistakes(calibrate: str | None, where: str, task: Task) -> list[Mistake]:
    if calibrate in _CALIBRATIONS and (calibrate is None or task != "regression"):
        return []
    return [
        Mistake(
            code="T114",
            what="a calibration that cannot be used",
            where=where,
            expected="None or 'sigmoid'" if task != "regression" else "None for a regression",
            got=repr(calibrate),
            fix="write calibrate='sigmoid'"
            if task != "regression"
            else "remove it; declare intervals with il.Regression(…, interval=0.8)",
        )
    ]


@dataclass(frozen=True)
class _Rule:
    """The same answer for every row."""

    for_classes: ClassVar[bool] = False

    @property
    def feature_name(self) -> str | None:
        """The input whose values make the groups, or None."""
        return None

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, canonical for digests."""
        row: dict[str, Any] = {"rule": type(self).__name__}
        return row if self.feature_name is None else {**row, "feature": self.feature_name}


@dataclass(frozen=True)
class _GroupRule(_Rule):
    """One answer a group of rows with the same value of ``feature``; of all rows for a new group.

    ``feature`` is an input's name, or anything with a ``name``.
    """

    feature: Any

    @property
    def feature_name(self) -> str | None:
        """The input whose values make the groups."""
        return self.feature if isinstance(self.feature, str) else str(self.feature.name)


class Mean(_Rule):
    """The mean of the target."""


class Median(_Rule):
    """The median of the target."""


class GroupMean(_GroupRule):
    """The mean of the target in the row's group."""


class GroupMedian(_GroupRule):
    """The median of the target in the row's group."""


class ClassPrior(_Rule):
    """The share of each class."""

    for_classes = True


class GroupClassPrior(_GroupRule):
    """The share of each class in the row's group."""

    for_classes = True


Rule: TypeAlias = _Rule


@dataclass(frozen=True)
class Baseline:
    """A rule that every candidate must beat; it may never become champion."""

    rule: Rule

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values, canonical for digests."""
        return self.rule.to_row()

    def mistakes(self, name: str, task: Task, inputs: tuple[str, ...]) -> list[Mistake]:
        """Everything that is wrong with the declaration, given the names of the model's inputs."""
        where = f"baseline {name!r}"
        if not isinstance(self.rule, _Rule) or self.rule.for_classes != (task != "regression"):
            rules = "Mean(), Median(), GroupMean(feature), GroupMedian(feature)"
            if task != "regression":
                rules = "ClassPrior(), GroupClassPrior(feature)"
            return [
                Mistake(
                    code="T105",
                    what=f"a baseline's rule does not suit a {task} product",
                    where=where,
                    expected=rules,
                    got=repr(self.rule),
                    fix="use one of these rules",
                )
            ]
        feature = self.rule.feature_name
        if feature is None or feature in inputs:
            return []
        return [
            Mistake(
                code="T105",
                what="a baseline groups by something that is no input of the model",
                where=where,
                expected="one of " + ", ".join(inputs),
                got=feature,
                fix=f"add {feature!r} to the product's features, or group by another",
            )
        ]
