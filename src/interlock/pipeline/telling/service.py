"""What a delivery has to tell of the packaged service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from interlock.clock import SECOND, parse_span
from interlock.gates.service.latency import P99Below
from interlock.gates.service.memory import MEGABYTE
from interlock.report import content as report
from interlock.wording import counted


def tell_service(measured: Mapping[str, Any], limit_ms: float | None) -> report.Service:
    """What the service gate saw."""
    fuzz = measured.get("fuzz")
    return report.Service(
        parity=(
            report.Parity(
                name="features",
                compared=measured["features_compared"],
                different=measured["feature_mismatches"],
                worst=measured["worst_feature_difference"],
                tolerance=0.0,
            ),
            report.Parity(
                name=_predictions(measured.get("rows_skipped", 0)),
                compared=measured["rows_compared"],
                different=measured["prediction_mismatches"],
                worst=measured["worst_prediction_difference"],
                tolerance=measured["tolerance"],
            ),
            report.Parity(
                name=_edge_cases(measured.get("edge_rows_refused", 0)),
                compared=measured["edge_rows_compared"],
                different=measured["edge_mismatches"],
            ),
        ),
        latency=tuple(
            report.LatencyWindow(
                label=str(i + 1),
                n=w["n"],
                p50=w["p50_seconds"] * 1e3,
                p95=w.get("p95_seconds", w["p99_seconds"]) * 1e3,
                p99=w["p99_seconds"] * 1e3,
            )
            for i, w in enumerate(measured["latency_windows"])
        ),
        latency_limit_ms=limit_ms,
        bad_inputs=_bad_inputs(measured),
        form=measured.get("form", ""),
        parts=tuple((name, s) for name, s in measured.get("part_seconds", {}).items()),
        load=tuple(map(_load_step, measured.get("load", ()))),
        faults=tuple(map(_fault, measured.get("faults", ()))),
        starts=tuple(measured.get("cold_start_seconds", ())),
        memory=_megabytes(measured.get("memory_bytes")),
        generated=fuzz["sent"] if fuzz else None,
        generated_wrong=tuple(fuzz["wrong"]) if fuzz else (),
    )


def _megabytes(size: int | None) -> float | None:
    return None if size is None else size / MEGABYTE


def _load_step(step: Mapping[str, Any]) -> report.LoadStep:
    windows = step["windows"]
    return report.LoadStep(
        offered=step["offered"],
        answered=step["answered"],
        n=sum(w["n"] for w in windows),
        late=sum(w["late"] for w in windows),
        limit_ms=step["limit_seconds"] * 1e3,
        p50=None if step["p50_seconds"] is None else step["p50_seconds"] * 1e3,
        p99=None if step["p99_seconds"] is None else step["p99_seconds"] * 1e3,
        judged=step["judged"],
        problem=step["problem"],
    )


def _fault(outcome: Mapping[str, Any]) -> report.Fault:
    exempt, problem = outcome["exempt"], outcome["problem"]
    return report.Fault(
        name=outcome["fault"],
        asked=outcome["asked"],
        answered=outcome["answered"],
        refused=outcome["refused"],
        degraded=outcome["degraded"],
        wrong=len(outcome["wrong"]),
        recovered=outcome["recovered_seconds"],
        planned=exempt is None,
        why=str(exempt or problem or "; ".join(outcome["wrong"][:1])),
    )


def _predictions(skipped: int) -> str:
    """What was compared; rows for which there was no time are told apart."""
    left = f"{counted(skipped, 'row')} more left out, as time was short"
    return f"predictions ({left})" if skipped else "predictions"


def _edge_cases(refused: int) -> str:
    """What was compared at the edges; cases that both sides refuse are told apart."""
    return f"edge cases ({refused:,} more refused by both)" if refused else "edge cases"


def _bad_inputs(measured: Mapping[str, Any]) -> tuple[report.BadInput, ...]:
    """Those answered otherwise than due one by one, the others counted."""
    wrong = measured["bad_inputs_wrong"]
    refused = measured["bad_inputs_sent"] - len(wrong)
    found = [
        report.BadInput(name=name, expected="the status due", got="another", refused=False)
        for name in wrong
    ]
    if refused:
        name = counted(refused, "kind of bad request", "kinds of bad request")
        found.append(report.BadInput(name=name, expected="4xx", got="4xx", refused=True))
    return tuple(found)


def limit_ms(checks: Sequence[Any]) -> float | None:
    """The declared limit of latency in milliseconds, if there is one."""
    limits = [parse_span(c.limit) / SECOND * 1e3 for c in checks if isinstance(c, P99Below)]
    return limits[0] if limits else None
