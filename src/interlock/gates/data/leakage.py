"""Leakage alarms: an input that gives the target away, or is missing exactly when the target is.

Both judge counts and plain values, without an interval: the limits lie so far from what honest
inputs reach that sampling error does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from interlock import wording
from interlock.evaluate.judge import Limit
from interlock.evaluate.leakage import FEWEST_ROWS, Absence, Revealed
from interlock.gates.data.measurement import DataMeasurement, InputMeasurement
from interlock.gates.finding import counted, finite, too_few, unmeasured
from interlock.gates.gate import Declared
from interlock.verdict import Check, Verdict

FEWEST_WITHOUT_LABEL = 30
"""From so many rows on without a label, all missing a field, chance is no explanation."""
ALWAYS = 0.99
"""A field counts as missing exactly when the label is from this share on."""

_REVEALS = "one input reveals the target"
_ABSENT = "missing when the target is"


@dataclass(frozen=True)
class NoLeakage(Declared):
    """No input alone tells more of the target than ``limit``, and none is missing when it is.

    Told is measured by ranks, from 0 to 1: for a regression by rank correlation, for classes by the
    area under the curve. At 0.99 the guess from one column leaves 2 % of the rank variance, or one
    wrongly ordered pair in a hundred: then there is nothing left to learn, and as a rule the column
    is the outcome under another name, known too late to be asked for. Inputs named in ``allow`` may
    do so: the author vouches that they are known when the question is asked.
    """

    limit: float = 0.99
    allow: Sequence[str] = ()

    def validate(self) -> None:
        """Raises AuthorError for a limit that cannot be used."""
        finite(self.limit, "D150", "NoLeakage", low=0.5, high=0.9999)

    def to_row(self) -> dict[str, Any]:
        """The limit, and the names allowed in order."""
        return {"check": "NoLeakage", "limit": self.limit, "allow": sorted(self.allow)}

    def judge(self, measurement: DataMeasurement) -> tuple[Check, ...]:
        """Judges the input that tells most, and the fields missing with the label."""
        return (self._told(measurement.inputs), self._absent(measurement.absences))

    def _told(self, found: InputMeasurement | None) -> Check:
        if found is None:
            return unmeasured(_REVEALS, "D158", "the inputs were not looked at")
        if flaw := _flaw(found):
            return unmeasured(_REVEALS, "D158", flaw)
        asked = [one for one in found.revealed if one.name not in set(self.allow)]
        if not asked:
            return unmeasured(_REVEALS, "D158", "every input is allowed to reveal the target")
        ranked = sorted(asked, key=lambda one: (-one.strength, one.name))
        n = ranked[0].n
        if n < FEWEST_ROWS:
            return Check(
                name=_REVEALS,
                verdict=Verdict.INCONCLUSIVE,
                n=n,
                reason=too_few(n, "row", FEWEST_ROWS),
                evidence={"code": "D161", "rows_needed": FEWEST_ROWS},
            )
        alarms = [one for one in ranked if one.strength > self.limit]
        strengths = {one.name: one.strength for one in ranked}
        return counted(
            _REVEALS,
            "D161",
            ranked[0].strength,
            Limit(at_most=self.limit),
            n=n,
            why=", ".join(f"{one.name} ({one.measure} {one.strength:.4f})" for one in alarms),
            evidence={ranked[0].measure: strengths, "allowed": sorted(self.allow)},
        )

    def _absent(self, absences: Sequence[Absence] | None) -> Check:
        if absences is None or not len(absences):
            return unmeasured(_ABSENT, "D158", "no field was looked at")
        if any(not _is_sound(one) for one in absences):
            return unmeasured(_ABSENT, "D158", "a count is negative, too large or not a number")
        alarms = [one for one in absences if one.name not in set(self.allow) and _goes_with(one)]
        return counted(
            _ABSENT,
            "D162",
            len(alarms),
            Limit(at_most=0),
            n=absences[0].rows_without,
            why=", ".join(_in_words(one) for one in alarms),
            evidence={"fields": [one.to_row() for one in alarms]},
        )


def _flaw(found: InputMeasurement) -> str:
    """Why nothing can be said of what the inputs reveal; empty where something can."""
    if found.target_varies is not True:
        return "the target is the same in every training row"
    if not found.revealed:
        return "no input was looked at"
    if any(not _is_strength(one) for one in found.revealed):
        return "how much an input reveals is not a number from 0 to 1"
    if not any(one.varies for one in found.revealed):
        return "every input is the same in every training row"
    return ""


def _is_strength(one: Revealed) -> bool:
    return 0 <= one.strength <= 1 and math.isfinite(one.n) and one.n >= 0


def _is_sound(one: Absence) -> bool:
    pairs = ((one.missing_with, one.rows_with), (one.missing_without, one.rows_without))
    return all(math.isfinite(rows) and 0 <= missing <= rows for missing, rows in pairs)


def _goes_with(one: Absence) -> bool:
    """Whether the field is missing exactly when the label is, or exactly when it is not."""
    if min(one.rows_with, one.rows_without) < FEWEST_WITHOUT_LABEL:
        return False
    with_label = one.missing_with / one.rows_with
    without = one.missing_without / one.rows_without
    together = without >= ALWAYS and with_label <= 1 - ALWAYS
    return together or (with_label >= ALWAYS and without <= 1 - ALWAYS)


def _in_words(one: Absence) -> str:
    return (
        f"{one.name} is missing in {one.missing_without:,} of "
        f"{wording.counted(one.rows_without, 'row')} without a label "
        f"and in {one.missing_with:,} of {one.rows_with:,} with one"
    )
