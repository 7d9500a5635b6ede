"""What the winner leans on, and how its prediction moves with an input."""

from __future__ import annotations

from dataclasses import dataclass

from interlock.evaluate.compare import Estimate
from interlock.report.content.evaluation import Metric


@dataclass(frozen=True, kw_only=True)
class InputImportance:
    """What the metric loses when ``inputs`` are shuffled together; more is more important.

    ``name`` is the input's, or that of the history whose aggregates they are. An estimate without
    an interval could not be computed on the rows.
    """

    name: str
    inputs: tuple[str, ...]
    loss: Estimate


@dataclass(frozen=True, kw_only=True)
class Dependence:
    """The mean prediction when one input has each of some values in every row.

    ``points`` are numbers, or ``labels`` the values of a category. ``mean``, ``low`` and ``high``
    (its 95 % interval over rows) and ``decile_low`` and ``decile_high`` (between which lie eight of
    ten rows) have one value each. ``of`` is the class whose probability it is, "" for a regression;
    ``unit`` is the input's; ``deciles`` say where rows really lie.
    """

    name: str
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    decile_low: tuple[float, ...]
    decile_high: tuple[float, ...]
    points: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    of: str = ""
    unit: str = ""
    deciles: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Explanations:
    """Of the winner, on ``rows`` test rows; the most important input comes first.

    ``metric`` is what importance is a loss of; ``target`` and ``target_unit`` what a dependence
    shows for a regression.
    """

    metric: Metric
    rows: int
    importances: tuple[InputImportance, ...] = ()
    dependences: tuple[Dependence, ...] = ()
    target: str = ""
    target_unit: str = ""
