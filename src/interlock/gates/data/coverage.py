"""Segment coverage: is there enough good data to answer for this segment at all?

It limits what the release will answer for, and judges how much that leaves out: a segment that has
too few rows is not covered, the service says so rather than guess, and the check passes while few
enough requests meet that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from interlock.clock import parse_span
from interlock.digest import digest_json
from interlock.errors import AuthorError
from interlock.evaluate.compare import Estimate
from interlock.evaluate.judge import Limit
from interlock.features.declare import RequestFeature
from interlock.features.outliers import named
from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.finding import finite, sampled, unmeasured
from interlock.gates.gate import Declared
from interlock.release.segments import Axis, Segments
from interlock.stats.intervals import wilson_interval
from interlock.verdict import Check, Interval

By = str | RequestFeature | Sequence[str | RequestFeature]
Edges = Mapping[str, Sequence[float]] | Sequence[float]

_SHOWN = 20  # reasons kept as evidence


@dataclass(frozen=True)
class SegmentCoverage(Declared):
    """Segments of ``by`` with fewer than ``min_rows`` good rows of training are not covered.

    ``by`` is a request field, a feature or an aggregate, or several that name a segment together;
    a number needs ``edges``, in ascending order: bins [e0, e1), …, the last with its upper end;
    what lies outside is not covered. ``within`` counts only rows of the last such span before the
    end of training; ``min_test`` asks for so many test rows too. The check passes when at most
    ``max_uncovered`` of the requests are left out, as far as the test rows can tell.
    """

    by: By
    min_rows: int = 30
    within: str | None = None
    min_test: int = 0
    max_uncovered: float = 0.20
    edges: Edges = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What a segment is named by."""
        several = isinstance(self.by, list | tuple)
        return tuple(map(named, self.by if several else (self.by,)))  # type: ignore[arg-type]

    @property
    def edges_by_name(self) -> dict[str, tuple[float, ...]]:
        """The edges, by what they cut. Raises AuthorError D150 for what are no numbers."""
        if isinstance(self.edges, Mapping):
            return {name: _numbers(name, cut) for name, cut in self.edges.items()}
        whole = isinstance(self.edges, list | tuple) and not self.edges
        return {} if whole else {self.names[0]: _numbers(self.names[0], self.edges)}

    @property
    def key(self) -> str:
        """What its measurement is filed under."""
        return digest_json(self.to_row())

    def segments(self, kinds: Mapping[str, str]) -> Segments:
        """What is to be counted; ``kinds`` are those of everything that has a name."""
        cuts = self.edges_by_name
        axes = (Axis(name=n, kind=kinds[n], edges=cuts.get(n, ())) for n in self.names)
        return Segments(
            by=tuple(axes),
            min_rows=self.min_rows,
            min_test=self.min_test,
            within=None if self.within is None else parse_span(self.within),
        )

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.min_rows, "D150", "SegmentCoverage(min_rows=…)", low=1)
        finite(self.min_test, "D150", "SegmentCoverage(min_test=…)", low=0)
        finite(self.max_uncovered, "D150", "SegmentCoverage(max_uncovered=…)", low=0, high=0.999)
        if self.within is not None:
            finite(parse_span(self.within), "D150", "SegmentCoverage(within=…)", low=1)
        for name, cut in self.edges_by_name.items():
            _checked_edges(name, cut)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; an infinite edge is null."""
        cuts = self.edges_by_name
        return {
            "check": "SegmentCoverage",
            "by": list(self.names),
            "min_rows": self.min_rows,
            "within": None if self.within is None else parse_span(self.within),
            "min_test": self.min_test,
            "max_uncovered": self.max_uncovered,
            "edges": {n: [e if math.isfinite(e) else None for e in cut] for n, cut in cuts.items()},
        }

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the share of test rows that lie in segments that are not covered."""
        name = f"segment coverage by {' × '.join(self.names)}"
        found = measurement.coverage.get(self.key)
        if found is None:
            return (unmeasured(name, "D158", "the segments were not counted"),)
        rows, missed = found.rows, found.uncovered
        if not (rows > 0 and 0 <= missed <= rows):
            reason = "no test rows" if rows == 0 else "a count is negative or too large"
            return (unmeasured(name, "D158", f"the segments cannot be judged: {reason}"),)
        low, high = wilson_interval(missed, rows)
        share = Estimate(
            value=missed / rows, interval=Interval(low=low, high=high), n=rows, units=rows
        )
        ranked = sorted(found.reasons.items(), key=lambda item: (-item[1], item[0]))[:_SHOWN]
        evidence = {
            "segments": found.segments,
            "covered": found.covered,
            "not_covered": dict(ranked),
        }
        limit = Limit(at_most=self.max_uncovered)
        return (sampled(name, "D170", share, limit, unit="%", evidence=evidence),)


def _numbers(name: str, cut: Any) -> tuple[float, ...]:
    """The edges as numbers. Raises AuthorError D150."""
    if isinstance(cut, str):
        raise _unusable_edges(name, repr(cut)[:80])
    try:
        return tuple(map(float, cut))
    except (TypeError, ValueError, OverflowError):
        raise _unusable_edges(name, repr(cut)[:80]) from None


def _checked_edges(name: str, cut: Sequence[float]) -> None:
    """Raises AuthorError D150 unless the edges make at least one bin, in ascending order."""
    ascending = all(low < high for low, high in pairwise(cut))
    if len(cut) < 2 or not ascending or not all(map(math.isfinite, cut[1:-1])):
        raise _unusable_edges(name, ", ".join(map(str, cut)) or "none")


def _unusable_edges(name: str, got: str) -> AuthorError:
    return AuthorError(
        "D150",
        f"the edges of {name} cannot be used",
        where=f"SegmentCoverage(edges={{{name!r}: …}})",
        expected="at least two numbers in ascending order; only the ends may be infinite",
        got=got,
        fix="for example edges=[0, 1000, 2000, 4000]",
    )
