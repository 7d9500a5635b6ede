"""XGBoost regressors and classifiers, to the bit of its own single-precision sums.

What had to be heeded: the matrix, thresholds, leaves and sums are single precision; a row goes left
when it is *less* than the threshold; the base score, mapped to the margin in single precision, is
the first tree (added last, most sums round differently). Sums become doubles afterwards; the links
are applied in double, where XGBoost itself stays single. With ``missing=0`` zeros are missing, as
NaN always is.

XGBoost itself is never imported here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx.onnx_ml_pb2 import TensorProto

from interlock.release.export.builder import GraphBuilder
from interlock.release.export.exported import Edges, Refusal, Written
from interlock.release.export.forest import Branch, Forest

Floats = np.ndarray
_IDENTITY = frozenset(
    {
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
        "reg:squarederror",
        "reg:squaredlogerror",
    }
)
_LOG = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})
_KNOWN = _IDENTITY | _LOG | {"binary:logistic", "multi:softmax", "multi:softprob"}


def accepts(estimator: Any) -> bool:
    """Whether the estimator is one of XGBoost's own scikit-learn classes, fitted."""
    kind = type(estimator)
    return kind.__module__ == "xgboost.sklearn" and kind.__name__ in (
        "XGBClassifier",
        "XGBRFClassifier",
        "XGBRFRegressor",
        "XGBRegressor",
    )


def write(estimator: Any, builder: GraphBuilder, source: str) -> Written:
    """The trees of a fitted estimator; raises Refusal for what cannot be matched."""
    learner = json.loads(bytes(used(estimator).save_raw("json")))["learner"]
    booster = learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise Refusal(f"the booster {booster['name']} is no plain sum of trees")
    base = _base_margins(learner)
    forest = Forest(n_targets=len(base), single=True)
    for target, value in enumerate(base):
        forest.add_constant(float(value), target=target)
    thresholds: dict[int, set[float]] = {}
    trees = booster["model"]
    for tree, target in zip(trees["trees"], trees["tree_info"], strict=True):
        forest.add_tree(_branches(tree, thresholds), target=target)
    if source in builder.sparse:
        source = blank(builder, source, np.float64(0.0))
    single = builder.cast(source, TensorProto.FLOAT)
    if not reads_nan(estimator):
        single = blank(builder, single, np.float32(estimator.missing))
        for values in thresholds.values():
            values.add(float(estimator.missing))
    sums = forest.write(builder, single)
    edges = Edges(
        thresholds={column: tuple(sorted(v)) for column, v in sorted(thresholds.items())},
        missing=True,
    )
    return Written(name=builder.cast(sums, TensorProto.DOUBLE), width=len(base), edges=edges)


def used(estimator: Any) -> Any:
    """The booster, cut at the best iteration where early stopping found one.

    A linear booster has no iterations to cut: XGBoost itself predicts with the last.
    """
    booster = estimator.get_booster()
    best = booster.attr("best_iteration")
    linear = estimator.booster == "gblinear"
    return booster if best is None or linear else booster[: int(best) + 1]


def reads_nan(estimator: Any) -> bool:
    """Whether NaN alone is missing to it; XGBoost's own file does not say what is."""
    return math.isnan(estimator.missing)


def blank(builder: GraphBuilder, source: str, missing: np.floating[Any]) -> str:
    """The matrix with NaN for that value, which is of the matrix's own type."""
    is_missing = builder.add("Equal", source, builder.constant(missing))
    return builder.add("Where", is_missing, builder.constant(type(missing)(np.nan)), source)


def _base_margins(learner: Mapping[str, Any]) -> Floats:
    """The scores before the first tree, in single precision as XGBoost maps them."""
    name = learner["objective"]["name"]
    model = learner["learner_model_param"]
    if int(model.get("num_target", "1")) != 1:
        raise Refusal(f"it predicts {model['num_target']} targets at once")
    text = model["base_score"]
    given = np.array(json.loads(text if text.startswith("[") else f"[{text}]"), dtype=np.float32)
    base = np.broadcast_to(given, (max(1, int(model["num_class"])),))
    if name in _LOG:
        base = _log(base)
    elif name == "binary:logistic":
        base = -_log(1 / base - 1)
    if name in _KNOWN:
        return base
    raise Refusal(f"the objective {name!r} has no known link")


def _log(values: Floats) -> Floats:
    """The logarithm rounded once, as C's for one float; NumPy's of many may be some bits off."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.log(values.astype(np.float64)).astype(np.float32)
    return found


def _branches(tree: Mapping[str, Any], thresholds: dict[int, set[float]]) -> list[Branch | float]:
    if any(tree["split_type"]):
        raise Refusal("it splits on categories by itself")
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise Refusal("its leaves hold several values")
    found: list[Branch | float] = []
    fields = ("left_children", "right_children", "split_indices", "split_conditions")
    for left, right, column, value, missing_left in zip(
        *(tree[name] for name in fields), tree["default_left"], strict=True
    ):
        if left < 0:
            found.append(float(np.float32(value)))
            continue
        threshold = float(np.float32(value))
        thresholds.setdefault(column, set()).add(threshold)
        found.append(
            Branch(
                feature=column,
                threshold=threshold,
                true=left,
                false=right,
                missing_true=bool(missing_left),
                below=True,
            )
        )
    return found
