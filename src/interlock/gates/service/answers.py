"""Checks of what the service answers: as training did, at the edges too, and nonsense never.

Proven on the rows compared, never for all inputs: zero rows compared prove nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from interlock import wording
from interlock.evaluate.judge import Limit
from interlock.gates.finding import FEWEST_ROWS, counted, too_few, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.verdict import Check, Verdict

WIDEST_TOLERANCE = 1e-6
"""Relative. An export that promises less than this does not answer as the trained model."""
FEWEST_EDGE_ROWS = 20
"""Fewer edge cases answered decide nothing where as many or more were refused."""
_SHOWN = 3  # differences in a sentence


@dataclass(frozen=True)
class Parity(Declared):
    """Over HTTP the service gives the features and predictions that training has."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Features, predictions, and that every request was answered."""
        m = measurement
        if not (m.rows_compared > 0 and m.features_compared > 0):
            return (unmeasured("parity", "V107", "no rows were compared"),)
        if not 0 <= (m.worst_feature_difference or 0.0) < math.inf:
            return (unmeasured("parity", "V107", "a feature's difference is not a number"),)
        if not 0 <= m.rows_skipped < math.inf:
            return (unmeasured("parity", "V107", "nobody knows how many rows were left out"),)
        if not 0 <= m.tolerance <= WIDEST_TOLERANCE:
            reason = f"a tolerance of {m.tolerance:g} would hide wrong answers"
            return (unmeasured("parity", "V107", reason),)
        found = (
            none_of("every request answered", "V108", m.unanswered, n=m.rows_compared),
            none_of(
                "feature parity",
                "V102",
                m.feature_mismatches,
                n=m.features_compared,
                unit="mismatches",
                why="; ".join(m.differences[:_SHOWN]),
                evidence={
                    "rows": m.rows_compared,
                    "skipped": m.rows_skipped,
                    "worst": m.worst_feature_difference,
                },
            ),
            *_prediction_parity(m),
        )
        thin = m.rows_skipped > 0 and m.rows_compared < FEWEST_ROWS
        return tuple(_hurried(check, m) if thin and check.opens else check for check in found)


@dataclass(frozen=True)
class EdgeParity(Declared):
    """At the exporter's edge cases (thresholds, missing, unseen, extremes) nothing differs.

    A case that training and service refuse alike compares no answer: it is counted apart.
    """

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the edge rows that were answered; none is an error, few are inconclusive."""
        m = measurement
        if not 0 <= m.edge_rows_refused < math.inf:
            reason = "the number of edge rows refused is not a number"
            return (unmeasured("edge parity", "V107", reason),)
        found = none_of(
            "edge parity",
            "V103",
            m.edge_mismatches,
            n=m.edge_rows_compared,
            nothing="no edge rows were compared",
            unit="mismatches",
            evidence={"refused": m.edge_rows_refused},
        )
        thin = m.edge_rows_compared < FEWEST_EDGE_ROWS and not (
            m.edge_rows_refused < m.edge_rows_compared
        )
        return (_thin(found, m) if thin and found.opens else found,)


@dataclass(frozen=True)
class Symmetry(Declared):
    """A sample of the history values is what the oracle makes of the snapshot's rows."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the values recomputed; none is an error where there are history features."""
        name = "history recomputed"
        if measurement.unrecomputed is not None:
            return (
                Check(
                    name=name,
                    verdict=Verdict.NOT_APPLICABLE,
                    exemption=measurement.unrecomputed,
                    reason=measurement.unrecomputed.value,
                ),
            )
        return (
            none_of(
                name,
                "V109",
                measurement.oracle_mismatches,
                n=measurement.oracle_values,
                nothing="no history value was recomputed",
                unmeasured_as="V109",
            ),
        )


@dataclass(frozen=True)
class BadInput(Declared):
    """Every kind of bad input is refused with the status due to it."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges all probes together; none sent is an error."""
        wrong = measurement.bad_inputs_wrong
        return (
            none_of(
                "bad input",
                "V104",
                len(wrong),
                n=measurement.bad_inputs_sent,
                nothing="no bad input was sent",
                unit="wrong answers",
                why="; ".join(wrong[:_SHOWN]),
                evidence={"wrong": list(wrong)},
            ),
        )


@dataclass(frozen=True)
class FieldOrder(Declared):
    """A request gets the same answer whatever the order of its fields."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the orders compared; none is an error."""
        return (
            none_of(
                "field order",
                "V110",
                measurement.order_mismatches,
                n=measurement.orders_compared,
                nothing="no request was sent in another order",
                unit="other answers",
            ),
        )


def _hurried(found: Check, m: ServiceMeasurement) -> Check:
    """Nothing differs in the few rows for which there was time."""
    few = too_few(m.rows_compared, "row", FEWEST_ROWS)
    left = wording.counted(m.rows_skipped, "row was", "rows were")
    reason = f"{few}; {left} left out as time was short"
    return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason)


def _thin(found: Check, m: ServiceMeasurement) -> Check:
    """Nothing differs in the few edge cases that were answered."""
    refused = wording.counted(m.edge_rows_refused, "case", "cases")
    few = too_few(m.edge_rows_compared, "answered edge case", FEWEST_EDGE_ROWS)
    reason = f"{few}; training and service refused {refused}"
    return replace(found, verdict=Verdict.INCONCLUSIVE, reason=reason)


def none_of(
    name: str,
    code: str,
    wrong: float,
    *,
    n: int,
    nothing: str = "nothing was compared",
    unmeasured_as: str = "V107",
    **more: Any,
) -> Check:
    """Of ``n`` that were looked at none may be wrong; where none was looked at, it is an error.

    ``nothing`` says so, under the code ``unmeasured_as``; ``more`` is for ``counted``.
    """
    if not n > 0:
        return unmeasured(name, unmeasured_as, nothing)
    return counted(name, code, wrong, Limit(at_most=0), n=n, **more)


def _prediction_parity(m: ServiceMeasurement) -> tuple[Check, ...]:
    evidence = {"differences": list(m.differences), "tolerance": m.tolerance}
    return (
        none_of(
            "prediction parity",
            "V102",
            m.prediction_mismatches,
            n=m.rows_compared,
            unit="mismatches",
            why="; ".join(m.differences[:_SHOWN]),
            evidence=evidence,
        ),
        counted(
            "worst prediction difference",
            "V102",
            m.worst_prediction_difference,
            Limit(at_most=m.tolerance),
            n=m.rows_compared,
            unit="relative",
        ),
    )
