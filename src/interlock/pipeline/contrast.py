"""Two releases on the same rows: each answers the newest test rows with its own feature code.

Metrics are paired and of rows that neither release has learned from; the rows on which they
disagree most may be any that both answer and cover. What keeps a release from answering (a field or
a source that is no longer declared, other classes) is said, and nothing is compared then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from interlock.data.snapshot import Taken
from interlock.digest import seed_from
from interlock.evaluate.compare import Estimate, difference, estimates
from interlock.evaluate.predicted import Predicted
from interlock.gates.model.gate import model_gate
from interlock.pipeline.context import Context
from interlock.pipeline.judging.champion import score_champion
from interlock.pipeline.judging.champion_score import ChampionScore
from interlock.pipeline.judging.misfit import Today
from interlock.pipeline.judging.shown import shown_names
from interlock.pipeline.rows.dividing import load_split, split_examples, split_identity
from interlock.pipeline.rows.examples import load_examples, make_examples
from interlock.pipeline.rows.snapshots import load_snapshots, snapshot_digests, take_snapshots
from interlock.pipeline.training.seen import clusters_of, rows_of
from interlock.product.training_set import TrainingSet
from interlock.release.bundle import Bundle
from interlock.serve.contract import AnswerContract
from interlock.stats.resamples import Resamples
from interlock.train.answer import AnswerSpec
from interlock.wording import counted

FEWEST_ROWS = 30  # that neither has seen, for a metric to be worth its interval


@dataclass(frozen=True, kw_only=True)
class PairedMetric:
    """A metric of both on the same rows; ``change`` is the later less the earlier, paired."""

    name: str
    unit: str
    better: str
    before: Estimate
    after: Estimate
    change: Estimate


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one release answers: a number, or a class and the probability it is given."""

    value: Any
    probability: float | None = None


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One row. ``size`` is the share by which the answers differ where both are answered in
    logarithms, else the difference in the target's unit; for classes the probability that would
    have to move. ``key`` is the source's, ``at`` the prediction time (µs), ``truth`` what was so.
    """

    key: Any
    at: int
    before: Said
    after: Said
    truth: Any
    size: float
    request: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """``rows`` test rows as of ``as_of``, of which ``both`` were answered and are covered by both
    releases, ``unseen`` learned from by neither, and ``not_covered`` (before, after) by one each.
    ``reason`` says why nothing was compared, ``unjudged`` why no metric was; ``relative`` whether
    disagreements are shares.
    """

    as_of: int
    rows: int = 0
    both: int = 0
    unseen: int = 0
    not_covered: tuple[int, int] = (0, 0)
    reason: str = ""
    unjudged: str = ""
    relative: bool = False
    zone: str = "UTC"
    unit: str = ""
    metrics: tuple[PairedMetric, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()


def contrast(
    context: Context, before: Bundle, after: Bundle, *, labels: tuple[str, str], most: int
) -> Contrast:
    """Both on the test rows of the context's moment, with ``most`` disagreements.

    Raises InterlockError when the rows cannot be had: a source is gone, the project does not bind.
    """
    snapshots = take_snapshots(context)
    examples = make_examples(context, snapshots)
    rows = load_examples(context, examples.output)
    test = load_split(context, split_examples(context, examples).output).test
    found = Contrast(as_of=context.as_of, rows=len(test), zone=context.bound.zone or "UTC")
    if not len(test):
        return _with(found, reason="there are no test rows")
    scores = _scored(context, load_snapshots(context, snapshots.output), rows, test, before, after)
    for label, score in zip(labels, scores, strict=True):
        if score.prediction is None:
            return _with(found, reason=f"{label} cannot answer these rows: {score.reason}")
    pair = (_predicted(scores[0], rows, test), _predicted(scores[1], rows, test))
    both = np.isfinite(_plain(pair[0])) & np.isfinite(_plain(pair[1]))
    both[sorted(scores[0].not_covered | scores[1].not_covered)] = False  # an estimate at most
    unseen = scores[0].comparable & scores[1].comparable
    seed = seed_from("contrast", *snapshot_digests(snapshots.output).values())
    specs = [AnswerContract.from_row(b.json("answer.json")).spec for b in (before, after)]
    found = _with(
        found,
        both=int(both.sum()),
        unseen=int(unseen.sum()),
        not_covered=(len(scores[0].not_covered), len(scores[1].not_covered)),
        unit=getattr(context.bound.product.target, "unit", ""),
        relative=all(_is_relative(spec) for spec in specs),
    )
    if unseen.sum() < FEWEST_ROWS:
        found = _with(found, unjudged=_too_few(int(unseen.sum()), labels, scores))
    else:
        found = _with(found, metrics=_paired(context, rows, test, pair, unseen, seed))
    ranked = _ranked(pair, both, relative=found.relative)[:most]
    named = [_disagreement(context, rows, int(test[i]), int(i), pair, size) for i, size in ranked]
    return _with(found, disagreements=tuple(named))


def _scored(
    context: Context,
    taken: Mapping[str, Taken],
    rows: TrainingSet,
    test: NDArray[Any],
    *bundles: Bundle,
) -> list[ChampionScore]:
    """What each bundle answers to the test rows."""
    table = rows.table.take(pa.array(test))
    requests = {
        f.name: table.column(f"request.{f.name}").to_pylist() for f in context.bound.schema.fields
    }
    today, split = Today.of(context.bound, rows.classes), split_identity(context)
    return [
        score_champion(bundle, requests, rows.instants[test], taken, today=today, split=split)
        for bundle in bundles
    ]


def _too_few(unseen: int, labels: tuple[str, str], scores: Sequence[ChampionScore]) -> str:
    """Why the metrics of so few rows are not compared."""
    seen = f"{counted(unseen, 'row')} that neither release has learned from"
    why = [f"{n}: {s.reason}" for n, s in zip(labels, scores, strict=True) if s.reason]
    return "; ".join([f"too few: {seen}, {FEWEST_ROWS} needed", *why])


def _with(found: Contrast, **changes: Any) -> Contrast:
    return Contrast(**{**vars(found), **changes})


def _predicted(score: ChampionScore, rows: TrainingSet, test: NDArray[Any]) -> Predicted:
    assert score.prediction is not None
    return score.prediction.beside(rows_of(rows).at(test))


def _plain(prediction: Predicted) -> NDArray[np.float64]:
    """One number a row: NaN where a row was not answered."""
    values = prediction.values
    return values if values.ndim == 1 else values[:, 0]


def _is_relative(spec: AnswerSpec) -> bool:
    return spec.task == "regression" and (spec.transform == "log" or spec.link == "log")


def _paired(
    context: Context,
    rows: TrainingSet,
    test: NDArray[Any],
    pair: tuple[Predicted, Predicted],
    chosen: NDArray[np.bool_],
    seed: int,
) -> tuple[PairedMetric, ...]:
    """The usual and the declared metrics on the chosen test rows."""
    product, y = context.bound.product, rows.y[test][chosen]
    clusters = clusters_of(rows, test[chosen])
    before, after = (one[chosen] for one in pair)
    unit = getattr(product.target, "unit", "")
    drawn = Resamples.of(len(y), seed=seed, clusters=clusters)
    names = shown_names(product, model_gate(product.model_gate))
    metrics = [context.bound.metric(name, rows.classes) for name in names]
    values = [estimates(metrics, y, one, seed=seed, resamples=drawn) for one in (before, after)]
    return tuple(
        PairedMetric(
            name=metric.name,
            unit=metric.unit_shown(unit),
            better=metric.better,
            before=then,
            after=now,
            change=difference(metric, y, after, before, seed=seed, resamples=drawn),
        )
        for metric, then, now in zip(metrics, *values, strict=True)
    )


def _ranked(
    pair: tuple[Predicted, Predicted], both: NDArray[np.bool_], *, relative: bool
) -> Sequence[tuple[int, float]]:
    """(place, size) of the rows that both answer, the largest first; equal answers are left out."""
    before, after = pair[0].values, pair[1].values
    with np.errstate(all="ignore"):
        if before.ndim == 2:
            size = np.abs(after - before).sum(axis=1) / 2
        elif relative:
            size = after / before - 1
        else:
            size = after - before
    weight = np.abs(np.log1p(size)) if relative else np.abs(size)
    weight = np.where(both & np.isfinite(weight), weight, 0.0)
    order = np.argsort(-weight, kind="stable")
    return [(int(i), float(size[i])) for i in order if weight[i] > 0]


def _disagreement(
    context: Context,
    rows: TrainingSet,
    number: int,
    place: int,
    pair: tuple[Predicted, Predicted],
    size: float,
) -> Disagreement:
    """``number`` is the row's among the examples, ``place`` among the test rows."""
    row = rows.table.slice(number, 1).to_pylist()[0]
    truth = rows.y[number]
    return Disagreement(
        key=row["key"],
        at=row["t"],
        before=_said(pair[0], place, rows.classes),
        after=_said(pair[1], place, rows.classes),
        truth=rows.classes[int(truth)] if rows.classes else float(truth),
        size=size,
        request={f.name: row[f"request.{f.name}"] for f in context.bound.schema.fields},
    )


def _said(prediction: Predicted, place: int, classes: tuple[Any, ...]) -> Said:
    if prediction.answered is None:
        return Said(value=float(prediction.values[place]))
    index = int(prediction.answered[place])
    return Said(value=classes[index], probability=float(prediction.values[place, index]))
