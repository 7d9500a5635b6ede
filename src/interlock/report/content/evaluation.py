"""The competition: who took part, by which metrics, and how they fared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from interlock.evaluate.compare import Estimate
from interlock.report.content.behaviour import Behaviour
from interlock.report.content.classes import ClassesSummary
from interlock.report.content.fairness import FairnessJudged
from interlock.report.content.regression import RegressionSummary
from interlock.report.content.slices import SlicesJudged


class CandidateKind(StrEnum):
    """What part a competitor plays."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"
    CHAMPION = "champion"
    YARDSTICK = "yardstick"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric's name and direction; ``limit`` is the absolute limit declared for it, if any.

    Where ``upper`` is given the value must lie between the two. ``best`` is the value that is best
    where both sides of it are worse: neither lower nor higher is better then. ``meaning`` says in a
    few words what is measured.
    """

    name: str
    lower_is_better: bool = True
    limit: float | None = None
    unit: str = ""
    upper: float | None = None
    best: float | None = None
    meaning: str = ""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One competitor and how it fared; ``failure`` says why it has no scores."""

    name: str
    kind: CandidateKind
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    seconds: float | None = None
    format: str = ""
    exactness: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A candidate's place on the tune rows, best first, by the first metric of the evaluation.

    ``difference`` is its metric minus the best one's, paired, None for the best one; ``cost`` what
    serving it takes, in words; ``because`` says why it was chosen, or why not.
    """

    name: str
    value: float
    difference: Estimate | None
    cost: str
    chosen: bool
    because: str


@dataclass(frozen=True, kw_only=True)
class WithoutOutliers:
    """The winner's metrics without the ``named`` test rows that an outlier rule names.

    They stay in all that is judged: no request says of itself that its outcome will be odd.
    """

    named: int
    rows: int
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The competition: who took part, by which metrics (the first ranks), and who won.

    ``ranking`` says how the winner was chosen, before any of them saw the test rows;
    ``behaviour`` is what the winner answered to changed requests and to examples.
    """

    metrics: tuple[Metric, ...]
    candidates: tuple[Candidate, ...]
    winner: str | None = None
    test: RegressionSummary | ClassesSummary | None = None
    ranking: tuple[Ranked, ...] = ()
    behaviour: tuple[Behaviour, ...] = ()
    slices: tuple[SlicesJudged, ...] = ()
    fairness: tuple[FairnessJudged, ...] = ()
    without_outliers: WithoutOutliers | None = None
