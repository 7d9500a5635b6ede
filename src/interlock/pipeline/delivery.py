"""One run of the whole path: sources to production, stopped by the first gate that stays shut.

Invariants: what a stage put out is kept, so an interrupted delivery resumes where it stopped and
ends in the same bundle; nothing is live before its proofs are signed; whatever goes wrong, what was
live stays live, the failure is an event, and the product's hook is called.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from interlock.clock import monotonic, now
from interlock.deploy.environment import Environment
from interlock.deploy.rollout import Target
from interlock.digest import digest_json
from interlock.errors import BlockedError, ExitCode, InterlockError, Mistake, OperatorError
from interlock.gates.service import service_gate
from interlock.pipeline import telling, training
from interlock.pipeline.building import build
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.deploying import Deployer
from interlock.pipeline.examples import make_examples
from interlock.pipeline.hook import call_hook
from interlock.pipeline.judging import judge_data, judge_model
from interlock.pipeline.labelling import label_release
from interlock.pipeline.revision import Revision
from interlock.pipeline.snapshots import snapshot_digests, take_snapshots
from interlock.release.bundle import Bundle
from interlock.release.statements import build_statement, gate_statement
from interlock.report import content as report
from interlock.report.html import render
from interlock.report.terminal import delivery_header
from interlock.store.atomic import write_file
from interlock.store.rows import DeliveryRow, DeploymentRow
from interlock.verdict import GateResult

RUNNING, DELIVERED, UNCHANGED, BLOCKED, FAILED = (
    "running",
    "delivered",
    "unchanged",
    "blocked",
    "failed",
)
_GATE_CODES = {"data": "D160", "model": "M204", "service": "V100", "post-deploy tests": "V150"}


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """How a delivery ended; ``mistakes`` say why where it did not reach its goal."""

    row: DeliveryRow
    content: report.Content
    report_path: Path
    mistakes: tuple[Mistake, ...] = ()
    exit_code: ExitCode = ExitCode.OK


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to deliver, how far, and from which revision of the project."""

    path: tuple[Environment, ...]
    revision: Revision
    resume: bool = False
    unpin: bool = False

    @property
    def goal(self) -> Environment:
        """The last environment of the path."""
        return self.path[-1]


@dataclass
class _Tale:
    """What has been told so far; grows with every step."""

    steps: list[report.Step] = field(default_factory=list)
    gates: list[GateResult] = field(default_factory=list)
    parts: dict[str, Any] = field(default_factory=dict)


def unfinished(context: Context) -> DeliveryRow | None:
    """The newest delivery of the product, if it did not come to an end of its own."""
    newest = context.ledger.deliveries(product=context.bound.product.name, limit=1)
    return newest[0] if newest and newest[0].status in (RUNNING, FAILED) else None


def deliver(deployer: Deployer, request: Request) -> Delivered:
    """Run the path. Raises InterlockError only when the delivery could not even begin."""
    with _alone(deployer.places.lock):
        row = _begin(deployer.context, request)
        run = _Run(deployer=deployer, request=request, row=row)
        try:
            status, sentence = run.whole_path()
        except InterlockError as error:
            return run.ended(_status_of(error), _sentence_of(run, error), error)
        except KeyboardInterrupt:
            raise
        return run.ended(status, sentence, None)


def _begin(context: Context, request: Request) -> DeliveryRow:
    if request.resume:
        row = unfinished(context)
        if row is None:
            raise OperatorError(
                "E120",
                "there is no delivery to resume",
                expected="a delivery of this product that was interrupted or failed",
                got="none; the newest one came to its end",
                fix="run `interlock deliver`",
            )
        _same_revision(row, request.revision)
        return context.ledger.move_delivery(row.id, status=RUNNING, at=now())
    return context.ledger.start_delivery(
        DeliveryRow(
            id=uuid.uuid4().hex,
            product=context.bound.product.name,
            number=0,
            as_of=context.as_of,
            status=RUNNING,
            git_commit=_named(request.revision),
            dirty=request.revision.dirty,
            goal=request.goal.name,
            started=now(),
        )
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


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One delivery at a time; the lock dies with its process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(
                "E121",
                "another delivery is running",
                where=str(path.parent),
                expected="one delivery at a time in a project",
                fix="wait until it has ended",
            ) from None
        yield
    finally:
        os.close(descriptor)


@dataclass
class _Run:
    deployer: Deployer
    request: Request
    row: DeliveryRow
    tale: _Tale = field(default_factory=_Tale)
    started: float = field(default_factory=monotonic)
    live: DeploymentRow | None = None
    label: str | None = None
    digest: str | None = None

    @property
    def context(self) -> Context:
        return self.deployer.context

    def whole_path(self) -> tuple[str, str]:
        """(status, the sentence that says what happened)."""
        goal = self.request.goal.name
        self.live = self._live_before(goal)
        self.context.narrator.began(self._header())
        champion = self.deployer.live.bundle(self.live.bundle) if self.live else None
        snapshots = self._step("snapshot", lambda: take_snapshots(self.context), _snapshot_detail)
        examples = self._step(
            "features", lambda: make_examples(self.context, snapshots), self._features_detail
        )
        split = training.split_examples(self.context, examples)
        self.tale.parts["data"] = lambda: telling.tell_data(
            self.context, snapshots, examples, split.output
        )
        data = self._gate(
            "data", lambda: judge_data(self.context, snapshots, examples, split.output)
        )
        trained = self._train(snapshots, examples)
        judged, model = self._judge(snapshots, examples, trained, champion)
        built = self._step(
            "bundle",
            lambda: build(self.context, snapshots, examples, trained, judged),
            lambda outcome: outcome.output["digest"][:12],
        )
        self.digest = str(built.output["digest"])
        if self.live is not None and self.live.bundle == self.digest:
            self.label = self.live.label
            self.deployer.live.to(self.live, self.live)  # a killed delivery may not have published
            return UNCHANGED, f"nothing changed: {goal} runs {self.live.label} already"
        self._attest(data, model, champion)
        self._probe(snapshots, examples, trained)
        self.label = label_release(
            self.context, self.deployer.live.bundle(self.digest), self.row, trained.output["winner"]
        )
        return self._through_environments()

    def _live_before(self, goal: str) -> DeploymentRow | None:
        """What was live there when this delivery began, also when it is resumed after its end."""
        rows = self.context.ledger.deployments(self.row.product, goal, limit=2)
        own = bool(rows) and rows[0].delivery == self.row.id
        return next(iter(rows[1:] if own else rows), None)

    def _header(self) -> str:
        return delivery_header(
            self.row.product,
            self.row.number,
            self.row.as_of,
            zone=self.context.bound.zone or "UTC",
            environment=self.request.goal.name,
            champion=self.live.label if self.live else None,
            live_for=max(0, self.row.started - self.live.since) if self.live else None,
        )

    def _through_environments(self) -> tuple[str, str]:
        assert self.digest is not None
        assert self.label is not None
        target = Target(bundle=self.digest, label=self.label, delivery=self.row.id)
        *earlier, goal = self.request.path
        for environment in earlier:
            if environment.name != goal.policy.post_deploy_in:
                continue
            self._step(
                environment.name,
                partial(self.deployer.deploy, environment, target, unpin=True),
                lambda row: f"runs {row.label}",
            )
            self._gate(
                "post-deploy tests",
                partial(self.deployer.test_deployed, environment, target),
            )
        self._step(
            goal.name,
            lambda: self.deployer.deploy(goal, target, unpin=self.request.unpin),
            lambda row: f"runs {row.label}",
        )
        before = f", {self.live.label} is kept for rollback" if self.live else ""
        return DELIVERED, f"{goal.name} runs {self.label}{before}"

    def _train(self, snapshots: Outcome, examples: Outcome) -> Outcome:
        seed_root = digest_json(
            {
                "snapshots": snapshot_digests(snapshots.output),
                "code": self.context.bound.code_digest,
            }
        )
        trained: Outcome = self._step(
            "train", lambda: training.train(self.context, examples, seed_root), _train_detail
        )
        self.tale.parts["evaluation"] = lambda: telling.tell_evaluation(
            self.context, examples, trained, None
        )
        if trained.output["winner"] is None:
            failures = [
                Mistake(**m)
                for row in trained.output["candidates"].values()
                for m in row["failure"] or ()
            ]
            raise BlockedError.of(
                failures
                or [
                    Mistake(
                        code="T113",
                        what="no candidate could be ranked",
                        expected="a finite metric on the tune rows",
                        got="none",
                        fix="lengthen the tune part of the split",
                    )
                ]
            )
        return trained

    def _judge(
        self, snapshots: Outcome, examples: Outcome, trained: Outcome, champion: Bundle | None
    ) -> tuple[Outcome, GateResult]:
        label = self.live.label if self.live else ""
        kept: list[Outcome] = []

        def ask() -> GateResult:
            kept.append(judge_model(self.context, snapshots, examples, trained, champion, label))
            self.tale.parts["evaluation"] = lambda: telling.tell_evaluation(
                self.context, examples, trained, kept[0]
            )
            return GateResult.from_row(kept[0].output["result"])

        result = self._gate("model", ask, cached=lambda: kept[0].cached)
        return kept[0], result

    def _probe(self, snapshots: Outcome, examples: Outcome, trained: Outcome) -> None:
        from interlock.pipeline import probing  # noqa: PLC0415 - only what is new is questioned

        kept: list[Outcome] = []

        def ask() -> GateResult:
            kept.append(
                probing.judge_service(self.context, snapshots, examples, trained, str(self.digest))
            )
            limit = telling.limit_ms(service_gate(self.context.bound.product.service_gate))
            self.tale.parts["service"] = lambda: telling.tell_service(
                kept[0].output["measured"], limit
            )
            return GateResult.from_row(kept[0].output["result"])

        result = self._gate("service", ask, cached=lambda: kept[0].cached)
        self.deployer.notary.attest(
            gate_statement(
                bundle=str(self.digest),
                product=self.row.product,
                delivery=self.row.id,
                result=result,
                at=now(),
            )
        )

    def _attest(self, data: GateResult, model: GateResult, champion: Bundle | None) -> None:
        """Sign what was built from what, and what the first two gates found."""
        bundle = self.deployer.live.bundle(str(self.digest))
        common = {"bundle": bundle.digest, "product": self.row.product, "delivery": self.row.id}
        attest = self.deployer.notary.attest
        attest(
            build_statement(
                **common,
                git_commit=self.row.git_commit,
                dirty=self.row.dirty,
                snapshot=str(bundle.inputs["snapshot"]),
                at=now(),
            )
        )
        attest(gate_statement(**common, result=data, at=now()))
        compared = champion.digest if champion else None
        attest(gate_statement(**common, result=model, at=now(), champion=compared))

    def _step(self, name: str, act: Callable[[], Any], detail: Callable[[Any], str]) -> Any:
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
        _pause_after(name)
        return found

    def _gate(
        self,
        name: str,
        ask: Callable[[], GateResult],
        *,
        cached: Callable[[], bool] = lambda: False,
    ) -> GateResult:
        """Ask a gate; raises BlockedError unless it opens."""
        self.context.narrator.started(name)
        begun = monotonic()
        try:
            result = replace(ask(), gate=name)
        except InterlockError:
            self._told(name, report.StepStatus.FAILED, monotonic() - begun, "")
            raise
        self.tale.gates.append(result)
        status = report.StepStatus.CACHED if cached() else report.StepStatus.RAN
        if not result.opens:
            status = report.StepStatus.FAILED
        self._told(name, status, monotonic() - begun, "", result)
        if not result.opens:
            raise _blocked(name, result)
        _pause_after(name)
        return result

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

    def _features_detail(self, outcome: Outcome) -> str:
        features = self.context.bound.features
        aggregates = sum(len(h.aggregates) for h in features.histories)
        return f"{len(features.request)} request, {aggregates} history"

    def ended(self, status: str, sentence: str, error: InterlockError | None) -> Delivered:
        """Write the report, move the delivery to its end, call the hook."""
        content = self._content(sentence, error)
        path = self.deployer.places.delivery(self.row.product, self.row.number) / "report.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, render(content).encode())
        summary: dict[str, Any] = {
            "sentence": sentence,
            "label": self.label,
            "seconds": round(monotonic() - self.started, 3),
            "gates": [{"gate": g.gate, "verdict": g.verdict.value} for g in self.tale.gates],
            "mistakes": [vars(m) for m in error.mistakes] if error else [],
        }
        row = self.context.ledger.move_delivery(
            self.row.id,
            status=status,
            at=now(),
            finished=True,
            bundle=self.digest,
            summary=summary,
        )
        if error is not None:
            self._call_hook(summary)
        return Delivered(
            row=row,
            content=content,
            report_path=path,
            mistakes=error.mistakes if error else (),
            exit_code=error.exit_code if error else ExitCode.OK,
        )

    def _call_hook(self, summary: dict[str, Any]) -> None:
        hook = self.context.bound.product.on_failure
        if not hook:
            return
        message = {"product": self.row.product, "delivery": self.row.number, **summary}
        said = call_hook(hook, message, project_dir=self.context.bound.project_dir)
        self.context.ledger.append(
            "hook.called",
            subject=self.row.id,
            product=self.row.product,
            body={"hook": hook, "result": said},
            at=now(),
        )

    def _content(self, sentence: str, error: InterlockError | None) -> report.Content:
        parts = {name: part() for name, part in self.tale.parts.items()}
        attestations = self.context.ledger.attestations(self.digest) if self.digest else []
        commit = self.row.git_commit
        return report.Content(
            product=self.row.product,
            number=self.row.number,
            as_of=self.row.as_of,
            status=sentence,
            zone=self.context.bound.zone or "UTC",
            label=self.label,
            digest=self.digest,
            environment=self.request.goal.name,
            champion=self.live.label if self.live else None,
            champion_live_for=max(0, self.row.started - self.live.since) if self.live else None,
            steps=tuple(self.tale.steps),
            gates=tuple(self.tale.gates),
            **parts,
            lineage=report.Lineage(
                commit=None if commit.startswith("files:") else commit,
                dirty=self.row.dirty,
                code=self.context.bound.code_digest,
                libraries=training.library_versions(),
                attestations=tuple(
                    report.Attestation(
                        kind=a.predicate_type,
                        keyid=self.deployer.notary.key.public.keyid,
                        digest=a.blob,
                    )
                    for a in attestations
                ),
            ),
            next_commands=self._next(error),
        )

    def _next(self, error: InterlockError | None) -> tuple[report.Command, ...]:
        if error is not None:
            again = "interlock deliver"
            if not isinstance(error, BlockedError):
                again += " --resume"
            return (
                report.Command(line=f"interlock explain {error.code}", purpose="what is asked for"),
                report.Command(line=again, purpose="after mending it"),
            )
        found = [
            report.Command(line="interlock serve", purpose="answer requests with what is live"),
            report.Command(line="interlock show", purpose="what the release is made of"),
        ]
        if self.live is not None and self.label != self.live.label:
            found.append(
                report.Command(line="interlock rollback", purpose="return to the release before")
            )
        return tuple(found)


def _snapshot_detail(outcome: Outcome) -> str:
    manifests = [kept["manifest"] for kept in outcome.output.values()]
    rows = sum(m["rows"] for m in manifests)
    aside = sum(sum(m["quarantined"].values()) for m in manifests)
    return f"{rows:,} rows · {aside:,} quarantined"


def _train_detail(outcome: Outcome) -> str:
    candidates = outcome.output["candidates"]
    failed = sum(row["failure"] is not None for row in candidates.values())
    best = f", best {outcome.output['winner']}" if outcome.output["winner"] else ""
    return f"{len(candidates)} candidates{best}" + (f", {failed} failed" if failed else "")


def _blocked(name: str, result: GateResult) -> BlockedError:
    shut = [check for check in result.checks if not check.opens]
    first = shut[0] if shut else None
    return BlockedError(
        _GATE_CODES[name],
        f"the {name} gate stays shut" if name in ("data", "model", "service") else f"{name} failed",
        expected="every check to pass",
        got=f"{len(shut)} of {len(result.checks)} do not"
        + (f"; first: {first.name}: {first.reason or first.verdict.value}" if first else ""),
        fix=f"interlock explain {_GATE_CODES[name]}",
        untouched="what is live",
    )


def _status_of(error: InterlockError) -> str:
    return BLOCKED if isinstance(error, BlockedError) else FAILED


def _sentence_of(run: _Run, error: InterlockError) -> str:
    live = (
        f"{run.request.goal.name} still runs {run.live.label}"
        if run.live
        else (f"nothing is live in {run.request.goal.name}")
    )
    made = "" if run.label else "no release made, "
    return f"{error.mistakes[0].what}; {made}{live}"


def _pause_after(step: str) -> None:
    """Where a test of interruption may end this process; nothing otherwise."""
    if os.environ.get("INTERLOCK_FAILPOINT") == step:
        os.kill(os.getpid(), 9)
