"""What a model card shows: a release, told from its bundle and its attestations alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.release.card import Card
from interlock.release.waiver import Waiver
from interlock.report.content.data import Column
from interlock.report.content.evaluation import Metric
from interlock.report.content.fairness import FairnessJudged
from interlock.report.content.slices import SlicesJudged
from interlock.verdict import GateResult


@dataclass(frozen=True, kw_only=True)
class CardField:
    """A field of the request; ``allowed`` is its rule in words."""

    name: str
    kind: str
    unit: str = ""
    allowed: str = ""
    optional: bool = False
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class CardInput:
    """A value that the model sees: what it is made of, and what the ranking metric loses without.

    ``importance`` is that loss when its values are shuffled, with its interval.
    """

    name: str
    made_of: str
    unit: str = ""
    description: str = ""
    importance: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class CardMetric:
    """A metric, and the release's value on the test rows."""

    metric: Metric
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class CardMaking:
    """How the model was made; ``kind`` is the estimator's class, instants are µs UTC."""

    candidate: str
    format: str
    kind: str = ""
    exactness: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    n_rows: int | None = None
    trained_until: int | None = None
    seen_until: int | None = None
    split: Mapping[str, Any] = field(default_factory=dict)
    snapshot: str = ""
    commit: str | None = None
    dirty: bool = False
    at: int | None = None


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """A release. ``label`` is None for a bundle that no gate let become a release.

    ``task`` is regression, binary or multiclass; ``interval`` the level of the prediction interval;
    ``covered`` what it answers for, a sentence each, where that is limited; ``columns`` the profile
    of the inputs on the test rows; ``slices`` and ``fairness`` what the model gate saw of parts of
    the rows; ``waivers`` opened a gate that had stayed shut; ``erased`` what erasures did to it.
    """

    product: str
    digest: str
    task: str
    target: str
    making: CardMaking
    label: str | None = None
    zone: str = "UTC"
    unit: str = ""
    classes: tuple[str, ...] = ()
    interval: float | None = None
    declared: Card = field(default_factory=Card)
    ranked_by: str = ""
    metrics: tuple[CardMetric, ...] = ()
    fields: tuple[CardField, ...] = ()
    inputs: tuple[CardInput, ...] = ()
    covered: tuple[str, ...] = ()
    estimates_uncovered: bool = False
    columns: tuple[Column, ...] = ()
    gates: tuple[GateResult, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    slices: tuple[SlicesJudged, ...] = ()
    fairness: tuple[FairnessJudged, ...] = ()
    erased: tuple[str, ...] = ()
