"""What a report is made of. The pipeline fills these records; the report only draws them.

Instants are microseconds UTC. Every collection may be empty: the page then says so in words.
Nothing here is a path, a host or the present time, so that equal contents give equal bytes.

Measured values are :class:`interlock.evaluate.compare.Estimate`, in the unit of their metric:
"%" for a share of 1, "1" or "" for a plain number, else the unit itself.

>>> Data(read=10, usable=8, quarantined=(Quarantine(reason="no price", rows=2),)).quarantined_rows
2
"""

from __future__ import annotations

from interlock.data.drift import InputDrift
from interlock.data.integrity import FaultRate
from interlock.data.label_times import LabelTimes
from interlock.evaluate.leakage import Revealed
from interlock.report.content.behaviour import Behaviour, BehaviourExample
from interlock.report.content.card import CardField, CardInput, CardMaking, CardMetric, ModelCard
from interlock.report.content.classes import (
    ClassesSummary,
    ClassScore,
    Curve,
    Decision,
    ReliabilityBin,
    ThresholdPoint,
)
from interlock.report.content.coverage import Coverage, OutlierCount, Segment, Segmentation
from interlock.report.content.data import (
    CategoricalColumn,
    Column,
    Data,
    NumericColumn,
    Quarantine,
    SplitPart,
)
from interlock.report.content.delivery import Attestation, Command, Content, Lineage
from interlock.report.content.evaluation import (
    Candidate,
    CandidateKind,
    Evaluation,
    Metric,
    Ranked,
    WithoutOutliers,
)
from interlock.report.content.explanations import Dependence, Explanations, InputImportance
from interlock.report.content.fairness import FairnessJudged, GroupsCompared, GroupValue
from interlock.report.content.parts import Period, SliceError
from interlock.report.content.promises import IntervalsMeasured, PartCoverage
from interlock.report.content.regression import Cloud, Decile, Histogram, RegressionSummary
from interlock.report.content.service import (
    BadInput,
    Fault,
    LatencyWindow,
    LoadStep,
    Parity,
    Service,
)
from interlock.report.content.slices import SliceFinding, SlicesJudged
from interlock.report.content.steps import Step, StepStatus

__all__ = [
    "Attestation",
    "BadInput",
    "Behaviour",
    "BehaviourExample",
    "Candidate",
    "CandidateKind",
    "CardField",
    "CardInput",
    "CardMaking",
    "CardMetric",
    "CategoricalColumn",
    "ClassScore",
    "ClassesSummary",
    "Cloud",
    "Column",
    "Command",
    "Content",
    "Coverage",
    "Curve",
    "Data",
    "Decile",
    "Decision",
    "Dependence",
    "Evaluation",
    "Explanations",
    "FairnessJudged",
    "Fault",
    "FaultRate",
    "GroupValue",
    "GroupsCompared",
    "Histogram",
    "InputDrift",
    "InputImportance",
    "IntervalsMeasured",
    "LabelTimes",
    "LatencyWindow",
    "Lineage",
    "LoadStep",
    "Metric",
    "ModelCard",
    "NumericColumn",
    "OutlierCount",
    "Parity",
    "PartCoverage",
    "Period",
    "Quarantine",
    "Ranked",
    "RegressionSummary",
    "ReliabilityBin",
    "Revealed",
    "Segment",
    "Segmentation",
    "Service",
    "SliceError",
    "SliceFinding",
    "SlicesJudged",
    "SplitPart",
    "Step",
    "StepStatus",
    "ThresholdPoint",
    "WithoutOutliers",
]
