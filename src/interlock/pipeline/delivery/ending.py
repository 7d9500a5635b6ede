"""How a delivery ends: the report is written, its row moved to its end, the hook called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from interlock.clock import monotonic, now
from interlock.errors import BlockedError, ExitCode, InterlockError, Mistake
from interlock.pipeline.delivery.documenting import Documented, document, told
from interlock.pipeline.delivery.goal import BLOCKED, FAILED
from interlock.pipeline.delivery.hook import call_hook
from interlock.pipeline.delivery.next_steps import after_error, after_success, of_product
from interlock.pipeline.delivery.run import Run
from interlock.pipeline.delivery.steps import GATE_CODES
from interlock.pipeline.telling.card import tell_card
from interlock.pipeline.telling.lineage import tell_lineage
from interlock.pipeline.training import training
from interlock.release.attest import verify
from interlock.report import content as report
from interlock.report.card.text import card_text
from interlock.report.documents import CARD, REPORT
from interlock.store.rows import DeliveryRow


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """How a delivery ended; ``mistakes`` say why where it did not reach its goal.

    ``folder`` holds what :mod:`interlock.report.documents` names, but for what ``undrawn`` says
    could not be made (``missing`` names files): that changes neither ``row`` nor ``exit_code``.
    """

    row: DeliveryRow
    content: report.Content
    folder: Path
    mistakes: tuple[Mistake, ...] = ()
    exit_code: ExitCode = ExitCode.OK
    undrawn: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()

    @property
    def report_path(self) -> Path | None:
        """The report for people; None where it could not be made."""
        return None if REPORT in self.missing else self.folder / REPORT


def end(run: Run, status: str, sentence: str, error: InterlockError | None) -> Delivered:
    """Write the report, move the delivery to its end, call the hook."""
    folder = run.deployer.places.delivery(run.row.product, run.row.number)
    documented = _documented(run, sentence, error, folder)
    summary: dict[str, Any] = {
        "sentence": sentence,
        "label": run.label,
        "seconds": round(monotonic() - run.started, 3),
        "gates": [{"gate": g.gate, "verdict": g.verdict.value} for g in run.tale.gates],
        "waivers": [waiver.summary for waiver in run.tale.waivers],
        "alarms": [alarm.to_row() for alarm in run.tale.alarms],
        "mistakes": [vars(m) for m in error.mistakes] if error else [],
        **({"undrawn": list(documented.undrawn)} if documented.undrawn else {}),
    }
    row = run.context.ledger.deliveries.move(
        run.row.id,
        status=status,
        at=now(),
        finished=True,
        bundle=run.digest,
        summary=summary,
    )
    if error is not None:
        _call_hook(run, error, summary)
    return Delivered(
        row=row,
        content=documented.content,
        folder=folder,
        undrawn=documented.undrawn,
        missing=documented.missing,
        mistakes=error.mistakes if error else (),
        exit_code=error.exit_code if error else ExitCode.OK,
    )


def _documented(run: Run, sentence: str, error: InterlockError | None, folder: Path) -> Documented:
    """The delivery's documents in its folder, as far as they can be drawn."""
    parts, undrawn = told({**run.tale.parts, "lineage": partial(_lineage, run)})
    more = {} if run.digest is None else {CARD: partial(_card, run, run.digest)}
    content = _content(run, sentence, error, parts)
    return document(content, folder, undrawn, more=more)


def _lineage(run: Run) -> report.Lineage:
    notary = run.deployer.notary
    return tell_lineage(
        run.row,
        code=run.context.bound.code_digest,
        libraries=training.library_versions(),
        envelopes=() if run.digest is None else notary.envelopes(run.digest),
        keys=notary.keys,
    )


def _card(run: Run, digest: str) -> str:
    """The model card, as ``interlock card`` writes it."""
    notary = run.deployer.notary
    said = [verify(envelope, notary.keys) for envelope in notary.envelopes(digest)]
    return card_text(tell_card(run.deployer.live.bundle(digest), said))


def _call_hook(run: Run, error: InterlockError, summary: dict[str, Any]) -> None:
    """Call the product's hook; its ``reason`` is the alarm raised, else what went wrong."""
    hook = run.context.bound.product.on_failure
    if not hook:
        return
    message = {
        "product": run.row.product,
        "delivery": run.row.number,
        "reason": next((alarm.kind for alarm in run.tale.alarms), error.mistakes[0].what),
        **summary,
    }
    said = call_hook(hook, message, project_dir=run.context.bound.project_dir)
    run.context.ledger.append(
        "hook.called",
        subject=run.row.id,
        product=run.row.product,
        body={"hook": hook, "result": said},
        at=now(),
    )


def _content(
    run: Run, sentence: str, error: InterlockError | None, parts: Mapping[str, Any]
) -> report.Content:
    return report.Content(
        product=run.row.product,
        number=run.row.number,
        as_of=run.row.as_of,
        status=sentence,
        zone=run.context.bound.zone or "UTC",
        label=run.label,
        digest=run.digest,
        environment=run.goal.last.name,
        champion=run.live.label if run.live else None,
        champion_live_for=max(0, run.row.started - run.live.since) if run.live else None,
        steps=tuple(run.tale.steps),
        gates=tuple(run.tale.gates),
        waivers=tuple(run.tale.waivers),
        **parts,
        next_commands=_next(run, error),
        mistakes=error.mistakes if error else (),
    )


def _next(run: Run, error: InterlockError | None) -> tuple[report.Command, ...]:
    return of_product(_steps(run, error), run.goal.product)


def _steps(run: Run, error: InterlockError | None) -> tuple[report.Command, ...]:
    if error is None:
        divided = bool(run.context.bound.product.unit)
        return after_success(run.goal, label=run.label, live=run.live, divided=divided)
    gate = run.tale.gates[-1] if run.tale.gates and error.code in GATE_CODES.values() else None
    zone = run.context.bound.zone or "UTC"
    return after_error(error, run.goal, run.row, gate=gate, zone=zone)


def status_of(error: InterlockError) -> str:
    """A gate or a policy blocks; anything else is a failure, which can be resumed."""
    return BLOCKED if isinstance(error, BlockedError) else FAILED


def sentence_of(run: Run, error: InterlockError) -> str:
    """What went wrong, and what is live all the same."""
    live = (
        f"{run.goal.last.name} still runs {run.live.label}"
        if run.live
        else (f"nothing is live in {run.goal.last.name}")
    )
    made = "" if run.label else "no release made, "
    return f"{error.mistakes[0].what}; {made}{live}"
