"""Which examples the product's outlier rules name, and why.

Limits are fitted to the rows of the train part alone, then held against every row; rules are asked
about every row. What becomes of a row that is named is decided in ``dividing``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.data.conform import python_values
from interlock.features.outliers import Outliers
from interlock.features.request import AS_OF
from interlock.product.binding import Bound
from interlock.product.outliers import BoundRule
from interlock.product.training_set import TrainingSet
from interlock.release.coverage import OutlierRules
from interlock.release.limits import Limits, fit_limits

_MOST_REASONS = 20  # of one rule; more are told as one

Values = Callable[[str], Sequence[Any]]


@dataclass(frozen=True, kw_only=True)
class Named:
    """What one rule says of the examples: ``reasons`` (n_rows,) has "" where it names none.

    ``limits`` are what was fitted, None for a function, and where nothing could be fitted.
    """

    name: str
    reasons: Sequence[str]
    live: bool
    leave_out_of_test: bool
    limits: Limits | None = None


def name_outliers(bound: Bound, rows: TrainingSet, train: NDArray[np.int64]) -> tuple[Named, ...]:
    """What every rule of the product says; ``train`` are the numbers of the train part's rows."""
    if not bound.product.outliers:
        return ()
    values = values_of(bound, rows)
    limits = [_limited(bound, d, values, train, len(rows.y)) for d in bound.outliers.limits]
    ruled = [_ruled(bound, rule, values, rows) for rule in bound.outliers.rules]
    return (*limits, *ruled)


def values_of(bound: Bound, rows: TrainingSet) -> Values:
    """Values by name, (n_rows,) Python values: of a request's side, the target, or the source."""
    found: dict[str, Sequence[Any]] = {}

    def values(name: str) -> Sequence[Any]:
        if name not in found:
            found[name] = _values(bound, rows, name)
        return found[name]

    return values


def _values(bound: Bound, rows: TrainingSet, name: str) -> Sequence[Any]:
    columns = rows.table.column_names
    for stored in (f"request.{name}", f"feature.{name}"):
        if stored in columns:
            return python_values(rows.table.column(stored).combine_chunks())
    if name == bound.product.target.name:
        plain: list[Any] = rows.y.tolist()
        return [rows.classes[i] for i in plain] if rows.classes else plain
    return python_values(rows.table.column(f"source.{name}").combine_chunks())


def _limited(
    bound: Bound, declared: Outliers, values: Values, train: NDArray[np.int64], n_rows: int
) -> Named:
    numbers = np.array([np.nan if v is None else v for v in values(declared.name)], dtype=float)
    groups = values(declared.group) if declared.group else [None] * n_rows
    limits = fit_limits(
        declared.name,
        numbers[train],
        cutoff=declared.cutoff,
        log=declared.log,
        by=declared.group,
        groups=[groups[i] for i in train.tolist()],
    )
    reasons = [""] * n_rows
    if limits is not None:
        told = f"outlier: {limits.text}"
        known = zip(values(declared.name), groups, strict=True)
        reasons = [told if limits.reason(value, group) else "" for value, group in known]
    return Named(
        name=declared.name,
        reasons=reasons,
        live=bound.outliers.is_live(declared),
        leave_out_of_test=declared.leave_out_of_test,
        limits=limits,
    )


def _ruled(bound: Bound, rule: BoundRule, values: Values, rows: TrainingSet) -> Named:
    asked = [name for name in rule.definition.arguments if name != AS_OF]
    packed: Mapping[str, str] = bound.packed if rule.live else bound.outliers.source
    rules = OutlierRules(
        [rule.definition], asked, packed, name=f"training_{bound.code_digest[:16]}"
    )
    known = zip(*(values(name) for name in asked), strict=True) if asked else [()] * len(rows.y)
    reasons = [rules.row(row, int(at)) for row, at in zip(known, rows.instants, strict=True)]
    return Named(
        name=rule.definition.name,
        reasons=_few(reasons, f"outlier: {rule.definition.name}"),
        live=rule.live,
        leave_out_of_test=rule.leave_out_of_test,
    )


def _few(reasons: list[str], together: str) -> list[str]:
    """The reasons as they are, or as one where a rule has a reason of its own for most rows."""
    different = Counter(reason for reason in reasons if reason)
    if len(different) <= _MOST_REASONS:
        return reasons
    return [together if reason else "" for reason in reasons]
