"""Drift and integrity: are today's rows still those the live release was judged on?

Drift is what calls for a new model and must not stop one, so in a delivery both are advice unless
declared blocking. Without a champion there is nothing to compare with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock import wording
from interlock.data.drift import InputDrift
from interlock.data.integrity import POINT, FaultRate
from interlock.evaluate.judge import Limit
from interlock.evaluate.metrics import format_value
from interlock.gates.data.measurement import DataMeasurement, InputMeasurement
from interlock.gates.finding import counted, finite, unmeasured
from interlock.gates.gate import Declared
from interlock.stats.drift import (
    FEWEST_ROWS,
    FULL_ROWS,
    WARNING_PSI,
    JudgedShift,
    Level,
    judge_shifts,
)
from interlock.stats.excess import highest_rate
from interlock.verdict import Check, Exemption, Verdict

_NAMED = 5  # inputs named in a reason


@dataclass(frozen=True)
class Drift(Declared):
    """No input has drifted from the champion's profile: by ``psi`` at least, and not by chance."""

    psi: float = WARNING_PSI
    blocking: bool = False

    @property
    def advisory(self) -> bool:
        """Advice, unless declared blocking."""
        return self.blocking is False

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.psi, "D150", "Drift(psi=…)", low=WARNING_PSI, high=10)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges all inputs together: how many of them have drifted."""
        return (_compared(measurement.inputs, "drift") or self._judged(measurement.inputs),)

    def _judged(self, found: InputMeasurement | None) -> Check:
        assert found is not None
        drift = found.drift
        if not all(map(_is_sound, drift)):
            return unmeasured("drift", "D158", "an index of drift is not a number of 0 or more")
        judged = list(zip(drift, judge_shifts([one.shift for one in drift]), strict=True))
        asked = [(one, it) for one, it in judged if it.level is not Level.INSUFFICIENT]
        rows = max(one.shift.rows_now for one in drift)
        before = max(one.shift.rows_before for one in drift)
        if not asked:
            return _too_few("drift", "D163", rows, before)
        drifted = sorted(
            ((one, it) for one, it in asked if self._counts(one, it)),
            key=lambda pair: -pair[0].shift.psi,
        )
        told = _listed([_in_words(one, it) for one, it in drifted])
        evidence = {
            "psi": {one.name: one.shift.psi for one, _ in asked},
            "q": {one.name: it.q for one, it in asked},
            "drifted": [one.name for one, _ in drifted],
            "not_compared": [
                *found.apart,
                *(one.name for one, it in judged if it.level is Level.INSUFFICIENT),
            ],
        }
        if rows < FULL_ROWS:
            reason = (
                f"{wording.counted(rows, 'row is', 'rows are')} too few to be sure of; "
                f"{FULL_ROWS} are needed"
            )
            return Check(
                name="drift",
                verdict=Verdict.INCONCLUSIVE,
                measured=len(drifted),
                comparison="≤",
                threshold=0,
                n=rows,
                reason=f"{reason}; so far: {told}" if told else reason,
                evidence={"code": "D163", "rows_needed": FULL_ROWS, **evidence},
            )
        return counted(
            "drift", "D163", len(drifted), Limit(at_most=0), n=rows, why=told, evidence=evidence
        )

    def _counts(self, one: InputDrift, judged: JudgedShift) -> bool:
        return judged.level in (Level.WARNING, Level.HIGH) and one.shift.psi >= self.psi


@dataclass(frozen=True)
class Integrity(Declared):
    """No input is missing, unseen or out of range more often than in the champion's profile.

    A rate counts above reference + 3 √(p (1 − p)/m), and ``points`` above it at least (0.01 is one
    percentage point).
    """

    points: float = POINT
    blocking: bool = False

    @property
    def advisory(self) -> bool:
        """Advice, unless declared blocking."""
        return self.blocking is False

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.points, "D150", "Integrity(points=…)", low=0.001, high=0.99)

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges all rates together: how many of them have risen."""
        return (_compared(measurement.inputs, "integrity") or self._judged(measurement.inputs),)

    def _judged(self, found: InputMeasurement | None) -> Check:
        assert found is not None
        faults = found.faults
        if not all(map(_is_rate, faults)):
            return unmeasured("integrity", "D158", "a rate is not a number from 0 to 1")
        rows = max((one.rows for one in faults), default=0)
        before = max((one.reference_rows for one in faults), default=0)
        asked = [one for one in faults if one.share is not None]
        if not asked or min(rows, before) < FEWEST_ROWS:
            return _too_few("integrity", "D164", rows, before)
        risen = sorted((one for one in asked if self._counts(one)), key=_by_excess)
        return counted(
            "integrity",
            "D164",
            len(risen),
            Limit(at_most=0),
            n=rows,
            why=_listed([_rate_in_words(one) for one in risen]),
            evidence={
                "risen": [one.to_row() for one in risen],
                "rates": len(asked),
                "not_known": [f"{o.name}: {o.fault}" for o in faults if o.share is None],
                "not_compared": list(found.apart),
            },
        )

    def _counts(self, one: FaultRate) -> bool:
        assert one.share is not None
        assert one.reference is not None
        return one.share > highest_rate(one.reference, one.rows, margin=self.points)


def _compared(found: InputMeasurement | None, name: str) -> Check | None:
    """The answer where there is nothing to compare; None where there is."""
    if found is None:
        return unmeasured(name, "D158", "the inputs were not looked at")
    if found.has_champion is False:
        return Check(
            name=name,
            verdict=Verdict.NOT_APPLICABLE,
            exemption=Exemption.NO_CHAMPION,
            reason=Exemption.NO_CHAMPION.value,
        )
    if found.has_champion is not True:
        return unmeasured(name, "D158", "it is not known whether there is a champion")
    if found.problem:
        return unmeasured(name, "D166", found.problem)
    if not found.drift or not found.faults:
        return unmeasured(name, "D166", "no input of today's is one of the champion's")
    return None


def _too_few(name: str, code: str, rows: int, before: int) -> Check:
    few, whose = min((rows, "test rows"), (before, "rows in the champion's profile"))
    reason = f"{few:,} {whose} are too few to judge by; at least {FEWEST_ROWS} are needed"
    if few >= FEWEST_ROWS:
        reason = "no input takes more than one value, then and now"
    return Check(
        name=name,
        verdict=Verdict.INCONCLUSIVE,
        n=rows,
        reason=reason,
        evidence={"code": code, "rows_needed": FEWEST_ROWS},
    )


def _is_sound(one: InputDrift) -> bool:
    found = one.shift
    counts = (found.psi, found.rows_before, found.rows_now, found.bins)
    return 0 <= found.p <= 1 and all(math.isfinite(v) and v >= 0 for v in counts)


def _is_rate(one: FaultRate) -> bool:
    if one.share is None or one.reference is None:
        return one.share is None and one.reference is None
    counts = (one.rows, one.reference_rows)
    sound = 0 <= one.share <= 1 and 0 <= one.reference <= 1
    return sound and all(math.isfinite(v) and v > 0 for v in counts)


def _by_excess(one: FaultRate) -> float:
    return (one.reference or 0.0) - (one.share or 0.0)


def _in_words(one: InputDrift, judged: JudgedShift) -> str:
    return f"{one.name} PSI {one.shift.psi:.2f} ({judged.level.value})"


def _rate_in_words(one: FaultRate) -> str:
    now, before = (format_value(v or 0.0, "%") for v in (one.share, one.reference))
    return f"{one.name} {one.fault} {now}, at release {before}"


def _listed(texts: list[str]) -> str:
    more = [f"{len(texts) - _NAMED} more"] if len(texts) > _NAMED else []
    return ", ".join([*texts[:_NAMED], *more])
