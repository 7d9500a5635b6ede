"""Everything one delivery's report shows: the whole that the other parts make up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interlock.errors import Mistake
from interlock.release.waiver import Waiver
from interlock.report.content.data import Data
from interlock.report.content.evaluation import Evaluation
from interlock.report.content.explanations import Explanations
from interlock.report.content.service import Service
from interlock.report.content.steps import Step, StepStatus
from interlock.verdict import GateResult, Verdict, worst


@dataclass(frozen=True, kw_only=True)
class Attestation:
    """A signed statement about the bundle: what it says in short, such as 'gate: data, passed'."""

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
    name the release this delivery made, if it made one; ``champion`` the release that answers;
    ``waivers`` let the delivery go on past gates that stayed shut, and stay so in ``gates``.
    ``mistakes`` are what kept it from its goal, as the command line says them; ``undrawn`` the
    parts that this report lacks, each with why.
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
    waivers: tuple[Waiver, ...] = ()
    data: Data | None = None
    evaluation: Evaluation | None = None
    explanations: Explanations | None = None
    service: Service | None = None
    lineage: Lineage | None = None
    next_commands: tuple[Command, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    undrawn: tuple[str, ...] = ()

    @property
    def shut(self) -> tuple[GateResult, ...]:
        """The gates that stayed shut and were not waived."""
        waived = {waiver.gate for waiver in self.waivers}
        return tuple(g for g in self.gates if not g.opens and g.gate not in waived)

    @property
    def stopped_at(self) -> str | None:
        """The name of the first gate that stays shut, else of the first step that failed."""
        for gate in self.shut:
            return gate.gate
        failed = [step.name for step in self.steps if step.status is StepStatus.FAILED]
        return failed[0] if failed else None

    @property
    def verdict(self) -> Verdict:
        """PASSED only when there were gates, all opened or were waived, and nothing failed."""
        if self.shut:
            return worst(gate.verdict for gate in self.shut)
        failed = any(step.status is StepStatus.FAILED for step in self.steps)
        stopped = failed or bool(self.mistakes) or not self.gates
        return Verdict.ERROR if stopped else Verdict.PASSED
