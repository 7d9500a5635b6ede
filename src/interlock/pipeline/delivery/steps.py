"""The steps and gates of one delivery as they pass: each told of as it ends, a shut one stops it.

Invariants: a gate that stays shut stops the delivery, unless a waiver holds of exactly its result;
what stopped it is an event of the ledger before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from interlock.clock import monotonic, now
from interlock.deploy.excuse import excuse
from interlock.errors import BlockedError, InterlockError
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.delivery.alarm import Alarm, alarms_of
from interlock.pipeline.delivery.waiving import record_shut, shut_gates, waivers_of
from interlock.pipeline.failpoint import failpoint
from interlock.release.keys import PublicKey
from interlock.release.waiver import Waiver, result_digest
from interlock.report import content as report
from interlock.report.phrases import waiver_phrase
from interlock.store.rows import DeliveryRow
from interlock.verdict import GateResult

GATE_CODES = {
    "data": "D160",
    "training tests": "T140",
    "model": "M204",
    "service": "V100",
    "post-deploy tests": "V150",
}


@dataclass
class Tale:
    """What has been told so far; grows with every step."""

    steps: list[report.Step] = field(default_factory=list)
    gates: list[GateResult] = field(default_factory=list)
    waivers: list[Waiver] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Steps:
    """``keys`` are those whose waivers count, ``waivable`` the gates that may be waived.

    ``bundle`` is known once it has been built.
    """

    context: Context
    keys: tuple[PublicKey, ...]
    row: DeliveryRow
    waivable: tuple[str, ...]
    tale: Tale = field(default_factory=Tale)
    bundle: str | None = None

    def step(self, name: str, act: Callable[[], Any], detail: Callable[[Any], str]) -> Any:
        """Run a step, tell of it, and keep it for the report."""
        self.context.narrator.started(name)
        begun = monotonic()
        try:
            found = act()
        except InterlockError:
            self._told(name, report.StepStatus.FAILED, monotonic() - begun, "")
            raise
        cached = isinstance(found, Outcome) and found.cached
        status = report.StepStatus.CACHED if cached else report.StepStatus.RAN
        self._told(name, status, monotonic() - begun, detail(found))
        failpoint(name)
        return found

    def gate(
        self,
        name: str,
        ask: Callable[[], GateResult],
        *,
        outcome: Callable[[], Outcome | None] = lambda: None,
    ) -> GateResult:
        """Ask a gate; raises BlockedError unless it opens, or was waived for this delivery."""
        self.context.narrator.started(name)
        begun = monotonic()
        try:
            result = replace(ask(), gate=name)
        except InterlockError:
            self._told(name, report.StepStatus.FAILED, monotonic() - begun, "")
            raise
        self.tale.gates.append(result)
        found = outcome()
        status = report.StepStatus.CACHED if found and found.cached else report.StepStatus.RAN
        detail = ""
        if not result.opens:
            waiver = self._waiver(result)
            status = report.StepStatus.WAIVED if waiver else report.StepStatus.FAILED
            if waiver is not None:
                self.tale.waivers.append(waiver)
                detail = waiver_phrase(waiver)
        self._told(name, status, monotonic() - begun, detail, result)
        if status is report.StepStatus.FAILED:
            self._shut(result, found)
            raise _blocked(name, result)
        failpoint(name)
        return result

    def _shut(self, result: GateResult, found: Outcome | None) -> None:
        """Record what stopped the delivery, so that somebody may look at it and waive it."""
        record_shut(
            self.context.ledger,
            self.context.artifacts,
            self.row,
            result,
            bundle=self.bundle,
            output=found.output if found else None,
            at=now(),
        )
        for alarm in alarms_of(result):
            self.alarm(alarm)

    def alarm(self, alarm: Alarm) -> None:
        """Record an event of a name of its own, and keep it for the hook."""
        self.tale.alarms.append(alarm)
        self.context.ledger.append(
            alarm.kind,
            subject=self.row.id,
            product=self.row.product,
            body={"number": self.row.number, **alarm.body},
            at=now(),
        )

    def _told(
        self,
        name: str,
        status: report.StepStatus,
        seconds: float,
        detail: str,
        result: GateResult | None = None,
    ) -> None:
        step = report.Step(name=name, status=status, seconds=seconds, detail=detail)
        self.tale.steps.append(step)
        self.context.narrator.finished(step, result)

    def _waiver(self, result: GateResult) -> Waiver | None:
        """The waiver that lets the delivery go on past this shut gate, if there is one."""
        return excuse(
            result,
            result_digest(result),
            waivers_of(self.context.ledger, self.keys, self.row.id),
            bundle=self.bundle,
            moment=now(),
            allowed=self.waivable,
        ).waiver

    def waived_outcome(self, gate: str) -> Outcome | None:
        """What a gate put out when it stopped this delivery, if just that was waived since.

        A gate whose measurements differ each time is not asked again: what was seen was accepted.
        The waiver is signed about the result, so an output that holds another one is not taken.
        """
        for shut in reversed(shut_gates(self.context.ledger, self.row.id)):
            if shut.result.gate == gate and shut.bundle == self.bundle and shut.output:
                if self._waiver(shut.result) is None:
                    return None
                output = self.context.get_json(shut.output)
                shown = replace(GateResult.from_row(output["result"]), gate=gate)
                if result_digest(shown) != shut.digest:
                    return None
                return Outcome(stage=gate, key="", output=output, cached=True, seconds=0.0)
        return None


def _blocked(name: str, result: GateResult) -> BlockedError:
    shut = result.shut_by
    first = shut[0] if shut else None
    told = f"{len(shut)} of {len(result.checks)} do not" if shut else "none that had to pass did"
    return BlockedError(
        GATE_CODES[name],
        f"the {name} gate stays shut" if name in ("data", "model", "service") else f"{name} failed",
        expected="every check to pass",
        got=told
        + (f"; first: {first.name}: {first.reason or first.verdict.value}" if first else ""),
        fix="mend what the checks found, then deliver again",
        untouched="what is live",
    )
