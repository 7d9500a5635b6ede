"""The answer a check gives, and what opens a gate.

Invariants: only *passed* opens; *not applicable* opens only for a reason of the closed list
:class:`Exemption`; anything missing, crashed or undecided keeps the gate shut. An *advisory* answer
neither shuts nor opens a gate, and a gate opens only where some check that could have shut it
passed: advice and exemptions alone show nothing.

>>> worst([Verdict.PASSED, Verdict.INCONCLUSIVE])
<Verdict.INCONCLUSIVE: 'inconclusive'>
>>> Check(name="minimum rows", verdict=Verdict.PASSED, measured=9.0, threshold=5.0).opens
True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The closed set of answers."""

    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    ERROR = "error"


class Exemption(StrEnum):
    """The only reasons for which *not applicable* opens a gate."""

    NO_CHAMPION = "no champion yet"
    IS_CHAMPION = "it is the champion itself"
    UNFIT_CHAMPION = "the champion no longer fits, and the product says to go on"
    NO_BASELINE = "the product has no baseline"
    NO_TIME = "the product has no time"
    NO_HISTORY = "the product has no history features"
    NO_CONTRACTS = "no consumer has left a contract"
    LOCAL_STORE = "the online store is a folder on this machine"
    CUSTOM_SQL = "every history of the product is SQL written by hand"


IN = "in"  # the comparison with two thresholds at once

_ORDER = tuple(Verdict)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The most severe of the verdicts; of none at all: ERROR, for nothing was shown."""
    found = list(verdicts)
    return max(found, key=_ORDER.index) if found else Verdict.ERROR


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A confidence interval, both ends inclusive, in the measured value's unit."""

    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True, kw_only=True)
class Check:
    """One question asked at a gate, its answer, and what the answer rests on.

    ``comparison`` is the glyph between measured value and threshold ("≤", "≥", "<"); where it is
    :data:`IN`, the value must lie between ``threshold`` and ``upper``. ``n`` is the number of rows
    the value rests on, ``evidence`` plain JSON values. An ``advisory`` check is recorded and shown,
    and never shuts its gate.
    """

    name: str
    verdict: Verdict
    measured: float | None = None
    comparison: str = ""
    threshold: float | None = None
    interval: Interval | None = None
    n: int | None = None
    unit: str = ""
    reason: str = ""
    exemption: Exemption | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    advisory: bool = False
    upper: float | None = None

    @property
    def opens(self) -> bool:
        """Whether this answer is one that lets the path go on."""
        if self.verdict is Verdict.NOT_APPLICABLE:
            return isinstance(self.exemption, Exemption)
        return self.verdict is Verdict.PASSED

    @property
    def shuts(self) -> bool:
        """Whether this answer keeps its gate shut: it does not open, and is no mere advice."""
        return self.advisory is not True and not self.opens

    @property
    def shows(self) -> bool:
        """Whether this answer is ground to open a gate: it passed, and could have shut it."""
        return self.advisory is False and self.verdict is Verdict.PASSED

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values; NaN and infinities become null."""
        row = dict(vars(self))
        for name in ("measured", "threshold", "upper"):
            row[name] = _finite(row[name])
        if row["interval"]:
            row["interval"] = {k: _finite(v) for k, v in asdict(row["interval"]).items()}
        row["evidence"] = dict(self.evidence)
        return row

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Check:
        """The inverse of :meth:`to_row`."""
        fields = dict(row)
        fields["verdict"] = Verdict(fields["verdict"])
        if fields.get("interval"):
            interval = fields["interval"]
            fields["interval"] = Interval(
                low=_number(interval["low"]),
                high=_number(interval["high"]),
                level=interval["level"],
            )
        if fields.get("exemption") is not None:
            fields["exemption"] = Exemption(fields["exemption"])
        if not isinstance(fields.get("advisory", False), bool):
            raise ValueError(f"{fields['advisory']!r} does not say whether a check is advisory")
        return cls(**fields)


def _finite(value: float | None) -> float | None:
    if value is None or value != value or value in (float("inf"), float("-inf")):
        return None
    return float(value)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """All checks of one gate. It opens when none shuts it, and one that could have has passed."""

    gate: str
    checks: tuple[Check, ...]

    @property
    def shut_by(self) -> tuple[Check, ...]:
        """The checks that keep the gate shut, in their order."""
        return tuple(check for check in self.checks if check.shuts)

    @property
    def opens(self) -> bool:
        """Whether the path goes on; where all is exempt or advisory nothing was shown: no."""
        return not self.shut_by and any(check.shows for check in self.checks)

    @property
    def verdict(self) -> Verdict:
        """PASSED when the gate opens, else the worst verdict among the checks that shut it.

        ERROR where none shuts it and none passed: nothing was shown.
        """
        return Verdict.PASSED if self.opens else worst(check.verdict for check in self.shut_by)

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"gate": self.gate, "checks": [check.to_row() for check in self.checks]}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> GateResult:
        """The inverse of :meth:`to_row`."""
        return cls(gate=row["gate"], checks=tuple(Check.from_row(r) for r in row["checks"]))
