"""The path itself: each step in its order, told as it ends, stopped by the first shut gate."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from interlock.clock import monotonic, now
from interlock.deploy.rollout import Target, require_unpinned
from interlock.digest import digest_json
from interlock.errors import BlockedError, Mistake
from interlock.pipeline import telling
from interlock.pipeline.building.building import build
from interlock.pipeline.building.labelling import label_release
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.delivery.alarm import nothing_ranked
from interlock.pipeline.delivery.goal import DELIVERED, HELD, UNCHANGED, Goal
from interlock.pipeline.delivery.steps import Steps, Tale
from interlock.pipeline.deploying.deployer import Deployer
from interlock.pipeline.judging.data import judge_data
from interlock.pipeline.judging.model import judge_model
from interlock.pipeline.rows.dividing import split_examples
from interlock.pipeline.rows.examples import make_examples
from interlock.pipeline.rows.snapshots import snapshot_digests, take_snapshots
from interlock.pipeline.training import training
from interlock.pipeline.training.training_tests import rehearse
from interlock.product.contracts import contract_files
from interlock.release.bundle import Bundle
from interlock.release.statements import build_statement, gate_statement, release_statement
from interlock.release.waiver import waiver_statement
from interlock.report.phrases import delivery_phrase
from interlock.store.rows import DeliveryRow, DeploymentRow
from interlock.verdict import GateResult
from interlock.wording import counted


@dataclass
class Run:
    """One delivery under way: what is known of it grows as it passes its steps."""

    deployer: Deployer
    goal: Goal
    row: DeliveryRow
    steps: Steps
    started: float = field(default_factory=monotonic)
    live: DeploymentRow | None = None
    label: str | None = None

    @classmethod
    def of(cls, deployer: Deployer, goal: Goal, row: DeliveryRow) -> Run:
        """A delivery that has passed none of its steps."""
        steps = Steps(
            context=deployer.context, keys=deployer.notary.keys, row=row, waivable=goal.waivable
        )
        return cls(deployer=deployer, goal=goal, row=row, steps=steps)

    @property
    def tale(self) -> Tale:
        """What has been told so far."""
        return self.steps.tale

    @property
    def digest(self) -> str | None:
        """The bundle, once there is one."""
        return self.steps.bundle

    @property
    def context(self) -> Context:
        """What its stages share."""
        return self.deployer.context

    def whole_path(self) -> tuple[str, str]:
        """(status, the sentence that says what happened)."""
        last = self.goal.last.name
        self.live = self._live_before(last)
        self.context.narrator.began(self._header())
        if self.goal.foreseen is not None:
            self.context.narrator.noted(self.goal.foreseen)
        require_unpinned(self.deployer.live.believed(last), unpin=self.goal.unpin)
        champion = self.deployer.live.bundle(self.live.bundle) if self.live else None
        snapshots = self.steps.step("snapshot", self._snapshots, _snapshot_detail)
        examples = self.steps.step(
            "features", lambda: make_examples(self.context, snapshots), self._features_detail
        )
        split = split_examples(self.context, examples)
        self.tale.parts["data"] = lambda: telling.tell_data(
            self.context, snapshots, examples, split.output, champion
        )
        data = self.steps.gate(
            "data", lambda: judge_data(self.context, snapshots, examples, split.output, champion)
        )
        seed_root = self._seed_root(snapshots)
        tests = self._rehearse(examples, seed_root)
        trained = self._train(examples, seed_root)
        judged, model = self._judge(snapshots, examples, trained, champion)
        built = self.steps.step(
            "bundle",
            lambda: build(self.context, snapshots, examples, trained, judged),
            lambda outcome: outcome.output["digest"][:12],
        )
        digest = self.steps.bundle = str(built.output["digest"])
        if self.live is not None and self.live.bundle == digest:
            self.label = self.live.label
            self.deployer.live.to(self.live, self.live)  # a killed delivery may not have published
            self._ask_contracts(snapshots)
            return UNCHANGED, f"nothing changed: {last} runs {self.live.label} already"
        self._attest(data, tests, model, champion)
        self._probe(snapshots, examples, trained)
        self.label = label_release(
            self.context, self.deployer.live.bundle(digest), self.row, trained.output["winner"]
        )
        released = self.context.ledger.releases.get(digest)
        self.deployer.notary.attest(
            release_statement(
                bundle=digest,
                product=self.row.product,
                delivery=self.row.id,
                label=self.label,
                facts=released.facts if released else {},
                at=now(),
            )
        )
        return self._through_environments()

    def _live_before(self, environment: str) -> DeploymentRow | None:
        """What was live there when this delivery began, also when it is resumed after its end."""
        rows = self.context.ledger.deployments.newest(self.row.product, environment, limit=2)
        own = bool(rows) and rows[0].delivery == self.row.id
        return next(iter(rows[1:] if own else rows), None)

    def _header(self) -> str:
        return delivery_phrase(
            self.row.product,
            self.row.number,
            self.row.as_of,
            zone=self.context.bound.zone or "UTC",
            environment=self.goal.last.name,
            champion=self.live.label if self.live else None,
            live_for=max(0, self.row.started - self.live.since) if self.live else None,
        )

    def _through_environments(self) -> tuple[str, str]:
        assert self.digest is not None
        assert self.label is not None
        target = Target(bundle=self.digest, label=self.label, delivery=self.row.id)
        last = self.goal.last
        for environment in self.goal.passed[:-1]:
            self.steps.step(
                environment.name,
                partial(self.deployer.deploy, environment, target, unpin=True),
                lambda row: f"runs {row.label}",
            )
            self.steps.gate(
                "post-deploy tests",
                partial(self.deployer.test_deployed, environment, target),
            )
        if self.goal.hold:
            return self._held(target)
        self.steps.step(
            last.name,
            lambda: self.deployer.deploy(last, target, unpin=self.goal.unpin),
            lambda row: f"runs {row.label}",
        )
        before = f", {self.live.label} is kept for rollback" if self.live else ""
        return DELIVERED, f"{last.name} runs {self.label}{before}{self._waived_text()}"

    def _held(self, target: Target) -> tuple[str, str]:
        """The release is admitted where it was to go, and goes there by a rollout."""
        last = self.goal.last
        current = self.deployer.live.current(last.name)
        self.steps.step(
            last.name,
            lambda: self.deployer.live.admitted(last, target, current, now()),
            lambda bundle: f"admits {target.label}",
        )
        runs = f"which runs {self.live.label}" if self.live else "where nothing runs yet"
        return HELD, f"{self.label} is proven for {last.name}, {runs}{self._waived_text()}"

    def _waived_text(self) -> str:
        """What the sentence says of gates that did not open by themselves."""
        gates = [waiver.gate for waiver in self.tale.waivers]
        return f"; waived: the {' gate, the '.join(gates)} gate" if gates else ""

    def _seed_root(self, snapshots: Outcome) -> str:
        return digest_json(
            {
                "snapshots": snapshot_digests(snapshots.output),
                "code": self.context.bound.code_digest,
            }
        )

    def _rehearse(self, examples: Outcome, seed_root: str) -> GateResult:
        """The training tests: a candidate that is broken stops the delivery before it trains."""
        kept: list[Outcome] = []

        def ask() -> GateResult:
            kept.append(rehearse(self.context, examples, seed_root))
            return GateResult.from_row(kept[0].output["result"])

        return self.steps.gate("training tests", ask, outcome=lambda: kept[0])

    def _train(self, examples: Outcome, seed_root: str) -> Outcome:
        trained: Outcome = self.steps.step(
            "train", lambda: training.train(self.context, examples, seed_root), _train_detail
        )
        self.tale.parts["evaluation"] = lambda: telling.tell_evaluation(
            self.context, examples, trained, None
        )
        if trained.output["winner"] is None:
            self.steps.alarm(nothing_ranked(trained.output["candidates"]))
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
            self.tale.parts["explanations"] = lambda: telling.tell_explanations(
                self.context, examples, trained
            )
            return GateResult.from_row(kept[0].output["result"])

        result = self.steps.gate("model", ask, outcome=lambda: kept[0])
        return kept[0], result

    def _ask_contracts(self, snapshots: Outcome) -> None:
        """What is live already is asked for what consumers have left since it was judged."""
        if not contract_files(self.context.bound.project_dir, self.row.product):
            return
        from interlock.pipeline import probing  # noqa: PLC0415 - seldom anything is left

        kept: list[Outcome] = []

        def ask() -> GateResult:
            kept.append(probing.judge_contracts(self.context, snapshots, str(self.digest)))
            return GateResult.from_row(kept[0].output["result"])

        self.steps.gate("service", ask, outcome=lambda: kept[0])

    def _probe(self, snapshots: Outcome, examples: Outcome, trained: Outcome) -> None:
        from interlock.pipeline import probing  # noqa: PLC0415 - only what is new is questioned
        from interlock.pipeline.questions import Asked  # noqa: PLC0415

        asked = Asked(
            form=self.goal.form,
            unavailable=self.deployer.online.settings.unavailable,
            log_full=self.goal.log_full,
            stores=self.deployer.online,
        )
        kept: list[Outcome] = []

        def ask() -> GateResult:
            kept.append(
                self.steps.waived_outcome("service")
                or probing.judge_service(
                    self.context, snapshots, examples, trained, str(self.digest), asked
                )
            )
            limit = telling.limit_ms(self.context.bound.product.service_gate)
            self.tale.parts["service"] = lambda: telling.tell_service(
                kept[0].output["measured"], limit
            )
            return GateResult.from_row(kept[0].output["result"])

        result = self.steps.gate("service", ask, outcome=lambda: kept[0])
        self.deployer.notary.attest(
            gate_statement(
                bundle=str(self.digest),
                product=self.row.product,
                delivery=self.row.id,
                result=result,
                at=now(),
                form=self.goal.form,
            )
        )
        self._attest_waivers("service")

    def _attest(
        self, data: GateResult, tests: GateResult, model: GateResult, champion: Bundle | None
    ) -> None:
        """Sign what was built from what, and what the gates before the bundle found."""
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
        attest(gate_statement(**common, result=tests, at=now()))
        compared = champion.digest if champion else None
        attest(gate_statement(**common, result=model, at=now(), champion=compared))
        self._attest_waivers("data", "model")

    def _attest_waivers(self, *gates: str) -> None:
        """Sign about the bundle what was signed about a gate's result: it stays there for ever."""
        for waiver in self.tale.waivers:
            if waiver.gate in gates:
                said = waiver_statement(subject=str(self.digest), waiver=waiver)
                self.deployer.notary.attest(said)

    def _snapshots(self) -> Outcome:
        """The rows, once it is sure that no refresh on the way to its goal is refused its own."""
        self.deployer.refreshing.require_rows()
        return take_snapshots(self.context)

    def _features_detail(self, outcome: Outcome) -> str:
        features = self.context.bound.features
        aggregates = sum(len(h.aggregates) for h in features.histories)
        return f"{len(features.request)} request, {aggregates} history"


def _snapshot_detail(outcome: Outcome) -> str:
    manifests = [kept["manifest"] for kept in outcome.output.values()]
    rows = sum(m["rows"] for m in manifests)
    aside = sum(sum(m["quarantined"].values()) for m in manifests)
    return f"{counted(rows, 'row')} · {aside:,} quarantined"


def _train_detail(outcome: Outcome) -> str:
    candidates = outcome.output["candidates"]
    failed = sum(row["failure"] is not None for row in candidates.values())
    best = next((row["name"] for row in outcome.output["ranking"]), "")
    winner = outcome.output["winner"]
    said = f", best {winner}" if winner == best else f", {winner}, as good as {best}"
    text = counted(len(candidates), "candidate") + (said if winner else "")
    return text + (f", {failed} failed" if failed else "")
