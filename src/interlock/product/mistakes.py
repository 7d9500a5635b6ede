"""What can be wrong with a declaration: one function a part, each returning all it finds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from interlock.clock import parse_span
from interlock.data.request import RequestSchema
from interlock.errors import Mistake, collecting
from interlock.features.aggregates import History
from interlock.features.declare import Label, RequestFeature, Signature
from interlock.features.function import arguments_of
from interlock.gates.data.gate import DATA_CHECKS
from interlock.gates.model.absolute import OfMetric
from interlock.gates.model.baselines import BeatsBaselines
from interlock.gates.model.fairness import MEASURES, Fair
from interlock.gates.model.gate import MODEL_CHECKS, model_gate
from interlock.gates.service.gate import SERVICE_CHECKS
from interlock.product.declaration import Declaration
from interlock.product.metrics import fitting_names, metric_mistakes, metric_of, two_sided
from interlock.product.order import order_of
from interlock.product.target import Regression, decision_mistakes
from interlock.train.candidate import Baseline, Candidate
from interlock.train.estimator import takes_weights
from interlock.train.split import TimeSplit

Columns = Mapping[str, Mapping[str, str]]
CANDIDATE_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the most similar name, or nothing."""
    found = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean '{found[0]}'?" if found else ""


def feature_mistakes(
    product: Declaration, schema: RequestSchema, signatures: Mapping[str, Signature]
) -> list[Mistake]:
    """Names used twice, arguments that nothing provides, circles."""
    declared = [f for f in product.features if isinstance(f, RequestFeature)]
    fields = {field.name for field in schema.fields}
    known = fields | {f.name for f in declared} | {"as_of"}
    found: list[Mistake] = []
    seen = set(fields)
    for feature in declared:
        if feature.name in seen:
            found.append(
                Mistake(
                    code="F103",
                    what=f"the name '{feature.name}' is used twice",
                    where=feature.where,
                    expected="names that differ among request fields, features and aggregates",
                    fix="rename the feature",
                )
            )
        seen.add(feature.name)
        arguments = signatures[feature.name].arguments if feature.name in signatures else {}
        found += [_unknown(feature, a, known) for a in arguments if a not in known]
    for strange in (f for f in product.features if not isinstance(f, RequestFeature | History)):
        found.append(
            Mistake(
                code="F104",
                what="features=[…] holds something that is not a feature",
                expected="functions under @il.feature, and il.History(…)",
                got=repr(strange)[:80],
                fix="put @il.feature over the function",
            )
        )
    needs = {name: tuple(s.arguments) for name, s in signatures.items()}
    for circle in order_of(needs, fields | {"as_of"})[1]:
        found.append(
            Mistake(
                code="F105",
                what="features need one another in a circle",
                expected="an order in which each can be computed",
                got=" → ".join([*circle, circle[0]]),
                fix="take one of the arguments away",
            )
        )
    return found


def _unknown(feature: RequestFeature, argument: str, known: Iterable[str]) -> Mistake:
    return Mistake(
        code="F106",
        what=f"{feature.name} asks for '{argument}', which nothing provides",
        where=feature.where,
        expected="names of request fields, of other request features, or as_of",
        got=argument,
        fix=nearest(argument, known) or "declare it on the request, or correct the name",
    )


def target_mistakes(
    product: Declaration, schema: RequestSchema, mapping: Mapping[str, str], columns: Columns
) -> list[Mistake]:
    """A target that leaks, is not there, or cannot be read."""
    target, there = product.target, columns.get(product.examples.source.name, {})
    found: list[Mistake] = []
    with collecting(found, where="target, available_after"):
        parse_span(target.available_after)
    if isinstance(target.of, str):
        leaks = [field for field, column in mapping.items() if column == target.of]
        for field in leaks:
            if field in {f.name for f in schema.fields}:
                found.append(
                    Mistake(
                        code="C120",
                        what="the target is among the request's fields",
                        where=f"request {schema.name}",
                        expected="a target that the consumer does not send",
                        got=f"{field} (column {target.of})",
                        fix=f"remove '{field}' from {schema.name}",
                    )
                )
        if there and target.of not in there:
            found.append(
                Mistake(
                    code="C121",
                    what="the target's column is not there",
                    where=f"source {product.examples.source.name}",
                    expected=f"one of {', '.join(sorted(there))}",
                    got=target.of,
                    fix=nearest(target.of, there) or "correct the column's name",
                )
            )
        elif there and there[target.of] in _NO_TARGET:
            found.append(_no_target(product, target.of, there[target.of]))
    else:
        found += _label_mistakes(target.of, there)
    coverage = target.interval if isinstance(target, Regression) else None
    number = isinstance(coverage, int | float)
    if coverage is not None and not (number and 0 < coverage < 1):
        found.append(
            Mistake(
                code="C122",
                what="a prediction interval's coverage must lie between 0 and 1",
                expected="for example interval=0.8",
                got=repr(coverage),
                fix="correct interval=…",
            )
        )
    return [*found, *decision_mistakes(target), *_number_column_mistakes(product, there)]


_NO_TARGET = {
    "other": "a list, a struct or another type that is no single value",
    "date": "dates",
    "datetime": "timestamps",
}
"""Kinds of columns that hold nothing a model predicts; of others each value is looked at later."""


def _no_target(product: Declaration, column: str, kind: str) -> Mistake:
    return Mistake(
        code="C126",
        what="the target's column holds nothing that can be predicted",
        where=f"source {product.examples.source.name}",
        expected="a column of numbers, booleans or texts",
        got=f"{column}: {_NO_TARGET[kind]}",
        fix="name another column, or make one of it with il.Source(sql='…')",
    )


def _label_mistakes(label: Label, there: Mapping[str, str]) -> list[Mistake]:
    missing = [a for a in arguments_of(label.function) if there and a not in there]
    if not missing:
        return []
    return [
        Mistake(
            code="C124",
            what=f"the label {label.name} asks for columns that are not there",
            where=label.where,
            expected=f"names among {', '.join(sorted(there))}",
            got=", ".join(missing),
            fix="name the label's arguments after columns of the source",
        )
    ]


def _number_column_mistakes(product: Declaration, there: Mapping[str, str]) -> Iterator[Mistake]:
    """Yardsticks and weights are columns of numbers."""
    if product.yardsticks and product.target.task == "multiclass":
        yield Mistake(
            code="C123",
            what="a yardstick is one number a row, and the target is one of several classes",
            expected="yardsticks of a regression, or of a binary target: its probability of yes",
            got=", ".join(product.yardsticks),
            fix="take yardsticks=… out",
        )
    for name, column in (*product.yardsticks.items(), *_weight(product)):
        if there and column not in there:
            yield Mistake(
                code="C123",
                what=f"'{name}' names a column that is not there",
                where=f"source {product.examples.source.name}",
                expected=f"one of {', '.join(sorted(there))}",
                got=column,
                fix=nearest(column, there) or "correct the column's name",
            )
        elif there and there[column] not in ("int", "float", "bool"):
            yield Mistake(
                code="C123",
                what=f"'{name}' names a column that holds no numbers",
                where=f"source {product.examples.source.name}",
                expected="a column of numbers",
                got=f"{column}: {there[column]}",
                fix="name another column, or convert it with il.Source(sql='…')",
            )


def _weight(product: Declaration) -> list[tuple[str, str]]:
    return [("weight", product.weight)] if product.weight else []


def candidate_mistakes(product: Declaration, inputs: tuple[str, ...]) -> list[Mistake]:
    """No candidate, bad names, estimators of the wrong sort, metrics that do not fit."""
    found: list[Mistake] = []
    real = [c for c in product.candidates.values() if isinstance(c, Candidate)]
    if not real:
        found.append(
            Mistake(
                code="C130",
                what="the product declares no candidate",
                expected="candidates={'name': il.Candidate(estimator)}",
                got=", ".join(product.candidates) or "none",
                fix="add a candidate; a baseline may never become champion",
            )
        )
    for name, candidate in product.candidates.items():
        if not isinstance(name, str) or not re.fullmatch(CANDIDATE_NAME, name):
            found.append(
                Mistake(
                    code="C131",
                    what="a candidate's name cannot be used",
                    expected="lower-case letters, digits, '.', '_' and '-', at most 63",
                    got=repr(name),
                    fix="rename the candidate",
                )
            )
        if not isinstance(candidate, Candidate | Baseline):
            found.append(
                Mistake(
                    code="C132",
                    what=f"'{name}' is neither a candidate nor a baseline",
                    expected="il.Candidate(estimator) or il.Baseline(il.GroupMedian('…'))",
                    got=repr(candidate)[:80],
                    fix=f"wrap it: il.Candidate({type(candidate).__name__}(…))",
                )
            )
        elif isinstance(candidate, Candidate):
            found += candidate.mistakes(name, product.target.task)
            found += _unused_quantiles(product, name, candidate)
            found += _unweighed(product, name, candidate)
        else:
            found += candidate.mistakes(name, product.target.task, inputs)
    return [*found, *_metric_mistakes(product), *metric_mistakes(product)]


def _unweighed(product: Declaration, name: str, candidate: Candidate) -> list[Mistake]:
    """A weight is there to be learned with."""
    estimator = candidate.estimator
    if not product.weight or not hasattr(estimator, "fit") or takes_weights(estimator):
        return []
    return [
        Mistake(
            code="T118",
            what="a weight is declared, and a candidate cannot learn with weights",
            where=f"candidate {name!r}",
            expected="an estimator whose fit takes sample_weight",
            got=type(estimator).__name__,
            fix="leave weight=… out, or declare another estimator",
        )
    ]


def _unused_quantiles(product: Declaration, name: str, candidate: Candidate) -> list[Mistake]:
    """Quantiles serve intervals alone."""
    if candidate.quantiles is None or product.target.task != "regression":
        return []
    if getattr(product.target, "interval", None) is not None:
        return []
    return [
        Mistake(
            code="T116",
            what="quantiles are declared, and no prediction interval is made of them",
            where=f"candidate {name!r}",
            expected="il.Regression(…, interval=0.8)",
            got="no interval",
            fix="declare interval=… on the target, or leave quantiles=… out",
        )
    ]


def _metric_mistakes(product: Declaration) -> Iterator[Mistake]:
    metric, fitting = metric_of(product, product.metric_name), fitting_names(product)
    if metric is None or product.target.task not in metric.tasks:
        yield Mistake(
            code="C136",
            what="the metric does not exist for this target",
            expected=f"one of {', '.join(fitting)}",
            got=product.metric_name,
            fix=nearest(product.metric_name, fitting) or "choose one of them",
        )


def split_mistakes(product: Declaration) -> list[Mistake]:
    """Spans or shares that cannot be used; and a split by time needs a time."""
    source = product.examples.source
    found: list[Mistake] = []
    if product.split is not None:
        with collecting(found, where=f"split=il.{type(product.split).__name__}(…)"):
            product.split.validate()
    if isinstance(product.split, TimeSplit) and source.event_time is None:
        return [
            *found,
            Mistake(
                code="C140",
                what="a split by time needs examples that have a time",
                where=f"source {source.name}",
                expected="event_time='…' on the source, or split=il.HashSplit(test=0.2)",
                got="no event time",
                fix="declare event_time, or split by hash",
            ),
        ]
    return found


def gate_mistakes(product: Declaration) -> list[Mistake]:
    """Checks at the wrong gate, or over metrics that do not exist."""
    found: list[Mistake] = []
    for gate, declared, allowed in (
        ("data_gate", product.data_gate, DATA_CHECKS),
        ("model_gate", product.model_gate, MODEL_CHECKS),
        ("service_gate", product.service_gate, SERVICE_CHECKS),
    ):
        for check in declared:
            if not isinstance(check, allowed):
                found.append(
                    Mistake(
                        code="C141",
                        what=f"{gate} holds something that is not a check of that gate",
                        expected=", ".join(f"il.{c.__name__}" for c in allowed),
                        got=repr(check)[:80],
                        fix="move it to the gate it belongs to",
                    )
                )
                continue
            with collecting(found, where=f"{gate}: {check!r}"):
                check.validate()
            found += _checked_metric(product, check, f"{gate}: {check!r}")
    return found + _nothing_to_beat(product)


def _checked_metric(product: Declaration, check: Any, where: str) -> list[Mistake]:
    """The metric that a check names, if it names one: is there such a one, and does it fit?"""
    name = getattr(check, "metric", None)
    if not name or (isinstance(check, Fair) and name in MEASURES):
        return []
    metric, fitting = metric_of(product, str(name)), fitting_names(product)
    if metric is None or product.target.task not in metric.tasks:
        return [
            Mistake(
                code="C136",
                what="the metric does not exist for this target",
                where=where,
                expected=f"a metric for {product.target.task}",
                got=str(name),
                fix=nearest(str(name), fitting)
                or "correct the metric's name; a function must be among metrics=[…]",
            )
        ]
    found: list[Mistake] = []
    if not isinstance(check, OfMetric | Fair) and not metric.ranks:
        return [two_sided(product, metric, where)]
    if isinstance(check, OfMetric):
        with collecting(found, where=where):
            check.fits(metric)
    return found


def _nothing_to_beat(product: Declaration) -> list[Mistake]:
    """The gate that holds by default asks for it too."""
    asked = any(isinstance(c, BeatsBaselines) for c in model_gate(product.model_gate))
    if not asked or any(isinstance(c, Baseline) for c in product.candidates.values()):
        return []
    rule = "il.Mean()" if product.target.task == "regression" else "il.ClassPrior()"
    return [
        Mistake(
            code="C142",
            what="the model gate asks to beat the baselines, and none is declared",
            expected="a baseline among the candidates: a yardstick that a model must beat",
            got=", ".join(map(str, product.candidates)) or "no candidates",
            fix=f"add 'baseline': il.Baseline({rule}), or declare another model_gate=[…]",
        )
    ]
