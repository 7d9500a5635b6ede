"""What a delivery has to tell of its coverage: segments on their map, and outliers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.dividing import cut, declared_split, load_coverage
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.rows.outlying import values_of
from interlock.product.binding import Bound
from interlock.product.training_set import TrainingSet
from interlock.release.limits import Limits
from interlock.release.segments import Key, Segments
from interlock.report import content as report

_PAIRS = (
    ("easting", "northing"),
    ("longitude", "latitude"),
    ("lon", "lat"),
    ("lng", "lat"),
    ("x", "y"),
)


def tell_coverage(
    context: Context, examples: Outcome, divided: Mapping[str, Any]
) -> report.Coverage | None:
    """The limits of the release; None where the product declares none."""
    coverage = load_coverage(context, divided)
    if coverage is None and not divided["outliers"]:
        return None
    rows = load_examples(context, examples.output)
    whole = cut(declared_split(context), rows)
    seen = np.concatenate([whole.train, whole.test])
    segments = coverage.segments if coverage else ()
    return report.Coverage(
        tested=len(whole.test),
        not_covered=divided["not_covered"]["test"],
        segmentations=tuple(_segmentation(context.bound, rows, seen, s) for s in segments),
        outliers=tuple(_counted(context.bound, told) for told in divided["outliers"]),
        estimates=coverage is not None and coverage.estimate,
    )


def _segmentation(
    bound: Bound, rows: TrainingSet, seen: NDArray[np.int64], segments: Segments
) -> report.Segmentation:
    names = coordinates(bound)
    places = _places(bound, rows, seen, segments, names) if names else {}
    across, up = names or ("", "")
    return report.Segmentation(
        name=segments.name,
        asked=segments.asked,
        segments=tuple(
            report.Segment(
                name=segments.label(key),
                learned=learned,
                tested=tested,
                reason=segments.shortage(key),
                x=places.get(key, (None, None))[0],
                y=places.get(key, (None, None))[1],
            )
            for key, (learned, tested) in segments.rows.items()
        ),
        across=across,
        up=up,
    )


def coordinates(bound: Bound) -> tuple[str, str] | None:
    """The two fields that say where something is: the unit, or two by their customary names."""
    floats = [field.name for field in bound.schema.fields if field.kind == "float"]
    unit = bound.product.unit_fields
    if len(unit) == 2 and all(name in floats for name in unit):
        return unit[0], unit[1]
    for across, up in _PAIRS:
        found = [_named(floats, across), _named(floats, up)]
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    return None


def _named(fields: list[str], word: str) -> str | None:
    """The field of that name, or of that name with a unit: 'easting_m'."""
    return next((name for name in fields if name.lower().split("_")[0] == word), None)


def _places(
    bound: Bound,
    rows: TrainingSet,
    seen: NDArray[np.int64],
    segments: Segments,
    names: tuple[str, str],
) -> dict[Key, tuple[float, float]]:
    """The mean position of each segment's rows."""
    values = values_of(bound, rows)
    columns = [values(axis.name) for axis in segments.by]
    east, north = (values(name) for name in names)
    points: dict[Key, list[tuple[float, float]]] = {}
    for row in seen.tolist():
        key = segments.key([column[row] for column in columns])
        if key is not None and east[row] is not None and north[row] is not None:
            points.setdefault(key, []).append((east[row], north[row]))
    return {key: _middle(found) for key, found in points.items()}


def _middle(points: list[tuple[float, float]]) -> tuple[float, float]:
    x, y = np.mean(np.array(points, dtype=np.float64), axis=0).tolist()
    return x, y


def _counted(bound: Bound, told: Mapping[str, Any]) -> report.OutlierCount:
    named = told["named"]
    return report.OutlierCount(
        name=told["name"],
        told=_told(bound, told),
        train=named["train"],
        later=sum(n for part, n in named.items() if part != "train"),
        live=told["live"],
        left_out=told["leave_out_of_test"],
    )


def _told(bound: Bound, told: Mapping[str, Any]) -> str:
    """The limits, or what the function says of itself."""
    if told["limits"] is not None:
        limits = Limits.from_row(told["limits"])
        scale = "on a log scale" if limits.log else "as they are"
        return f"{limits.span}; {limits.cutoff:g} robust deviations of {limits.n:,} rows, {scale}"
    described = {r.definition.name: r.definition.description for r in bound.outliers.rules}
    return described.get(told["name"], "no limits could be fitted")
