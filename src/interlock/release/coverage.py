"""What a release answers for: the segments with rows enough, and what is no outlier.

``coverage.json`` in the bundle holds a :class:`Coverage`; a bundle without one answers for
everything. :class:`Covering` says of a row why it is not covered. Invariant: there is one
definition, :meth:`Covering.row`; many rows are one row after the other, so that live, batch, gates
and golden answers cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from interlock.features.definition import FeatureDefinition, FeatureSet
from interlock.features.request import AS_OF, PackedFeatures
from interlock.features.result import FeatureFailure
from interlock.release.bundle import Bundle
from interlock.release.limits import Limits
from interlock.release.segments import Segments, Why

FILE = "coverage.json"
_MOST_SHOWN = 200  # characters of what a rule says


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The limits of what a release answers for.

    ``rules`` are packed functions of request fields, features and aggregates that name outliers.
    With ``estimate`` a row that is not covered is given the prediction all the same, marked as not
    covered; without, it is given none.
    """

    segments: tuple[Segments, ...] = ()
    limits: tuple[Limits, ...] = ()
    rules: tuple[FeatureDefinition, ...] = ()
    estimate: bool = False

    @property
    def is_everything(self) -> bool:
        """Whether nothing limits it."""
        return not (self.segments or self.limits or self.rules)

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of all values that it looks at."""
        asked = [axis.name for found in self.segments for axis in found.by]
        asked += [name for found in self.limits for name in (found.name, found.by) if name]
        asked += [name for rule in self.rules for name in rule.arguments if name != AS_OF]
        return tuple(dict.fromkeys(asked))

    @property
    def sentences(self) -> tuple[str, ...]:
        """What is answered for, a line each."""
        return (
            *(
                f"{s.name}: {len(s.covered):,} of {len(s.rows):,} segments, those with {s.asked}"
                for s in self.segments
            ),
            *(found.span for found in self.limits),
            *(f"no outlier by {_told(rule).removeprefix('outlier: ')}" for rule in self.rules),
        )

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "segments": [found.to_row() for found in self.segments],
            "limits": [found.to_row() for found in self.limits],
            "rules": [asdict(rule) for rule in self.rules],
            "estimate": self.estimate,
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Coverage:
        """The inverse of :meth:`to_row`, from JSON's lists as well as from tuples."""
        rules = FeatureSet.from_row({"request": row["rules"], "histories": [], "inputs": []})
        return cls(
            segments=tuple(Segments.from_row(r) for r in row["segments"]),
            limits=tuple(Limits.from_row(r) for r in row["limits"]),
            rules=rules.request,
            estimate=row["estimate"],
        )


class Covering:
    """A release's coverage at work, on rows of the values that ``names`` name, in that order."""

    def __init__(
        self, coverage: Coverage, names: Sequence[str], packed: Mapping[str, str], *, name: str
    ) -> None:
        """``packed`` is the packed source of the rules; ``name`` differs between releases.

        Raises IntegrityError F110 for a rule that is not in it, ValueError for an unknown name.
        """
        self.names = tuple(names)
        self.coverage = coverage
        self._readers: tuple[Why, ...] = tuple(s.reader(self.names) for s in coverage.segments)
        self._readers += tuple(_outlier(found.reader(self.names)) for found in coverage.limits)
        self._rules: OutlierRules | None = None
        if coverage.rules:
            self._rules = OutlierRules(coverage.rules, self.names, packed, name=name)

    @property
    def estimates(self) -> bool:
        """Whether a row that is not covered is given the prediction all the same."""
        return self.coverage.estimate

    def row(self, known: tuple[Any, ...], as_of: int) -> str:
        """Why the row is not covered; "" where it is. ``as_of`` is the request's instant (µs)."""
        for why in self._readers:
            reason = why(known)
            if reason:
                return reason
        return self._rules.row(known, as_of) if self._rules is not None else ""

    def columns(self, columns: Mapping[str, Sequence[Any]], as_of: Sequence[int]) -> list[str]:
        """The same of n rows, whose values are columns; ``as_of`` (n_rows,) µs."""
        asked = [columns[name] for name in self.names]
        rows = zip(*asked, strict=True) if asked else iter([()] * len(as_of))
        return [self.row(known, int(at)) for known, at in zip(rows, as_of, strict=True)]


class OutlierRules:
    """Packed functions that name outliers; one that cannot tell names the row too."""

    def __init__(
        self,
        rules: Sequence[FeatureDefinition],
        names: Sequence[str],
        packed: Mapping[str, str],
        *,
        name: str,
    ) -> None:
        """As :class:`Covering`."""
        made = FeatureSet(request=tuple(rules), histories=(), inputs=())
        self._said = PackedFeatures.load(packed, made, fields=list(names), name=f"{name}_outliers")
        self._told = tuple(_told(rule) for rule in rules)
        self._silent = frozenset((False, None, ""))

    def row(self, known: tuple[Any, ...], as_of: int) -> str:
        """Why the row is an outlier; "" where it is none."""
        try:
            said = self._said.row(known, as_of)
        except FeatureFailure as failure:
            return f"outlier: {failure.feature} cannot tell: {failure.message}"[:_MOST_SHOWN]
        for found, told in zip(said, self._told, strict=True):
            if found not in self._silent:
                return told if found is True else f"{told}: {found}"[:_MOST_SHOWN]
        return ""


def open_covering(
    bundle: Bundle, names: Sequence[str] | None = None, *, name: str
) -> Covering | None:
    """The bundle's coverage at work; None for one that answers for everything.

    Without ``names`` its rows hold what it needs and no more.
    """
    if FILE not in bundle.files:
        return None
    coverage = Coverage.from_row(bundle.json(FILE))
    asked = coverage.needs if names is None else names
    return Covering(coverage, asked, bundle.packed, name=name)


def _outlier(why: Why) -> Why:
    def outlier(known: tuple[Any, ...]) -> str:
        reason = why(known)
        return f"outlier: {reason}" if reason else ""

    return outlier


def _told(rule: FeatureDefinition) -> str:
    described = rule.description if rule.kind == "bool" else ""  # a text speaks for itself
    return f"outlier: {rule.name}" + (f": {described}" if described else "")
