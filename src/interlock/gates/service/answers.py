"""Checks of what the service answers: as training did, at the edges too, and nonsense never.

Proven on the rows compared, never for all inputs: zero rows compared prove nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from interlock.evaluate.judge import Limit
from interlock.gates.finding import counted, unmeasured
from interlock.gates.gate import Declared
from interlock.gates.service.measurement import ServiceMeasurement
from interlock.verdict import Check, Verdict

WIDEST_TOLERANCE = 1e-6
"""Relative. An export that promises less than this does not answer as the trained model."""
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
        if not 0 <= m.tolerance <= WIDEST_TOLERANCE:
            reason = f"a tolerance of {m.tolerance:g} would hide wrong answers"
            return (unmeasured("parity", "V107", reason),)
        return (
            counted(
                "every request answered",
                "V108",
                m.unanswered,
                Limit(at_most=0),
                n=m.rows_compared,
            ),
            counted(
                "feature parity",
                "V102",
                m.feature_mismatches,
                Limit(at_most=0),
                n=m.features_compared,
                unit="mismatches",
                why="; ".join(m.differences[:_SHOWN]),
                evidence={"rows": m.rows_compared, "worst": m.worst_feature_difference},
            ),
            *_prediction_parity(m),
        )


@dataclass(frozen=True)
class EdgeParity(Declared):
    """At the exporter's edge cases (thresholds, missing, unseen, extremes) nothing differs."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the edge rows; none compared is an error."""
        if not measurement.edge_rows_compared > 0:
            return (unmeasured("edge parity", "V107", "no edge rows were compared"),)
        return (
            counted(
                "edge parity",
                "V103",
                measurement.edge_mismatches,
                Limit(at_most=0),
                n=measurement.edge_rows_compared,
                unit="mismatches",
            ),
        )


@dataclass(frozen=True)
class Symmetry(Declared):
    """A sample of the history values is what the oracle makes of the snapshot's rows."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges the values recomputed; none is an error where there are history features."""
        name = "history recomputed"
        compared, wrong = measurement.oracle_values, measurement.oracle_mismatches
        if measurement.unrecomputed is not None:
            return (
                Check(
                    name=name,
                    verdict=Verdict.NOT_APPLICABLE,
                    exemption=measurement.unrecomputed,
                    reason=measurement.unrecomputed.value,
                ),
            )
        if not compared > 0:
            return (unmeasured(name, "V109", "no history value was recomputed"),)
        return (counted(name, "V109", wrong, Limit(at_most=0), n=compared),)


@dataclass(frozen=True)
class BadInput(Declared):
    """Every kind of bad input is refused with the status due to it."""

    def judge(self, measurement: ServiceMeasurement) -> tuple[Check, ...]:
        """Judges all probes together; none sent is an error."""
        sent, wrong = measurement.bad_inputs_sent, measurement.bad_inputs_wrong
        if not sent > 0:
            return (unmeasured("bad input", "V107", "no bad input was sent"),)
        return (
            counted(
                "bad input",
                "V104",
                len(wrong),
                Limit(at_most=0),
                n=sent,
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
        compared, different = measurement.orders_compared, measurement.order_mismatches
        if not compared > 0:
            return (unmeasured("field order", "V107", "no request was sent in another order"),)
        return (
            counted(
                "field order",
                "V110",
                different,
                Limit(at_most=0),
                n=compared,
                unit="other answers",
            ),
        )


def _prediction_parity(m: ServiceMeasurement) -> tuple[Check, ...]:
    evidence = {"differences": list(m.differences), "tolerance": m.tolerance}
    return (
        counted(
            "prediction parity",
            "V102",
            m.prediction_mismatches,
            Limit(at_most=0),
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
