"""interlock symmetry: recompute a sample of what was answered, and tell defects from staleness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from interlock.clock import now
from interlock.data.request import RequestSchema
from interlock.errors import IntegrityError
from interlock.features.assemble import history_rows
from interlock.features.definition import FeatureSet
from interlock.features.request import PackedFeatures
from interlock.pipeline.alone import storing
from interlock.pipeline.deploying.deployer import Deployer
from interlock.pipeline.places import REPLAY
from interlock.pipeline.rows.snapshots import load_snapshots, take_snapshots
from interlock.pipeline.symmetry import Recomputed, SymmetryFindings, compare, sampled
from interlock.product.training_set import packed_features
from interlock.release.bundle import Bundle
from interlock.release.coverage import open_covering
from interlock.serve.log.logged import PREDICTIONS
from interlock.serve.log.record import Record
from interlock.serve.log.shipping import read_all
from interlock.workspace import Workspace

_REPLAYS = "staging"  # prod itself never answers for the past
_MOST = 5_000  # answers compared at a time; the newest are taken


@dataclass(frozen=True, kw_only=True)
class SymmetryReport:
    """What the sample showed; ``logged`` counts the answers in the log."""

    product: str
    environment: str
    logged: int
    sampled: int
    findings: SymmetryFindings

    @property
    def defective(self) -> bool:
        """Whether there is any defect; their budget is 0."""
        return bool(self.findings.defects)


def symmetry(
    workspace: Workspace,
    product: str | None = None,
    *,
    environment: str = "prod",
    share: float = 0.1,
    replayed: bool = False,
) -> SymmetryReport:
    """Compare a share of the entities in the environment's prediction log.

    ``replayed`` looks at what a replay answered instead. Nothing compared proves nothing: the
    report says how many rows it rests on.
    """
    place = workspace.environment(environment)
    bound = workspace.bound(product)
    deployer = workspace.deployer(bound, now())
    log = workspace.places.log(REPLAY if replayed else place.name, bound.product.name)
    logged, chosen = newest_sampled(log, share)
    live = deployer.live.believed(_REPLAYS if replayed and place.name == "prod" else place.name)
    releases = _releases(deployer, {r.digest for r in chosen}, live.bundle if live else "")
    findings = compare(chosen, releases)
    workspace.ledger.append(
        "symmetry.checked",
        subject=place.name,
        product=bound.product.name,
        body={
            "rows": findings.rows,
            "values": findings.values,
            "defects": len(findings.defects),
            "stale": len(findings.stale),
        },
        at=now(),
    )
    return SymmetryReport(
        product=bound.product.name,
        environment=place.name,
        logged=logged,
        sampled=len(chosen),
        findings=findings,
    )


def newest_sampled(log: Path, share: float, *, most: int = _MOST) -> tuple[int, list[Record]]:
    """How many answers are in the log, shipped or not; the newest of the sampled ones, in order.

    The log is read as a stream: it is far larger than what is kept. Raises IntegrityError S153
    where it is damaged.
    """
    logged = 0

    def answers() -> Iterator[Record]:
        nonlocal logged
        for entry in PREDICTIONS.of(read_all(log)):
            record = PREDICTIONS.told(entry)
            logged += record.status == 200
            yield from sampled([record], share=share)

    newest = nlargest(most, answers(), key=lambda record: (record.time, record.id))
    return logged, newest[::-1]


def _releases(deployer: Deployer, digests: set[str], live: str) -> dict[str, Recomputed]:
    """Every release that answered, with the rows that its histories read today.

    The project's present functions are held against the live release alone: one that was replaced
    has functions of its own by right.
    """
    context = deployer.context
    with storing(deployer.places.storing):
        taken = load_snapshots(context, take_snapshots(context).output)
    present = packed_features(context.bound)
    found = {}
    for digest in sorted(digests):
        try:
            bundle = deployer.live.bundle(digest)
        except IntegrityError:
            continue
        schema = RequestSchema.from_row(bundle.json("request.json"))
        features = FeatureSet.from_row(bundle.json("features.json"))
        released = _released(bundle, features, schema)
        fits = set(present.fields) <= {f.name for f in schema.fields}
        found[digest] = Recomputed(
            features=features,
            fields={f.name: f.kind for f in schema.fields},
            released=released,
            present=present if digest == live and fits else None,
            rows={
                h.name: history_rows(h, released, taken[h.source].revisions)
                for h in features.histories
                if h.source in taken
            },
            covering=open_covering(bundle, name=f"symmetry_{digest}"),
        )
    return found


def _released(bundle: Bundle, features: FeatureSet, schema: RequestSchema) -> PackedFeatures:
    return PackedFeatures.load(
        bundle.packed,
        features,
        fields=[f.name for f in schema.fields],
        name=f"symmetry_{bundle.digest}",
    )
