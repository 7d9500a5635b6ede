"""interlock train: train and compare the candidates; nothing is delivered."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.clock import now, parse_instant
from interlock.digest import digest_json
from interlock.pipeline import telling
from interlock.pipeline.alone import storing
from interlock.pipeline.context import Context
from interlock.pipeline.judging.model import judge_model
from interlock.pipeline.rows.dividing import split_examples
from interlock.pipeline.rows.examples import make_examples
from interlock.pipeline.rows.snapshots import snapshot_digests, take_snapshots
from interlock.pipeline.training import training
from interlock.report.content import Candidate, Ranked
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Run:
    """One candidate's run: its competitor's facts, and its metric on the tune rows."""

    candidate: Candidate
    tune: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """Runs side by side; only the winner and the baselines have metrics of the test rows.

    ``ranking`` says how the winner was chosen, best first.
    """

    product: str
    as_of: int
    metric: str
    lower_is_better: bool
    unit: str
    winner: str | None
    parts: dict[str, int]
    runs: tuple[Run, ...]
    ranking: tuple[Ranked, ...] = ()


def train(
    workspace: Workspace, product: str | None = None, *, as_of: str | None = None
) -> TrainReport:
    """Train as of a moment (default: now), without gates and without a release."""
    bound = workspace.bound(product)
    moment = parse_instant(as_of, zone=bound.zone or "UTC") if as_of else now()
    with storing(workspace.places.storing):
        return _trained(workspace.context(bound, moment))


def _trained(context: Context) -> TrainReport:
    bound = context.bound
    snapshots = take_snapshots(context)
    examples = make_examples(context, snapshots)
    split = split_examples(context, examples)
    seed_root = digest_json(
        {"snapshots": snapshot_digests(snapshots.output), "code": bound.code_digest}
    )
    trained = training.train(context, examples, seed_root)
    judged = (
        judge_model(context, snapshots, examples, trained, None, "")
        if trained.output["winner"]
        else None
    )
    told = telling.tell_evaluation(context, examples, trained, judged)
    rows, metric = trained.output["candidates"], bound.metric(bound.product.metric_name)
    return TrainReport(
        product=bound.product.name,
        as_of=context.as_of,
        metric=metric.name,
        lower_is_better=metric.better == "lower",
        unit=metric.unit_shown(getattr(bound.product.target, "unit", "")),
        winner=trained.output["winner"],
        parts=dict(split.output["rows"]),
        runs=tuple(
            Run(
                candidate=candidate,
                tune=rows.get(candidate.name, {}).get("tune"),
                notes=tuple(rows.get(candidate.name, {}).get("notes", ())),
            )
            for candidate in told.candidates
        ),
        ranking=told.ranking,
    )
