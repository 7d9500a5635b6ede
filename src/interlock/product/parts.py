"""Whether each part of a product is of the sort that belongs there, before anything looks inside.

>>> from interlock.data.source import Source
>>> _fits("examples", Source("sales.parquet", key="id"))
False
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from interlock.data.request_class import Request
from interlock.data.source import Examples, Source
from interlock.errors import Mistake
from interlock.evaluate.custom import CustomMetric, Scaled
from interlock.features.aggregates import History
from interlock.features.declare import Label
from interlock.product.declaration import Declaration
from interlock.product.target import Binary, Multiclass, Regression
from interlock.release.card import Card
from interlock.train.split import HashSplit, TimeSplit


def part_mistakes(product: Declaration) -> list[Mistake]:
    """Every part that is something else altogether."""
    return [
        Mistake(
            code="C175",
            what=f"{part}=… of the product is not what belongs there",
            expected=expected,
            got=repr(getattr(product, part))[:80],
            fix=_FIXES.get(part, f"correct {part}=…"),
        )
        for part, (_, expected) in _PARTS.items()
        if not _fits(part, getattr(product, part))
    ]


def _fits(part: str, value: Any) -> bool:
    return _PARTS[part][0](value)


def _is_request(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Request)


def _is_examples(value: Any) -> bool:
    return isinstance(value, Examples) and isinstance(value.source, Source)


def _is_target(value: Any) -> bool:
    if not isinstance(value, Regression | Binary | Multiclass):
        return False
    return isinstance(value.of, str | Label) and isinstance(getattr(value, "unit", ""), str)


def _are_features(value: Any) -> bool:
    return _is_list(value) and all(
        isinstance(f.source, Source) for f in value if isinstance(f, History)
    )


def _is_unit(value: Any) -> bool:
    return isinstance(value, str) or (_is_list(value) and all(isinstance(v, str) for v in value))


def _are_columns(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values())


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_card(value: Any) -> bool:
    return value is None or (isinstance(value, Card) and not value.wrong)


def _is_metric(value: Any) -> bool:
    return isinstance(value, str | CustomMetric | Scaled)


_A_METRIC = "a metric's name, a function under @il.metric(…), or il.Scaled(…)"
_CHECKS = (_is_list, "a list of checks")
_PARTS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "request": (_is_request, "a class that subclasses il.Request"),
    "examples": (_is_examples, "il.Source(…).map(…)"),
    "target": (
        _is_target,
        "il.Regression, il.Binary or il.Multiclass, of a column or an @il.label function; "
        "its unit, if any, a text",
    ),
    "candidates": (lambda v: isinstance(v, Mapping), "{'name': il.Candidate(estimator), …}"),
    "features": (_are_features, "a list of @il.feature functions and il.History(source, …)"),
    "unit": (_is_unit, "a request field's name, or a tuple of them"),
    "yardsticks": (_are_columns, "{'name': 'column', …}"),
    "split": (
        lambda v: v is None or isinstance(v, TimeSplit | HashSplit),
        "il.TimeSplit(…) or il.HashSplit(…)",
    ),
    "metric": (_is_metric, _A_METRIC),
    "metrics": (
        lambda v: _is_list(v) and all(map(_is_metric, v)),
        f"a list, each of them {_A_METRIC}",
    ),
    "weight": (_is_text_or_none, "a column's name"),
    "postprocess": (_is_list, "a list of @il.postprocess functions"),
    "outliers": (_is_list, "a list of il.Outliers(…) and @il.outlier functions"),
    "not_covered": (lambda v: v in ("null", "estimate"), "'null' or 'estimate'"),
    "data_gate": _CHECKS,
    "model_gate": _CHECKS,
    "service_gate": _CHECKS,
    "explanations": (lambda v: isinstance(v, bool), "True or False"),
    "on_failure": (_is_text_or_none, "a command, or an http(s) address"),
    "card": (_is_card, "il.Card(intended_use=…, …), every argument a text"),
}
_FIXES = {
    "examples": "write examples=source.map(), with the fields whose column has another name",
}
