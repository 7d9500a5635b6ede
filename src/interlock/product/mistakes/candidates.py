"""What can be wrong with candidates and baselines, and with the metric that ranks them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from interlock.errors import Mistake
from interlock.product.declaration import Declaration
from interlock.product.metrics import fitting_names, metric_mistakes, metric_of
from interlock.product.mistakes.nearest import nearest
from interlock.train.candidate import Baseline, Candidate
from interlock.train.estimator import takes_weights

_NAME = r"[a-z0-9][a-z0-9._-]{0,62}"


def candidate_mistakes(product: Declaration, inputs: tuple[str, ...]) -> Iterator[Mistake]:
    """No candidate, bad names, estimators of the wrong sort, metrics that do not fit."""
    if not any(isinstance(c, Candidate) for c in product.candidates.values()):
        yield Mistake(
            code="C130",
            what="the product declares no candidate",
            expected="candidates={'name': il.Candidate(estimator)}",
            got=", ".join(product.candidates) or "none",
            fix="add a candidate; a baseline may never become champion",
        )
    for name, candidate in product.candidates.items():
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            yield Mistake(
                code="C131",
                what="a candidate's name cannot be used",
                expected="lower-case letters, digits, '.', '_' and '-', at most 63",
                got=repr(name),
                fix="rename the candidate",
            )
        yield from _one_candidate(product, name, candidate, inputs)
    yield from _metric_mistakes(product)
    yield from metric_mistakes(product)


def _one_candidate(
    product: Declaration, name: str, candidate: object, inputs: tuple[str, ...]
) -> Iterator[Mistake]:
    if isinstance(candidate, Candidate):
        yield from candidate.mistakes(name, product.target.task)
        yield from _unused_quantiles(product, name, candidate)
        yield from _unweighed(product, name, candidate)
    elif isinstance(candidate, Baseline):
        yield from candidate.mistakes(name, product.target.task, inputs)
    else:
        yield Mistake(
            code="C132",
            what=f"'{name}' is neither a candidate nor a baseline",
            expected="il.Candidate(estimator) or il.Baseline(il.GroupMedian('…'))",
            got=repr(candidate)[:80],
            fix=f"wrap it: il.Candidate({type(candidate).__name__}(…))",
        )


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
