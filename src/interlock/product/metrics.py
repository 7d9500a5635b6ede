"""The metrics of one product: Interlock's, those in other units, its costs, and its own.

Every name stands for one metric in the whole product: in ``metric=``, in ``metrics=[…]`` and in its
gates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from interlock.digest import digest_json
from interlock.errors import AuthorError, Mistake
from interlock.evaluate import answered, classification
from interlock.evaluate.custom import CustomMetric, Scaled, metric_problems
from interlock.evaluate.metric import CLASSES, Metric
from interlock.evaluate.metrics import find_metric, metric_names
from interlock.evaluate.predicted import Floats, Predicted
from interlock.features.pack import pack
from interlock.product.declaration import Declaration
from interlock.product.target import rule_of
from interlock.stats.bootstrap import Statistic
from interlock.train.decision import Matrix
from interlock.train.decision_rule import Costs, MinCost

EXPECTED_COST = "expected_cost"
_LIBRARIES = ("sklearn.metrics", "scipy.special")  # pure, and a metric never goes to the service


def declared_metrics(product: Declaration) -> list[str | CustomMetric | Scaled]:
    """Everything declared as a metric: the one that ranks, then those shown beside it."""
    return [*([product.metric] if product.metric else []), *product.metrics]


def own_functions(product: Declaration) -> list[CustomMetric]:
    """The product's functions, each once."""
    found: dict[str, CustomMetric] = {}
    for declared in declared_metrics(product):
        inner = declared.of if isinstance(declared, Scaled) else declared
        if isinstance(inner, CustomMetric):
            found.setdefault(inner.name, inner)
    return list(found.values())


def metric_identities(
    product: Declaration, project_dir: Path, mistakes: list[Mistake]
) -> dict[str, str]:
    """By name, the digest of each function's code and of all it uses in the project.

    So a verdict is never remembered for other code. Mistakes of functions that are not pure, or
    cannot be sliced out of the project, are added.
    """
    found = {}
    for own in own_functions(product):
        try:
            packed = pack([own.function], project_dir, also=_LIBRARIES)
        except AuthorError as error:
            mistakes.extend(
                replace(m, code="C137", what=m.what.replace(" packed into a release", " used"))
                for m in error.mistakes
            )
        else:
            place = next(iter(packed.locations.values()))
            found[own.name] = digest_json({"sources": dict(packed.sources), "place": list(place)})
    return found


def product_metrics(
    product: Declaration,
    *,
    classes: Sequence[Any] = (),
    identities: Mapping[str, str] | None = None,
) -> dict[str, Metric]:
    """By name, every metric that this product means otherwise than Interlock does.

    ``classes`` are those of the target, once rows are known; ``identities`` digests of the code of
    the product's own functions.
    """
    found: dict[str, Metric] = {}
    if (costs := _cost_metric(product, classes)) is not None:
        found[costs.name] = costs
    for function in own_functions(product):
        identity = (identities or {}).get(function.name, function.where)
        found[function.name] = function.identified(identity)
    for declared in declared_metrics(product):
        if isinstance(declared, Scaled):
            metric = found.get(declared.name) or find_metric(declared.name)
            if metric is not None:
                found[declared.name] = declared.shown(metric)
    return found


def metric_of(product: Declaration, name: str) -> Metric | None:
    """The metric of that name in this product; None where there is none."""
    return product_metrics(product).get(name) or find_metric(name)


def fitting_names(product: Declaration) -> list[str]:
    """The names of metrics that fit the product's target."""
    task = product.target.task
    own = [name for name, m in product_metrics(product).items() if task in m.tasks]
    return [*metric_names(task), *(name for name in own if name not in metric_names(task))]


def _cost_metric(product: Declaration, classes: Sequence[Any]) -> Metric | None:
    """What a prediction costs on average, where the product declares costs."""
    rule = rule_of(product.target)
    if not isinstance(rule, MinCost | Costs) or rule.problems():
        return None
    matrix: Matrix = rule.costs if isinstance(rule, MinCost) else rule.matrix(classes)

    def statistic(y: Floats, predicted: Predicted) -> Statistic | None:
        if predicted.answered is None or not classification.valid(y, predicted.values):
            return None
        return answered.cost(y, predicted.answered, matrix)

    return Metric(
        name=EXPECTED_COST,
        better="lower",
        tasks=CLASSES,
        unit=rule.unit,
        meaning="mean cost of a prediction",
        statistic=statistic,
        of_answers=True,
        signed=min((cost for row in matrix for cost in row), default=0.0) < 0,
    )


def metric_mistakes(product: Declaration) -> Iterator[Mistake]:
    """Metrics that are none, mean two things, or do not fit; a metric that cannot rank."""
    costs = [EXPECTED_COST] if _cost_metric(product, ()) is not None else []
    for declared in declared_metrics(product):
        if declared is product.metric and isinstance(declared, str):
            continue  # said of the ranking metric elsewhere
        problems = metric_problems(declared, costs)
        for expected, got in problems:
            yield _unusable(declared, expected, got)
        if not problems and product.target.task not in _tasks(product, declared):
            yield _unusable(declared, f"a metric for a {product.target.task} target", str(declared))
    yield from _two_meanings(product)
    metric = metric_of(product, product.metric_name)
    if metric is not None and not metric.ranks:
        yield two_sided(product, metric, "metric=…")


def two_sided(product: Declaration, metric: Metric, where: str) -> Mistake:
    """The mistake of comparing by a metric whose best value has worse ones on both sides."""
    ranking = [name for name in fitting_names(product) if _ranks(product, name)]
    return Mistake(
        code="C136",
        what="the metric has its best value between two limits, and ranks nobody",
        where=where,
        expected=f"one of {', '.join(ranking)}",
        got=metric.name,
        fix=f"compare by another metric, and ask for il.Between({metric.name!r}, …) at the gate",
    )


def _ranks(product: Declaration, name: str) -> bool:
    found = metric_of(product, name)
    return found is not None and found.ranks


def _tasks(product: Declaration, declared: Any) -> tuple[str, ...]:
    name = declared if isinstance(declared, str) else declared.name
    found = metric_of(product, name)
    if declared is product.metric or found is None:
        return (product.target.task,)
    return found.tasks


def _two_meanings(product: Declaration) -> Iterator[Mistake]:
    """One name may be declared twice only as the same."""
    seen: dict[str, Any] = {}
    for declared in declared_metrics(product):
        if isinstance(declared, str):
            continue
        if seen.setdefault(declared.name, declared) != declared:
            yield _unusable(declared, "one meaning for each name", f"two of '{declared.name}'")


def _unusable(declared: Any, expected: str, got: str) -> Mistake:
    where = declared.where if isinstance(declared, CustomMetric) else "metrics=[…]"
    return Mistake(
        code="C137",
        what="a declared metric cannot be used",
        where=where,
        expected=expected,
        got=got,
        fix="correct the metric, or take it out",
    )
