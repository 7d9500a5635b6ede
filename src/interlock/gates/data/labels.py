"""Do labels come when the product says they do?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock import wording
from interlock.clock import HOUR, MINUTE, format_span
from interlock.data.label_times import NEWEST_ROWS, LabelTimes
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.gates.data.measurement import DataMeasurement
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared
from interlock.stats.excess import highest_rate
from interlock.verdict import Check, Exemption, Verdict

_LATE = "labels later than declared"
_DUE = "labels missing when due"
_WAITING = "labels not due yet"


@dataclass(frozen=True)
class LabelDelay(Declared):
    """Labels come ``available_after`` their event, as the target declares, but for few.

    Where the source says when each row became known, at most ``late`` of the labels were first
    known later than declared. Everywhere, the newest tenth of the rows whose label is due lack it
    at most ``late`` more often than the older ones: labels that come too late are missing there
    first, and a model would learn from the quick ones alone. At most ``pending`` of the rows are
    not due yet.
    """

    late: float = 0.05
    pending: float = 0.5
    blocking: bool = False

    @property
    def advisory(self) -> bool:
        """Advice, unless declared blocking."""
        return self.blocking is False

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.late, "D150", "LabelDelay(late=…)", low=0, high=0.99)
        finite(self.pending, "D150", "LabelDelay(pending=…)", low=0, high=0.99)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the delay where it is measured, labels that are due, and those that are not."""
        if not measurement.has_time:
            exempt = Exemption.NO_TIME
            return (
                Check(
                    name=_DUE,
                    verdict=Verdict.NOT_APPLICABLE,
                    exemption=exempt,
                    reason=exempt.value,
                ),
            )
        times = measurement.label_times
        if times is None:
            return (unmeasured(_DUE, "D158", "it is not known when labels come"),)
        if not _is_sound(times):
            return (unmeasured(_DUE, "D158", "a count is negative or not a number"),)
        measured = (self._late(times),) if times.measured is not None else ()
        return (*measured, self._due(times), self._waiting(times))

    def _late(self, times: LabelTimes) -> Check:
        found = times.measured
        assert found is not None
        if not (math.isfinite(found.n) and found.n > 0 and 0 <= found.late <= found.n):
            return unmeasured(_LATE, "D158", "no label's delay was measured")
        declared = format_span(times.delay) if times.delay else "with their row"
        p95 = _rounded_up(found.p95)
        return counted(
            _LATE,
            "D165",
            found.late / found.n,
            Limit(at_most=self.late),
            n=found.n,
            unit="%",
            why=f"declared {declared}, 95 % were known within {p95}",
            evidence={"declared": times.delay, "median": found.median, "p95": found.p95},
        )

    def _due(self, times: LabelTimes) -> Check:
        if min(times.newest, times.older) < NEWEST_ROWS:
            few = times.newest + times.older
            return Check(
                name=_DUE,
                verdict=Verdict.INCONCLUSIVE,
                n=few,
                reason=f"{wording.counted(few, 'row is', 'rows are')} due, too few to judge by; "
                f"at least {2 * NEWEST_ROWS} are needed",
                evidence={"code": "D165", "rows_needed": 2 * NEWEST_ROWS},
            )
        older = times.older_without / times.older
        limit = highest_rate(older, times.newest, margin=self.late)
        return counted(
            _DUE,
            "D165",
            times.newest_without / times.newest,
            Limit(at_most=limit),
            n=times.newest,
            unit="%",
            why=f"of the newest {times.newest:,} rows that are due; "
            f"of the older ones {format_value(older, '%')}",
            evidence={"older": times.older, "older_without": times.older_without},
        )

    def _waiting(self, times: LabelTimes) -> Check:
        if not times.rows > 0:
            return unmeasured(_WAITING, "D158", "no rows were read")
        share = times.waiting / times.rows
        limit = Limit(at_most=self.pending)
        return counted(_WAITING, "D165", share, limit, n=times.rows, unit="%")


def _is_sound(times: LabelTimes) -> bool:
    return (
        0 <= times.waiting <= times.rows
        and 0 <= times.newest_without <= times.newest
        and 0 <= times.older_without <= times.older
        and times.newest + times.older + times.waiting == times.rows
    )


def _rounded_up(span: int) -> str:
    unit = HOUR if span >= HOUR else MINUTE
    return format_span(-(-span // unit) * unit)
