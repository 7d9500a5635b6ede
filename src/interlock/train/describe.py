"""An estimator in plain JSON values: its class and every parameter, canonical for digests.

What cannot be told apart by its text, such as a function or an open file, is refused: two
candidates that differ in it would have the same digest.

>>> describe(1.5)
1.5
>>> describe({"depth": (1, 2), "limit": float("inf")})
{'depth': [1, 2], 'limit': {'float': 'inf'}}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from interlock.errors import AuthorError

_SELECTOR = "sklearn.compose._column_transformer.make_column_selector"


def describe(value: Any, where: str = "parameter") -> Any:
    """Plain JSON values that say what the value is. Raises AuthorError T104 when that is not known.

    Infinite and NaN floats, which JSON lacks, become ``{"float": "inf"}``.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, np.generic):
        return describe(value.item(), where)
    if isinstance(value, np.ndarray):
        return {"array": describe(value.tolist(), where), "dtype": str(value.dtype)}
    if isinstance(value, list | tuple):
        return [describe(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: describe(item, f"{where}[{key!r}]") for key, item in sorted(value.items())}
    if isinstance(value, type):
        return {"type": class_path(value)}
    if hasattr(value, "get_params"):
        return describe_estimator(value, where)
    if class_path(type(value)) == _SELECTOR:
        return {"class": _SELECTOR, "params": describe(vars(value), where)}
    raise AuthorError(
        "T104",
        "a parameter of an estimator cannot be written down",
        where=where,
        expected="numbers, texts, lists, arrays, dicts with text keys, estimators",
        got=f"{type(value).__name__} {value!r}"[:200],
        fix="use an estimator or a string option in its place, or put the step into a feature",
    )


def describe_estimator(estimator: Any, where: str = "estimator") -> dict[str, Any]:
    """``{"class": …, "params": {…}}`` of an estimator, nested estimators included."""
    params = estimator.get_params(deep=False)
    return {
        "class": class_path(type(estimator)),
        "params": {name: describe(params[name], f"{where}.{name}") for name in sorted(params)},
    }


def class_path(cls: type) -> str:
    """The module and the qualified name of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"
