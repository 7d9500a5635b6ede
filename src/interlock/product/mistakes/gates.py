"""What can be wrong with gates: checks of another gate, and metrics that do not exist."""

from __future__ import annotations

from typing import Any

from interlock.errors import Mistake, collecting
from interlock.gates.data.gate import DATA_CHECKS
from interlock.gates.model.absolute import OfMetric
from interlock.gates.model.baselines import BeatsBaselines
from interlock.gates.model.fairness import MEASURES, Fair
from interlock.gates.model.gate import MODEL_CHECKS, model_gate
from interlock.gates.service.gate import SERVICE_CHECKS
from interlock.product.declaration import Declaration
from interlock.product.metrics import fitting_names, metric_of, two_sided
from interlock.product.mistakes.nearest import nearest
from interlock.train.candidate import Baseline


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
