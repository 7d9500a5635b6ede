"""A product's functions, packed: what a release carries, and what only training needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interlock.errors import Mistake, collecting
from interlock.features.declare import Postprocess, RequestFeature, Signature
from interlock.features.definition import FeatureDefinition
from interlock.features.function import DeclaredFunction
from interlock.features.outliers import OutlierRule
from interlock.features.pack import Packed, pack
from interlock.product.declaration import Declaration

Functions = Sequence[Callable[..., Any]]

_NONE = Packed(sources={}, locations={})


@dataclass(frozen=True, kw_only=True)
class PackedProduct:
    """``features`` alone; ``released`` with post-processing and the ``live`` outlier rules.

    What is released is packed together, for its parts may share helpers; but what a history stands
    for depends on the features alone. ``label`` and ``apart``, the rules that ask for more than a
    request has, stay with training.
    """

    features: Packed
    released: Packed
    label: Packed
    apart: Packed


def pack_product(
    product: Declaration, project_dir: Path, live: Iterable[str], mistakes: list[Mistake]
) -> PackedProduct:
    """Pack everything; ``live`` names the outlier rules that a request alone decides.

    What cannot be packed is added to ``mistakes``.
    """
    features = [f.function for f in product.features if isinstance(f, RequestFeature)]
    after = [p.function for p in product.postprocess if isinstance(p, Postprocess)]
    rules = [r for r in product.outliers if isinstance(r, OutlierRule)]
    named = frozenset(live)
    after += [r.function for r in rules if r.name in named]
    label = [] if isinstance(product.target.of, str) else [product.target.of.function]
    alone = _packed(features, project_dir, mistakes)
    return PackedProduct(
        features=alone,
        released=_packed([*features, *after], project_dir, mistakes) if after else alone,
        label=_packed(label, project_dir, mistakes),
        apart=_packed([r.function for r in rules if r.name not in named], project_dir, mistakes),
    )


def _packed(functions: Functions, project_dir: Path, mistakes: list[Mistake]) -> Packed:
    if functions:
        with collecting(mistakes):
            return pack(functions, project_dir)
    return _NONE


def definition(
    declared: DeclaredFunction, signature: Signature, packed: Packed, *, unit: str = ""
) -> FeatureDefinition:
    """A packed function as a release knows it."""
    module, function = packed.locations[declared.function]
    return FeatureDefinition(
        name=declared.name,
        arguments=tuple(signature.arguments),
        nullable_arguments=tuple(n for n, a in signature.arguments.items() if a.optional),
        kind=signature.result.kind,
        optional=signature.result.optional,
        categories=signature.result.categories,
        module=module,
        function=function,
        unit=unit,
        description=(declared.function.__doc__ or "").strip().split("\n")[0],
    )
