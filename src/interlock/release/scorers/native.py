"""Models in scikit-learn's own code, kept by skops: types of a closed list and nothing else.

scikit-learn, pandas and skops come in only for a release that carries such a model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from zipfile import BadZipFile

from interlock.errors import IntegrityError, first_line
from interlock.features.definition import Input
from interlock.release.scorers.scorer import ByTable, Needs, Raw, unreadable
from interlock.release.trusted import TRUSTED_TYPES

_ARCHIVE_FAILURES = (
    AttributeError,
    BadZipFile,
    ImportError,
    KeyError,
    OSError,
    TypeError,
    ValueError,
)


def open_native(payload: bytes, inputs: tuple[Input, ...]) -> NativeScorer:
    """The estimator in these bytes; without ``inputs`` it takes the encoder's matrix.

    Raises IntegrityError T154 for types that may not be loaded, T155.
    """
    return NativeScorer(_native(payload, inputs), inputs)


class NativeScorer(ByTable):
    """An estimator in scikit-learn's own code, behind the encoder or on its own columns."""

    def __init__(self, scores: Callable[[Any], Raw], inputs: tuple[Input, ...]) -> None:
        self.needs: Needs = "columns" if inputs else "matrix"
        self._scores = scores
        self.inputs = [one.name for one in inputs]

    def raw(self, rows: Any) -> Raw:
        """Raw scores of a matrix, or of feature columns by name."""
        return self._scores(rows)


def _native(payload: bytes, inputs: tuple[Input, ...]) -> Callable[[Any], Raw]:
    """The raw scores of the estimator in these bytes, as training computes them."""
    # only a release that carries such a model needs scikit-learn and pandas
    from interlock.train.raw import raw_scores  # noqa: PLC0415
    from interlock.train.training_data import frame_of  # noqa: PLC0415

    estimator = _estimator(payload)
    if inputs:
        return lambda columns: raw_scores(estimator, frame_of(inputs, columns))
    return partial(raw_scores, estimator)


def _estimator(payload: bytes) -> Any:
    import skops.io  # noqa: PLC0415 - only a release that carries such a model needs it

    try:
        found = set(skops.io.get_untrusted_types(data=payload))
        if found - TRUSTED_TYPES:
            raise IntegrityError(
                "T154",
                "the model holds types that a release may not load",
                where="model.skops",
                expected="types of scikit-learn, NumPy and SciPy only",
                got=", ".join(sorted(found - TRUSTED_TYPES)),
                fix="build the release again; never load this file",
            )
        estimator = skops.io.loads(payload, trusted=sorted(found))
    except _ARCHIVE_FAILURES as error:
        raise unreadable("skops", first_line(error)) from error
    return _single_threaded(estimator)


def _single_threaded(estimator: Any) -> Any:
    """Set every step to one job: forests add their trees in the order in which jobs finish."""
    jobs = {name: 1 for name in estimator.get_params() if name.rpartition("__")[2] == "n_jobs"}
    return estimator.set_params(**jobs)
