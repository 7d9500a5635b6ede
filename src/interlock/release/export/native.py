"""Any other estimator in skops format, held to an explicit list of types.

Invariants: nothing is pickled; a file holds only scikit-learn's, NumPy's and SciPy's own types
(:mod:`interlock.release.trusted` lists those that skops does not trust by itself), so that loading
it runs no code of a project; the same fit gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import skops.io
from skops.io.exceptions import UnsupportedTypeException

from interlock.errors import AuthorError, first_line
from interlock.release.export.archive import canonical
from interlock.release.trusted import TRUSTED_TYPES
from interlock.train.answer import Task


def export(estimator: Any, *, task: Task) -> bytes:
    """The bytes of a fitted estimator.

    Raises AuthorError T150 for types outside the list (a lambda, a class of one's own), T151 for
    what skops cannot write, T152 for a classifier without ``predict_proba``.
    """
    name = type(estimator).__name__
    if task != "regression" and not hasattr(estimator, "predict_proba"):
        raise AuthorError(
            "T152",
            f"{name} will not export: it predicts no probabilities",
            expected="a classifier with predict_proba",
            got=name,
            fix="wrap it in sklearn.calibration.CalibratedClassifierCV",
        )
    payload = _written(estimator, name)
    untrusted = sorted(set(skops.io.get_untrusted_types(data=payload)) - TRUSTED_TYPES)
    if untrusted:
        raise AuthorError(
            "T150",
            f"{name} will not export: it holds code that a release may not load",
            expected="types of scikit-learn, NumPy and SciPy only",
            got=", ".join(untrusted),
            fix="move what it does into a @feature function, or use scikit-learn's own classes",
        )
    return canonical(payload)


def _written(estimator: Any, name: str) -> bytes:
    try:
        payload: bytes = skops.io.dumps(estimator)
    except (TypeError, ValueError, AttributeError, UnsupportedTypeException) as error:
        raise AuthorError(
            "T151",
            f"{name} will not export: it cannot be written without pickle",
            expected="an estimator that skops can write",
            got=first_line(error),
            fix="use scikit-learn's own classes, or move custom steps into @feature functions",
        ) from error
    return payload
