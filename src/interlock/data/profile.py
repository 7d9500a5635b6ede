"""The profile of a model's inputs: what training rows looked like, for later rows to be held to.

A numeric input is cut at the deciles of its training values, so that its bins hold about a tenth
each; a categorical one keeps its fifty most frequent values. Missing is a bin of its own.

>>> from interlock.data.request import Field
>>> found = profile([Field(name="rooms", kind="int")], {"rooms": [1.0, 2.0, float("nan")]})
>>> rooms = found.inputs[0]
>>> rooms.edges, rooms.counts, rooms.missing
((1.0,), (1, 1), 1)
>>> rooms.counts_of([5.0, 5.0, float("nan")])
(0, 2, 1)
>>> Profile.from_row(found.to_row()) == found
True
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

TOP = 50  # categories kept by name
_DECILES = np.arange(1, 10) / 10
_NUMERIC = ("int", "float", "bool")

Values = Sequence[Any] | npt.NDArray[Any]


class Named(Protocol):
    """A model input: its name, and its kind: int, float, bool, str or category."""

    @property
    def name(self) -> str:
        """The column's name."""
        ...

    @property
    def kind(self) -> str:
        """The column's kind."""
        ...


@dataclass(frozen=True, kw_only=True)
class NumericProfile:
    """Bins are (−∞, e₁], (e₁, e₂], …, (eₖ, ∞); ``counts`` has one number each.

    ``n`` counts all rows, missing ones included; minimum, maximum and mean are None without values.
    """

    name: str
    kind: str
    n: int
    missing: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def reference(self) -> tuple[int, ...]:
        """The training rows by bin, then the missing ones."""
        return (*self.counts, self.missing)

    def counts_of(self, values: Values) -> tuple[int, ...]:
        """Other rows' values, shape ``(n_rows,)``, in the bins of ``reference``; NaN is missing."""
        numbers = np.asarray(values, dtype=np.float64)
        present = numbers[~np.isnan(numbers)]
        return (*_binned(present, self.edges), len(numbers) - len(present))


@dataclass(frozen=True, kw_only=True)
class CategoricalProfile:
    """``top`` pairs the most frequent values with their counts; ``other`` counts the rest."""

    name: str
    kind: str
    n: int
    missing: int
    top: tuple[tuple[str, int], ...]
    other: int

    @property
    def reference(self) -> tuple[int, ...]:
        """The training rows by value of ``top``, then the other ones, then the missing ones."""
        return (*(count for _, count in self.top), self.other, self.missing)

    def counts_of(self, values: Values) -> tuple[int, ...]:
        """Other rows' values, None missing, in the bins of ``reference``."""
        counts = Counter(values)
        missing = counts.pop(None, 0)
        named = [counts.pop(name, 0) for name, _ in self.top]
        return (*named, counts.total(), missing)


InputProfile = NumericProfile | CategoricalProfile


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One profile an input, in the model's order."""

    inputs: tuple[InputProfile, ...]

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"inputs": [_listed(asdict(profile)) for profile in self.inputs]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Profile:
        """The inverse of :meth:`to_row`."""
        return cls(inputs=tuple(_input(r) for r in row["inputs"]))


def profile(inputs: Iterable[Named], columns: Mapping[str, Values]) -> Profile:
    """The profiles of the inputs, in their order.

    Numeric columns are float64, shape ``(n_rows,)``, NaN missing; the others text, None missing.
    """
    return Profile(inputs=tuple(_profiled(i.name, i.kind, columns[i.name]) for i in inputs))


def _profiled(name: str, kind: str, values: Values) -> InputProfile:
    if kind in _NUMERIC:
        return _numeric(name, kind, values)
    return _categorical(name, kind, values)


def _numeric(name: str, kind: str, values: Values) -> NumericProfile:
    numbers = np.asarray(values, dtype=np.float64)
    present = numbers[~np.isnan(numbers)]
    edges: tuple[float, ...] = ()
    if len(present):
        cuts = np.unique(np.quantile(present, _DECILES, method="inverted_cdf"))
        edges = tuple(cuts[cuts < present.max()].tolist())
    return NumericProfile(
        name=name,
        kind=kind,
        n=len(numbers),
        missing=len(numbers) - len(present),
        minimum=float(present.min()) if len(present) else None,
        maximum=float(present.max()) if len(present) else None,
        mean=math.fsum(present.tolist()) / len(present) if len(present) else None,
        edges=edges,
        counts=_binned(present, edges),
    )


def _binned(present: npt.NDArray[np.float64], edges: tuple[float, ...]) -> tuple[int, ...]:
    bins = np.searchsorted(np.asarray(edges, dtype=np.float64), present, side="left")
    return tuple(np.bincount(bins, minlength=len(edges) + 1).tolist())


def _categorical(name: str, kind: str, values: Values) -> CategoricalProfile:
    counts = Counter(values)
    missing = counts.pop(None, 0)
    top = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
    return CategoricalProfile(
        name=name,
        kind=kind,
        n=len(values),
        missing=missing,
        top=tuple(top),
        other=counts.total() - sum(count for _, count in top),
    )


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        k: [_plain(v) for v in value] if isinstance(value, tuple) else value
        for k, value in row.items()
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _input(row: Mapping[str, Any]) -> InputProfile:
    if "edges" in row:
        numbers = {"edges": tuple(row["edges"]), "counts": tuple(row["counts"])}
        return NumericProfile(**{**row, **numbers})
    return CategoricalProfile(**{**row, "top": tuple((name, n) for name, n in row["top"])})
