"""scikit-learn's CalibratedClassifierCV: the mean of its folds, each through its calibrators.

A sigmoid is Platt's (1999); an isotonic calibrator (Zadrozny & Elkan 2002) is a line from knot to
knot, flat outside; a temperature divides the log odds (Guo et al. 2017).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from onnx.onnx_ml_pb2 import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.isotonic import IsotonicRegression

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Refusal, Written, merged
from interlock.release.export.links import (
    ROUNDING,
    both_classes,
    mean,
    sigmoid,
    write_decision,
    write_prediction,
)

_NO_ZERO = 1e-12  # what scikit-learn adds to a probability before it takes its logarithm


def accepts(estimator: Any) -> bool:
    """Whether this module knows the estimator's exact class."""
    return type(estimator) is CalibratedClassifierCV


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """Its probabilities; raises Refusal for scores or calibrators that are not known."""
    folds = [_fold(fold, builder, source) for fold in estimator.calibrated_classifiers_]
    name = mean(builder, [fold.name for fold in folds], [1.0] * len(folds))
    edges = merged([fold.edges for fold in folds])
    return Written(name=name, width=len(estimator.classes_), edges=edges, tolerance=ROUNDING)


def _fold(fold: Any, builder: GraphBuilder, source: str) -> Written:
    n_classes = len(fold.classes)
    if fold.method == "temperature":
        return _softened(fold, n_classes, builder, source)
    scores = _scores(fold.estimator, builder, source)
    if len(fold.calibrators) != (1 if n_classes == 2 else n_classes):
        raise Refusal(f"the calibration method {fold.method!r} is not known")
    curves = [
        _calibrated(calibrator, builder, replace(scores, name=builder.column(scores.name, place)))
        for place, calibrator in enumerate(fold.calibrators)
    ]
    name = both_classes(builder, curves[0]) if n_classes == 2 else _shares(builder, curves)
    return Written(name=name, width=n_classes, edges=scores.edges, tolerance=ROUNDING)


def _softened(fold: Any, n_classes: int, builder: GraphBuilder, source: str) -> Written:
    """Log odds or log probabilities by one factor, as shares. Raises Refusal for probabilities in
    single precision."""
    scores, name = _logits(fold.estimator, builder, source)
    if n_classes != len(fold.estimator.classes_):
        raise Refusal("a part of a calibrated classifier has not seen every class")
    factor = builder.constant(np.array(float(fold.calibrators[0].beta_)))
    shares = builder.add("Softmax", builder.add("Mul", name, factor), axis=1)
    return Written(name=shares, width=n_classes, edges=scores.edges, tolerance=ROUNDING)


def _logits(estimator: Any, builder: GraphBuilder, source: str) -> tuple[Written, str]:
    """What a temperature divides, (n_rows, n_classes), and what it is made of."""
    if hasattr(estimator, "decision_function"):
        scores = _scores(estimator, builder, source)
        if scores.width > 1:
            return scores, scores.name
        both = [builder.add("Neg", scores.name), scores.name]
        return scores, builder.add("Concat", *both, axis=1)
    found = write_prediction(estimator, builder, source)
    if found.single:
        raise Refusal("a temperature is taken of probabilities in single precision")
    moved = builder.add("Add", found.name, builder.constant(np.array(_NO_ZERO)))
    return found, builder.add("Log", moved)


def _scores(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """What the calibrators take: decision scores where there are any, else probabilities."""
    if hasattr(estimator, "decision_function"):
        return write_decision(estimator, builder, source)
    found = write_prediction(estimator, builder, source)
    if found.width != 2:
        return found
    return replace(found, name=builder.column(found.name, 1), width=1)


def _calibrated(calibrator: Any, builder: GraphBuilder, found: Written) -> str:
    """A class's probability from its scores, (n_rows, 1). Raises Refusal where a rounding of these
    would show in it."""
    scores = found.name
    if isinstance(calibrator, IsotonicRegression):
        if found.tolerance and not found.single and _steepest(calibrator) > ROUNDING:
            raise Refusal("its isotonic curve is so steep that roundings of scores show")
        return _isotonic(calibrator, builder, scores)
    if not (hasattr(calibrator, "a_") and hasattr(calibrator, "b_")):
        raise Refusal(f"the calibrator {type(calibrator).__name__} is not known")
    slope, offset = (builder.constant(np.array(float(v))) for v in (calibrator.a_, calibrator.b_))
    line = builder.add("Add", builder.add("Mul", scores, slope), offset)
    return sigmoid(builder, builder.add("Sub", builder.constant(np.array(0.0)), line))


def _steepest(calibrator: Any) -> float:
    """How far a rounding of the largest score may move a probability."""
    x, y = np.asarray(calibrator.X_thresholds_), np.asarray(calibrator.y_thresholds_)
    slope = np.abs(np.diff(y) / np.diff(x)).max(initial=0.0)
    return float(slope * np.abs(x).max() * np.finfo(np.float64).eps)


def _isotonic(calibrator: Any, builder: GraphBuilder, scores: str) -> str:
    """Clipped to the knots, then along a line from knot to knot; of doubles each begins with its
    first knot, of floats, which scikit-learn has another function for, each ends with its last."""
    x, y = np.asarray(calibrator.X_thresholds_), np.asarray(calibrator.y_thresholds_)
    single = x.dtype == np.float32
    if len(x) == 1:
        x, y = np.array([x[0], np.nextafter(x[0], np.inf, dtype=x.dtype)]), np.repeat(y, 2)
    inner = x[1:-1] if len(x) > 2 else np.array([np.inf], dtype=x.dtype)
    seen = builder.cast(scores, TensorProto.FLOAT) if single else scores
    low, high = builder.constant(x[0]), builder.constant(x[-1])
    clipped = builder.add("Min", builder.add("Max", seen, low), high)
    passed = builder.add("Less" if single else "LessOrEqual", builder.constant(inner), clipped)
    counted = builder.add(
        "ReduceSum",
        builder.cast(passed, TensorProto.DOUBLE),
        builder.constant(np.array([1], dtype=np.int64)),
        keepdims=1,
    )
    place = builder.cast(counted, TensorProto.INT64)
    start, value, slope = (
        builder.add("Gather", builder.constant(table), place)
        for table in (x[:-1], y[:-1], np.diff(y) / np.diff(x))
    )
    rise = builder.add("Mul", slope, builder.add("Sub", clipped, start))
    return builder.cast(builder.add("Add", rise, value), TensorProto.DOUBLE)


def _shares(builder: GraphBuilder, curves: list[str]) -> str:
    """Each class's part of their sum, (n_rows, n_classes); equal parts where all are 0."""
    together = builder.add("Concat", *curves, axis=1)
    axis = builder.constant(np.array([1], dtype=np.int64))
    total = builder.add("ReduceSum", together, axis, keepdims=1)
    none = builder.add("Equal", total, builder.constant(np.array(0.0)))
    even = builder.constant(np.full((1, len(curves)), 1.0 / len(curves)))
    one = builder.constant(np.array(1.0))
    safe = builder.add("Where", none, one, total)
    shares = builder.add("Where", none, even, builder.add("Div", together, safe))
    return builder.add("Min", shares, one)
