"""One run of the whole path: sources to production, stopped by the first gate that stays shut.

Invariants: what a stage put out is kept, so an interrupted delivery resumes where it stopped and
ends in the same bundle; its process owns it as long as it runs; nothing is live before its proofs
are signed; whatever goes wrong, what was live stays live, the failure is an event, and the
product's hook is called.
"""

from __future__ import annotations

import uuid

from interlock.clock import format_instant, now
from interlock.deploy.excuse import Excuse, excuse
from interlock.errors import InterlockError, OperatorError
from interlock.pipeline.alone import alone, owned
from interlock.pipeline.context import Context
from interlock.pipeline.delivery.ending import Delivered, end, sentence_of, status_of
from interlock.pipeline.delivery.goal import BLOCKED, FAILED, INTERRUPTED, RUNNING, Goal
from interlock.pipeline.delivery.interrupted import SENTENCE, record_interrupted
from interlock.pipeline.delivery.revision import Revision
from interlock.pipeline.delivery.run import Run
from interlock.pipeline.delivery.waiving import shut_gates, waivers_of
from interlock.pipeline.deploying.deployer import Deployer
from interlock.store.rows import DeliveryRow


def newest_delivery(deployer: Deployer) -> DeliveryRow | None:
    """The product's newest delivery, whatever became of it."""
    newest = deployer.context.ledger.deliveries.newest(product=deployer.product, limit=1)
    return next(iter(newest), None)


def unfinished(deployer: Deployer, goal: Goal) -> DeliveryRow | None:
    """The newest delivery of the product, if it may be taken up again.

    It may when it did not come to an end of its own, or when the gate that stopped it was waived
    since. Raises IntegrityError for a waiver that was forged.
    """
    newest = newest_delivery(deployer)
    if newest is None or newest.status in (RUNNING, INTERRUPTED, FAILED):
        return newest
    if newest.status != BLOCKED:
        return None
    return newest if _stopped_by(deployer, goal, newest).waiver is not None else None


def _stopped_by(deployer: Deployer, goal: Goal, row: DeliveryRow) -> Excuse:
    """What excuses the gate that stopped a delivery last, now; nothing where none did."""
    ledger = deployer.context.ledger
    shut = next(reversed(shut_gates(ledger, row.id)), None)
    if shut is None:
        return Excuse()
    return excuse(
        shut.result,
        shut.digest,
        waivers_of(ledger, deployer.notary.keys, row.id),
        bundle=shut.bundle,
        moment=now(),
        allowed=goal.waivable,
    )


def deliver(deployer: Deployer, goal: Goal) -> Delivered:
    """Run the path. Raises InterlockError only when the delivery could not even begin."""
    context = deployer.context
    with alone(deployer.places.lock):
        for dead in record_interrupted(context.ledger, deployer.places, at=now()):
            context.narrator.noted(
                f"delivery {dead.number} of {dead.product} was interrupted: {SENTENCE}"
            )
        row = _to_resume(deployer, goal) if goal.resume else _new(context, goal)
        with owned(deployer.places.owner(row.id)):
            return _run(Run.of(deployer, goal, _begun(context, goal, row)))


def _run(run: Run) -> Delivered:
    try:
        status, sentence = run.whole_path()
    except InterlockError as error:
        return end(run, status_of(error), sentence_of(run, error), error)
    return end(run, status, sentence, None)


def _begun(context: Context, goal: Goal, row: DeliveryRow) -> DeliveryRow:
    """The delivery as the ledger has it from now on; who owns it is known by then."""
    if goal.resume:
        return context.ledger.deliveries.move(row.id, status=RUNNING, at=now())
    return context.ledger.deliveries.start(row)


def _to_resume(deployer: Deployer, goal: Goal) -> DeliveryRow:
    row = unfinished(deployer, goal)
    if row is None:
        raise _nothing_to_resume(deployer, goal)
    _same_revision(row, goal.revision)
    _same_goal(row, goal, deployer.context.as_of)
    return row


def _new(context: Context, goal: Goal) -> DeliveryRow:
    return DeliveryRow(
        id=uuid.uuid4().hex,
        product=context.bound.product.name,
        number=0,
        as_of=context.as_of,
        status=RUNNING,
        git_commit=_named(goal.revision),
        dirty=goal.revision.dirty,
        goal=goal.last.name,
        hold=goal.hold,
        full=goal.full,
        started=now(),
    )


def _nothing_to_resume(deployer: Deployer, goal: Goal) -> OperatorError:
    newest = newest_delivery(deployer)
    got = "none: it was never delivered"
    if newest is not None:
        got = f"delivery {newest.number}, which came to its end"
    if newest is not None and newest.status == BLOCKED:
        why = _stopped_by(deployer, goal, newest).why or "no waiver was given"
        got = f"delivery {newest.number}, which is blocked: {why}"
    return OperatorError(
        "E120",
        "there is no delivery to resume",
        where=f"product {deployer.product}",
        expected="a delivery of this product that was interrupted or failed, "
        "or whose shut gate was waived",
        got=got,
        fix="run `interlock deliver`",
        untouched="what is live",
    )


def _named(revision: Revision) -> str:
    return revision.commit or f"files:{revision.files}"


def _same_revision(row: DeliveryRow, revision: Revision) -> None:
    """What is resumed must be what was begun: its record and its attestations say which that is."""
    if (row.git_commit, row.dirty) == (_named(revision), revision.dirty):
        return
    raise OperatorError(
        "E122",
        "the project has changed since the delivery began",
        where=f"delivery {row.number}",
        expected=row.git_commit + (", with uncommitted changes" if row.dirty else ""),
        got=_named(revision) + (", with uncommitted changes" if revision.dirty else ""),
        fix="run `interlock deliver`: stages whose inputs are the same are not run again",
        untouched="what is live",
    )


def _same_goal(row: DeliveryRow, goal: Goal, as_of: int) -> None:
    """What is resumed goes where it was to go. Raises OperatorError E123."""
    begun = _told(row.goal, row.as_of, hold=row.hold)
    asked = _told(goal.last.name, as_of, hold=goal.hold)
    if asked == begun:
        return
    raise OperatorError(
        "E123",
        "the delivery that is resumed was begun for something else",
        where=f"delivery {row.number}",
        expected=begun,
        got=asked,
        fix="run `interlock deliver --resume` without further options, or begin anew without "
        "--resume",
        untouched="what is live",
    )


def _told(environment: str, as_of: int, *, hold: bool) -> str:
    return f"to {environment}{', held' if hold else ''}, as of {format_instant(as_of)}"
