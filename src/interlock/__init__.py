"""Interlock: continuous delivery for machine learning.

Everything a product declares is here by name, loaded on first use, so that ``import interlock``
costs next to nothing:

>>> import interlock as il
>>> il.Int(ge=5_000, unit="USD").unit
'USD'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "interlock.data.request_class": ("Request", "field", "asked_at"),
    "interlock.data.columns": ("Int", "Float", "Str", "Bool", "Date", "Datetime", "Category"),
    "interlock.data.source": ("Source",),
    "interlock.features.declare": ("feature", "label", "postprocess"),
    "interlock.features.aggregates": (
        "History",
        "CustomHistory",
        "count",
        "share",
        "mean",
        "std",
        "median",
        "quantile",
        "distinct",
        "latest",
        "first",
    ),
    "interlock.features.outliers": ("Outliers", "outlier"),
    "interlock.gates.data.coverage": ("SegmentCoverage",),
    "interlock.product.product": ("Product",),
    "interlock.release.card": ("Card",),
    "interlock.product.target": ("Regression", "Binary", "Multiclass"),
    "interlock.train.candidate": (
        "Candidate",
        "Baseline",
        "Mean",
        "Median",
        "GroupMean",
        "GroupMedian",
        "ClassPrior",
        "GroupClassPrior",
    ),
    "interlock.train.distribution": ("int_range", "float_range", "choice"),
    "interlock.train.split": ("TimeSplit", "HashSplit"),
    "interlock.train.decision_rule": ("MinCost", "MaxFBeta", "Costs"),
    "interlock.evaluate.custom": ("metric", "Scaled"),
    "interlock.gates.data.rows": (
        "MinRows",
        "MaxQuarantined",
        "MaxDuplicates",
        "MaxFeatureFailures",
        "MaxViolations",
        "MaxMissing",
        "MinPerPart",
    ),
    "interlock.gates.data.freshness": ("Fresh",),
    "interlock.gates.data.leakage": ("NoLeakage",),
    "interlock.gates.data.shift": ("Drift", "Integrity"),
    "interlock.gates.data.labels": ("LabelDelay",),
    "interlock.gates.model.absolute": ("Below", "Above", "Between"),
    "interlock.gates.model.baselines": ("BeatsBaselines",),
    "interlock.gates.model.champion": ("NoWorseThanChampion", "BetterThanChampion"),
    "interlock.gates.model.calibration": ("Calibrated",),
    "interlock.gates.model.coverage": ("IntervalCoverage",),
    "interlock.gates.model.fairness": ("Fair",),
    "interlock.gates.model.slices": ("Slices",),
    "interlock.gates.model.tuning": ("TuneAgrees",),
    "interlock.gates.model.width": ("IntervalWidth",),
    "interlock.gates.model.behaviour": ("Directional", "Invariant"),
    "interlock.gates.model.expect": ("Expect",),
    "interlock.gates.service.latency": ("P99Below",),
    "interlock.gates.service.load": ("Sustains",),
    "interlock.gates.service.memory": ("MemoryBelow",),
    "interlock.gates.service.start": ("ColdStartBelow",),
}
_RENAMED = {
    "sum": ("interlock.features.aggregates", "total"),
    "min": ("interlock.features.aggregates", "minimum"),
    "max": ("interlock.features.aggregates", "maximum"),
}
_HOME = {name: (module, name) for module, names in _WHERE.items() for name in names} | _RENAMED

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'interlock' has no attribute '{name}'")
    module, original = _HOME[name]
    value = getattr(importlib.import_module(module), original)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


if TYPE_CHECKING:
    from interlock.data.columns import Bool as Bool
    from interlock.data.columns import Category as Category
    from interlock.data.columns import Date as Date
    from interlock.data.columns import Datetime as Datetime
    from interlock.data.columns import Float as Float
    from interlock.data.columns import Int as Int
    from interlock.data.columns import Str as Str
    from interlock.data.request_class import Request as Request
    from interlock.data.request_class import asked_at as asked_at
    from interlock.data.request_class import field as field
    from interlock.data.source import Source as Source
    from interlock.evaluate.custom import Scaled as Scaled
    from interlock.evaluate.custom import metric as metric
    from interlock.features.aggregates import CustomHistory as CustomHistory
    from interlock.features.aggregates import History as History
    from interlock.features.aggregates import count as count
    from interlock.features.aggregates import distinct as distinct
    from interlock.features.aggregates import first as first
    from interlock.features.aggregates import latest as latest
    from interlock.features.aggregates import maximum as max  # noqa: F401
    from interlock.features.aggregates import mean as mean
    from interlock.features.aggregates import median as median
    from interlock.features.aggregates import minimum as min  # noqa: F401
    from interlock.features.aggregates import quantile as quantile
    from interlock.features.aggregates import share as share
    from interlock.features.aggregates import std as std
    from interlock.features.aggregates import total as sum  # noqa: F401
    from interlock.features.declare import feature as feature
    from interlock.features.declare import label as label
    from interlock.features.declare import postprocess as postprocess
    from interlock.features.outliers import Outliers as Outliers
    from interlock.features.outliers import outlier as outlier
    from interlock.gates.data.coverage import SegmentCoverage as SegmentCoverage
    from interlock.gates.data.freshness import Fresh as Fresh
    from interlock.gates.data.labels import LabelDelay as LabelDelay
    from interlock.gates.data.leakage import NoLeakage as NoLeakage
    from interlock.gates.data.rows import MaxDuplicates as MaxDuplicates
    from interlock.gates.data.rows import MaxFeatureFailures as MaxFeatureFailures
    from interlock.gates.data.rows import MaxMissing as MaxMissing
    from interlock.gates.data.rows import MaxQuarantined as MaxQuarantined
    from interlock.gates.data.rows import MaxViolations as MaxViolations
    from interlock.gates.data.rows import MinPerPart as MinPerPart
    from interlock.gates.data.rows import MinRows as MinRows
    from interlock.gates.data.shift import Drift as Drift
    from interlock.gates.data.shift import Integrity as Integrity
    from interlock.gates.model.absolute import Above as Above
    from interlock.gates.model.absolute import Below as Below
    from interlock.gates.model.absolute import Between as Between
    from interlock.gates.model.baselines import BeatsBaselines as BeatsBaselines
    from interlock.gates.model.behaviour import Directional as Directional
    from interlock.gates.model.behaviour import Invariant as Invariant
    from interlock.gates.model.calibration import Calibrated as Calibrated
    from interlock.gates.model.champion import BetterThanChampion as BetterThanChampion
    from interlock.gates.model.champion import NoWorseThanChampion as NoWorseThanChampion
    from interlock.gates.model.coverage import IntervalCoverage as IntervalCoverage
    from interlock.gates.model.expect import Expect as Expect
    from interlock.gates.model.fairness import Fair as Fair
    from interlock.gates.model.slices import Slices as Slices
    from interlock.gates.model.tuning import TuneAgrees as TuneAgrees
    from interlock.gates.model.width import IntervalWidth as IntervalWidth
    from interlock.gates.service.latency import P99Below as P99Below
    from interlock.gates.service.load import Sustains as Sustains
    from interlock.gates.service.memory import MemoryBelow as MemoryBelow
    from interlock.gates.service.start import ColdStartBelow as ColdStartBelow
    from interlock.product.product import Product as Product
    from interlock.product.target import Binary as Binary
    from interlock.product.target import Multiclass as Multiclass
    from interlock.product.target import Regression as Regression
    from interlock.release.card import Card as Card
    from interlock.train.candidate import Baseline as Baseline
    from interlock.train.candidate import Candidate as Candidate
    from interlock.train.candidate import ClassPrior as ClassPrior
    from interlock.train.candidate import GroupClassPrior as GroupClassPrior
    from interlock.train.candidate import GroupMean as GroupMean
    from interlock.train.candidate import GroupMedian as GroupMedian
    from interlock.train.candidate import Mean as Mean
    from interlock.train.candidate import Median as Median
    from interlock.train.decision_rule import Costs as Costs
    from interlock.train.decision_rule import MaxFBeta as MaxFBeta
    from interlock.train.decision_rule import MinCost as MinCost
    from interlock.train.distribution import choice as choice
    from interlock.train.distribution import float_range as float_range
    from interlock.train.distribution import int_range as int_range
    from interlock.train.split import HashSplit as HashSplit
    from interlock.train.split import TimeSplit as TimeSplit
