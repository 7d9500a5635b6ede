"""How good a model is on parts of the rows: by a category, or by ranges of a number.

A slice of fewer than 100 rows is counted but not scored: its interval would say nothing.

>>> from interlock.evaluate.metrics import metric_named
>>> truth = np.linspace(1.0, 2.0, 400)
>>> where = ["town"] * 390 + ["lake"] * 10
>>> for part in slices(metric_named("mae"), truth, truth + 0.5, where, name="where", seed=1):
...     print(part.label, part.n, part.reason or "scored")
town 390 scored
lake 10 too few
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from interlock.evaluate.compare import Estimate, estimate
from interlock.evaluate.metrics import Metric

FEWEST_ROWS = 100
TOO_FEW = "too few"
_MOST_VALUES = 12  # more numbers than this are cut into ranges, more categories shown by size


@dataclass(frozen=True, kw_only=True)
class Slice:
    """One part of the rows, and the metric there. ``estimate`` is None where ``reason`` says why.

    ``share`` is the part of all rows that lie in it.
    """

    name: str
    label: str
    n: int
    share: float
    estimate: Estimate | None
    reason: str = ""


def slices(
    metric: Metric,
    y: NDArray[np.float64],
    prediction: NDArray[np.float64],
    column: Sequence[Any] | NDArray[Any],
    *,
    name: str,
    seed: int,
    clusters: ArrayLike | None = None,
    bins: int = 5,
) -> tuple[Slice, ...]:
    """The metric for each value of ``column`` (n_rows,), or for ``bins`` quantile ranges of it.

    Numbers with more than 12 values are cut into ranges that hold about equally many rows;
    categories come largest first. Missing values (None, NaN) are a slice of their own, last.
    Raises ValueError when the column is not one value a row.
    """
    if len(column) != len(y):
        raise ValueError(f"the slice column {name} has {len(column)} rows, expected {len(y)}")
    ids = None if clusters is None else np.asarray(clusters)
    found = []
    for label, rows in _parts(column, bins):
        part, reason = None, TOO_FEW
        if (n := int(rows.sum())) >= FEWEST_ROWS:
            inside = None if ids is None else ids[rows]
            part = estimate(metric, y[rows], prediction[rows], seed=seed, clusters=inside)
            reason = "" if part.interval else "undefined"
        found.append(
            Slice(name=name, label=label, n=n, share=n / len(y), estimate=part, reason=reason)
        )
    return tuple(found)


def _parts(
    column: Sequence[Any] | NDArray[Any], bins: int
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Label and mask (n_rows,) of every part, missing values last."""
    missing = np.array([value is None or value != value for value in column], dtype=bool)
    known = [value for value, gone in zip(column, missing, strict=True) if not gone]
    numeric = all(isinstance(v, int | float | np.number) and not isinstance(v, bool) for v in known)
    if numeric and len(set(known)) > _MOST_VALUES:
        yield from _ranges(np.array([np.nan if v is None else v for v in column], float), bins)
    else:
        yield from _values(column, known)
    if missing.any():
        yield "missing", missing


def _ranges(numbers: NDArray[np.float64], bins: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    known = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)))
    for low, high in pairwise(edges):
        last = high == edges[-1]
        rows = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        yield f"{low:,.6g} to {'' if last else 'below '}{high:,.6g}", rows


def _values(
    column: Sequence[Any] | NDArray[Any], known: list[Any]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    sizes: dict[str, int] = {}
    for value in known:
        sizes[str(value)] = sizes.get(str(value), 0) + 1
    labels = np.array(["" if v is None else str(v) for v in column], dtype=object)
    present = np.array([v is not None and v == v for v in column], dtype=bool)
    for label in sorted(sizes, key=lambda text: (-sizes[text], text)):
        yield label, (labels == label) & present
