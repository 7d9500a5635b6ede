"""Outlier rules bound to a product: what each looks at, and whether a request alone decides it.

Invariant: a rule is *live* exactly when everything it asks for is known of a request; only live
rules are packed into a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from interlock.features.aggregates import DeclaredAggregate, History
from interlock.features.declare import Signature
from interlock.features.definition import FeatureDefinition
from interlock.features.outliers import OutlierRule, Outliers
from interlock.features.request import AS_OF
from interlock.product.declaration import Declaration
from interlock.product.kinds import Columns, aggregate_kind


@dataclass(frozen=True, kw_only=True)
class BoundRule:
    """A packed rule; see :class:`interlock.features.outliers.OutlierRule`."""

    definition: FeatureDefinition
    live: bool
    leave_out_of_test: bool


@dataclass(frozen=True, kw_only=True)
class BoundOutliers:
    """A product's outlier rules.

    ``source`` is the packed source of the rules that are not live, ``columns`` the columns of the
    examples' source that rules ask for, ``request`` the kinds of what is known of a request.
    """

    limits: tuple[Outliers, ...] = ()
    rules: tuple[BoundRule, ...] = ()
    source: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    request: Mapping[str, str] = field(default_factory=dict)

    def is_live(self, declared: Outliers) -> bool:
        """Whether a request alone decides it."""
        return all_known((declared.name, declared.group or declared.name), self.request)

    def to_row(self) -> dict[str, Any]:
        """What the rows learned from depend on, plain JSON values."""
        return {
            "limits": [limits.to_row() for limits in self.limits],
            "rules": [asdict(rule) for rule in self.rules],
            "source": dict(self.source),
            "columns": list(self.columns),
        }


NO_OUTLIERS = BoundOutliers()


def all_known(names: Iterable[str], request: Mapping[str, str]) -> bool:
    """Whether a request has all of them."""
    return all(name in request or name == AS_OF for name in names)


def request_kinds(
    product: Declaration,
    fields: Mapping[str, str],
    signatures: Mapping[str, Signature],
    columns: Columns,
) -> dict[str, str]:
    """The kind of every field, feature and aggregate by name, as far as they can be read."""
    found = {**fields, **{name: s.result.kind for name, s in signatures.items()}}
    for history in product.features:
        if isinstance(history, History):
            there = columns.get(history.source.name, {})
            found |= {
                name: aggregate_kind(declared, there)
                for name, declared in history.aggregates.items()
                if isinstance(declared, DeclaredAggregate)  # what is not is reported elsewhere
            }
    return found


def asked_columns(
    outliers: Sequence[Outliers | OutlierRule],
    signatures: Mapping[str, Signature],
    request: Mapping[str, str],
    target: str,
) -> tuple[str, ...]:
    """The columns of the source that rules ask for: what is neither known live nor the target."""
    asked: list[str] = []
    for declared in outliers:
        if isinstance(declared, Outliers):
            asked += [name for name in (declared.name, declared.group) if name]
        elif declared.name in signatures:
            asked += signatures[declared.name].arguments
    left = (n for n in dict.fromkeys(asked) if n not in request and n not in (target, AS_OF))
    return tuple(left)
