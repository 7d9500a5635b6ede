"""What a report is made of. The pipeline fills these records; the report only draws them.

Instants are microseconds UTC. Every collection may be empty: the page then says so in words.
Nothing here is a path, a host or the present time, so that equal contents give equal bytes.

Measured values are :class:`interlock.evaluate.compare.Estimate`, in the unit of their metric:
"%" for a share of 1, "1" or "" for a plain number, else the unit itself.

>>> Data(read=10, usable=8, quarantined=(Quarantine(reason="no price", rows=2),)).quarantined_rows
2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.verdict import GateResult, Verdict, worst


class StepStatus(StrEnum):
    """What became of a step of the path."""

    RAN = "ran"
    CACHED = "cached"
    FAILED = "failed"
    SKIPPED = "skipped"


class CandidateKind(StrEnum):
    """What part a competitor plays."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    CHAMPION = "champion"
    YARDSTICK = "yardstick"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the path: its status, its duration, and one line of detail."""

    name: str
    status: StepStatus
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Rows put aside for one reason, with a few of them as examples."""

    reason: str
    rows: int
    samples: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class SplitPart:
    """One part of the split; ``start`` and ``end`` are instants, None without time."""

    name: str
    rows: int
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, kw_only=True)
class NumericColumn:
    """A number column's profile.

    ``counts[i]`` rows lie between ``edges[i]`` and ``edges[i + 1]`` (as a rule deciles);
    ``reference`` holds the champion's training counts in the same bins; ``shift`` is the
    population stability index between the two.
    """

    name: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0
    reference: tuple[int, ...] = ()
    shift: float | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class CategoricalColumn:
    """A category column's profile: its most frequent values, the rest, and the missing."""

    name: str
    top: tuple[tuple[str, int], ...]
    other: int = 0
    missing: int = 0
    shift: float | None = None
    unit: str = ""


Column = NumericColumn | CategoricalColumn


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the rows went, and what they look like."""

    read: int
    usable: int
    without_label: int = 0
    pending: int = 0
    quarantined: tuple[Quarantine, ...] = ()
    splits: tuple[SplitPart, ...] = ()
    columns: tuple[Column, ...] = ()

    @property
    def quarantined_rows(self) -> int:
        """Rows in quarantine, for whichever reason."""
        return sum(group.rows for group in self.quarantined)


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric's name and direction; ``limit`` is the absolute limit declared for it, if any."""

    name: str
    lower_is_better: bool = True
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One competitor and how it fared; ``failure`` says why it has no scores."""

    name: str
    kind: CandidateKind
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    seconds: float | None = None
    format: str = ""
    exactness: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts between edges; what lies outside is counted, not dropped."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    above: int = 0


@dataclass(frozen=True, kw_only=True)
class Period:
    """The error in one stretch of time; no estimate where no row fell into it."""

    label: str
    n: int
    error: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class SliceError:
    """The error on the rows where ``column`` is ``label``."""

    column: str
    label: str
    error: Estimate


@dataclass(frozen=True, kw_only=True)
class Decile:
    """Rows grouped by their prediction: its median, and the median of what came true."""

    n: int
    predicted: float
    actual: float


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Prediction (across) against truth (up), counted in hexagons over ``low``…``high``.

    ``cells`` holds (column, row, rows in it); odd rows stand half a hexagon to the right.
    """

    low: float
    high: float
    logarithmic: bool
    columns: int
    cells: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, kw_only=True)
class RegressionSummary:
    """A regression's test rows, summarised; made by :mod:`interlock.report.residuals`."""

    target: str
    unit: str
    n: int
    unusable: int
    relative: bool
    residuals: Histogram | None = None
    cloud: Cloud | None = None
    deciles: tuple[Decile, ...] = ()
    periods: tuple[Period, ...] = ()
    slices: tuple[SliceError, ...] = ()
    overall: Estimate | None = None
    coverage: Estimate | None = None
    promised: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """Rows of similar predicted probability, and how often it came true."""

    predicted: float
    observed: Estimate


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Points of a ROC or precision–recall curve, and the area under it."""

    points: tuple[tuple[float, float], ...]
    area: float


@dataclass(frozen=True, kw_only=True)
class ClassesSummary:
    """A classifier's test rows, summarised; made by :mod:`interlock.report.classes`."""

    target: str
    n: int
    unusable: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...] = ()
    reliability: tuple[ReliabilityBin, ...] = ()
    calibration_error: float | None = None
    roc: Curve | None = None
    precision_recall: Curve | None = None
    positive_share: float | None = None
    periods: tuple[Period, ...] = ()
    slices: tuple[SliceError, ...] = ()
    overall: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The competition: who took part, by which metrics (the first ranks), and who won."""

    metrics: tuple[Metric, ...]
    candidates: tuple[Candidate, ...]
    winner: str | None = None
    test: RegressionSummary | ClassesSummary | None = None


@dataclass(frozen=True, kw_only=True)
class Parity:
    """One comparison of the packaged release with what was trained.

    ``worst`` is the largest relative difference seen, ``tolerance`` the largest allowed.
    """

    name: str
    compared: int
    different: int
    worst: float | None = None
    tolerance: float | None = None
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class LatencyWindow:
    """Latencies in milliseconds within one window of the measurement."""

    label: str
    n: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """A request that must be refused, and what the service did."""

    name: str
    expected: str
    got: str
    refused: bool


@dataclass(frozen=True, kw_only=True)
class Service:
    """What the service gate saw."""

    parity: tuple[Parity, ...] = ()
    latency: tuple[LatencyWindow, ...] = ()
    latency_limit_ms: float | None = None
    bad_inputs: tuple[BadInput, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """A signed statement about the bundle."""

    kind: str
    keyid: str
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What the release was made from, and who signed what about it."""

    commit: str | None = None
    dirty: bool = False
    snapshot: str | None = None
    code: str | None = None
    seeds: Mapping[str, int] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)
    attestations: tuple[Attestation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command to type next, and what it is for."""

    line: str
    purpose: str = ""


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything one delivery's report shows.

    ``status`` is one sentence: what happened and what is live now. ``label`` and ``digest``
    name the release this delivery made, if it made one; ``champion`` the release that answers.
    """

    product: str
    number: int
    as_of: int
    status: str
    zone: str = "UTC"
    label: str | None = None
    digest: str | None = None
    environment: str = "prod"
    champion: str | None = None
    champion_live_for: int | None = None  # µs
    steps: tuple[Step, ...] = ()
    gates: tuple[GateResult, ...] = ()
    data: Data | None = None
    evaluation: Evaluation | None = None
    service: Service | None = None
    lineage: Lineage | None = None
    next_commands: tuple[Command, ...] = ()

    @property
    def stopped_at(self) -> str | None:
        """The name of the first gate that stays shut, else of the first step that failed."""
        for gate in self.gates:
            if not gate.opens:
                return gate.gate
        failed = [step.name for step in self.steps if step.status is StepStatus.FAILED]
        return failed[0] if failed else None

    @property
    def verdict(self) -> Verdict:
        """PASSED only when there were gates, all of them opened, and no step failed."""
        shut = [gate.verdict for gate in self.gates if not gate.opens]
        if shut:
            return worst(shut)
        failed = any(step.status is StepStatus.FAILED for step in self.steps)
        return Verdict.ERROR if failed or not self.gates else Verdict.PASSED
