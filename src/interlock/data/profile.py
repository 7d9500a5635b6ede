"""The profile of a model's inputs: what rows looked like at release, for later ones to be held to.

A numeric input is cut at the deciles of its values, so that its bins hold about a tenth each; a
categorical one keeps its fifty most frequent values. Missing is a bin of its own. What the training
rows have shown (a range, a list of values) is kept beside, with how often the profiled rows left it
already: integrity is judged against that rate, not against never.

>>> from interlock.data.request import Field
>>> rooms = Field(name="rooms", kind="int")
>>> found = profile([rooms], {"rooms": [1.0, 2.0, float("nan")]}, seen={"rooms": [2.0, 9.0]})
>>> one = found.inputs[0]
>>> one.edges, one.counts, one.missing, (one.low, one.high), one.outside
((1.0,), (1, 1), 1, (2.0, 9.0), 1)
>>> one.counts_of([5.0, 5.0, float("nan")])
(0, 2, 1)
>>> Profile.from_row(found.to_row()) == found
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from interlock.data.observed import Named, Numbers, Observed, Texts, Values, is_numeric

TOP = 50  # categories kept by name
MOST_SEEN = 5_000  # values of training rows kept by name; of more it is not known which are new


@dataclass(frozen=True, kw_only=True)
class NumericProfile:
    """Bins are (−∞, e₁], (e₁, e₂], …, (eₖ, ∞); ``counts`` has one number each.

    ``n`` counts all rows, missing ones included; minimum, maximum and mean are None without values.
    ``quantiles`` are those of :meth:`Numbers.quantiles`. ``low`` and ``high`` bound the values of
    the training rows, and ``outside`` counts the profiled rows beyond; None in profiles of releases
    made before these were kept, and where no training row had a value.
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
    quantiles: tuple[float, ...] = ()
    low: float | None = None
    high: float | None = None
    outside: int | None = None

    @property
    def reference(self) -> tuple[int, ...]:
        """The profiled rows by bin, then the missing ones."""
        return (*self.counts, self.missing)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each bin of ``reference``."""
        cuts = [f"{edge:g}" for edge in self.edges]
        if not cuts:
            return ("any", "missing")
        middle = [f"{low} to {high}" for low, high in pairwise(cuts)]
        return (f"≤ {cuts[0]}", *middle, f"> {cuts[-1]}", "missing")

    def binned(self, found: Numbers) -> tuple[int, ...]:
        """Other rows in the bins of ``reference``."""
        return (*found.binned(self.edges), found.missing)

    def beyond(self, found: Numbers) -> int | None:
        """How many other rows leave the training rows' range; None where it is not known."""
        if self.low is None or self.high is None:
            return None
        return found.outside(self.low, self.high)

    def counts_of(self, values: Values) -> tuple[int, ...]:
        """Other rows' values, shape ``(n_rows,)``, in the bins of ``reference``; NaN is missing."""
        return self.binned(Numbers.of(values))


@dataclass(frozen=True, kw_only=True)
class CategoricalProfile:
    """``top`` pairs the most frequent values with their counts; ``other`` counts the rest.

    ``seen`` lists the values of the training rows, and ``outside`` counts the profiled rows with
    another one; None in profiles of releases made before these were kept, and where there are more
    than :data:`MOST_SEEN`.
    """

    name: str
    kind: str
    n: int
    missing: int
    top: tuple[tuple[str, int], ...]
    other: int
    seen: tuple[str, ...] | None = None
    outside: int | None = None

    @property
    def reference(self) -> tuple[int, ...]:
        """The profiled rows by value of ``top``, then the other ones, then the missing ones."""
        return (*(count for _, count in self.top), self.other, self.missing)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each bin of ``reference``."""
        return (*(name for name, _ in self.top), "other", "missing")

    def binned(self, found: Texts) -> tuple[int, ...]:
        """Other rows in the bins of ``reference``."""
        names = [name for name, _ in self.top]
        return (*found.named(names), found.outside(names), found.missing)

    def beyond(self, found: Texts) -> int | None:
        """How many other rows have a value no training row had; None where it is not known."""
        return None if self.seen is None else found.outside(self.seen)

    def counts_of(self, values: Values) -> tuple[int, ...]:
        """Other rows' values, None missing, in the bins of ``reference``."""
        return self.binned(Texts.of(values))


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
        """The inverse of :meth:`to_row`; rows of older releases lack what was not kept then."""
        return cls(inputs=tuple(_input(r) for r in row["inputs"]))


def is_comparable(profile: InputProfile, now: Mapping[str, Observed]) -> bool:
    """Whether the input was observed, and as numbers where it was numbers at release."""
    found = now.get(profile.name)
    return isinstance(found, Numbers if isinstance(profile, NumericProfile) else Texts)


def profile(
    inputs: Iterable[Named],
    columns: Mapping[str, Values],
    *,
    seen: Mapping[str, Values] | None = None,
) -> Profile:
    """The profiles of the inputs, in their order; ``seen`` has the training rows' columns.

    Columns are as for :func:`interlock.data.observed.observe`.
    """
    return Profile(
        inputs=tuple(
            (_numeric if is_numeric(i.kind) else _categorical)(
                i.name, i.kind, columns[i.name], None if seen is None else seen[i.name]
            )
            for i in inputs
        )
    )


def _numeric(name: str, kind: str, values: Values, seen: Values | None) -> NumericProfile:
    found = Numbers.of(values)
    present, edges = found.present, found.deciles()
    shown = Numbers.of(seen).present if seen is not None else present[:0]
    return NumericProfile(
        name=name,
        kind=kind,
        n=found.n,
        missing=found.missing,
        minimum=float(present[0]) if len(present) else None,
        maximum=float(present[-1]) if len(present) else None,
        mean=float(present.mean()) if len(present) else None,
        edges=edges,
        counts=found.binned(edges),
        quantiles=found.quantiles(),
        low=float(shown[0]) if len(shown) else None,
        high=float(shown[-1]) if len(shown) else None,
        outside=found.outside(shown[0], shown[-1]) if len(shown) else None,
    )


def _categorical(name: str, kind: str, values: Values, seen: Values | None) -> CategoricalProfile:
    found = Texts.of(values)
    top = tuple(found.counts.items())[:TOP]
    known = None if seen is None else sorted(Texts.of(seen).counts)
    if known is not None and len(known) > MOST_SEEN:
        known = None
    return CategoricalProfile(
        name=name,
        kind=kind,
        n=found.n,
        missing=found.missing,
        top=top,
        other=found.outside(value for value, _ in top),
        seen=None if known is None else tuple(known),
        outside=None if known is None else found.outside(known),
    )


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        k: [_plain(v) for v in value] if isinstance(value, tuple) else value
        for k, value in row.items()
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _input(row: Mapping[str, Any]) -> InputProfile:
    lists = ("edges", "counts", "quantiles", "seen")
    given: dict[str, Any] = {
        k: tuple(v) if k in lists and v is not None else v for k, v in row.items()
    }
    if "edges" in row:
        return NumericProfile(**given)
    return CategoricalProfile(**{**given, "top": tuple((name, n) for name, n in row["top"])})
