"""The rows that candidates are fitted on, and the forms in which estimators take them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from interlock.features.definition import Input
from interlock.train.answer import Floats, Task
from interlock.train.encoded_column import Style
from interlock.train.encoder import Encoder
from interlock.train.split import Split

_TEXT_KINDS = ("str", "category")


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """All usable rows of a delivery.

    ``columns[name]`` is (n_rows,) for each of ``inputs``: float64 with NaN for missing, or texts
    with None for missing. ``y`` is (n_rows,): float64, or for classes the indices into ``classes``.
    ``weights``, if any, are (n_rows,) and not negative. ``split`` holds row numbers.
    """

    inputs: tuple[Input, ...]
    columns: Mapping[str, Any]
    y: NDArray[Any]
    task: Task
    split: Split
    classes: tuple[Any, ...] = ()
    weights: Floats | None = None

    def part(self, name: str) -> Rows:
        """The rows of one part: train, tune, calibrate or test."""
        return self.rows(getattr(self.split, name))

    def rows(self, numbers: NDArray[np.int64]) -> Rows:
        """Those rows."""
        return Rows(
            columns=take(self.columns, self.inputs, numbers),
            y=self.y[numbers],
            weights=None if self.weights is None else self.weights[numbers],
        )


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some of the rows: columns, targets (n_rows,) and weights (n_rows,) or None."""

    columns: Mapping[str, Any]
    y: NDArray[Any]
    weights: Floats | None

    def __len__(self) -> int:
        return len(self.y)


def take(
    columns: Mapping[str, Any], inputs: Sequence[Input], numbers: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Those rows of the inputs' columns."""
    return {
        given.name: _array(columns[given.name], text=given.kind in _TEXT_KINDS)[numbers]
        for given in inputs
    }


def frame_of(inputs: Sequence[Input], columns: Mapping[str, Any]) -> pd.DataFrame:
    """A frame (n_rows, n_inputs): float64 columns, and object columns with None for missing."""
    return pd.DataFrame(
        {
            given.name: pd.Series(array, dtype=array.dtype)
            for given in inputs
            for array in (_array(columns[given.name], text=given.kind in _TEXT_KINDS),)
        }
    )


def _array(column: Any, *, text: bool) -> NDArray[Any]:
    if not text or isinstance(column, np.ndarray):
        return np.asarray(column, dtype=object if text else np.float64)
    array = np.empty(len(column), dtype=object)
    array[:] = column
    return array


@dataclass(frozen=True, kw_only=True)
class Form:
    """The form in which an estimator takes the inputs; ``style`` None is a pandas DataFrame."""

    style: Style | None
    max_categories: int = 0
    only: str | None = None  # a baseline's group, the one input it takes; "" is none


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Train and tune rows in one form; ``encoder`` is None for a frame."""

    inputs: tuple[Input, ...]
    encoder: Encoder | None
    train: Any
    tune: Any

    def apply(self, columns: Mapping[str, Any]) -> Any:
        """Other rows in the same form, (n_rows, n_columns)."""
        if self.encoder is None:
            return frame_of(self.inputs, columns)
        return self.encoder.transform(columns)


class Preparations:
    """The forms made so far, so that candidates of one form share one matrix."""

    def __init__(self, data: TrainingData) -> None:
        self.data = data
        self.train = data.part("train")
        self.tune = data.part("tune")
        self._made: dict[Form, Prepared] = {}
        self._lock = threading.Lock()

    def get(self, form: Form) -> Prepared:
        """Train and tune rows in that form."""
        with self._lock:
            if form not in self._made:
                self._made[form] = self._make(form)
            return self._made[form]

    def _make(self, form: Form) -> Prepared:
        inputs = tuple(i for i in self.data.inputs if form.only is None or i.name == form.only)
        train, tune = self.train.columns, self.tune.columns
        if form.style is None:
            return Prepared(
                inputs=inputs,
                encoder=None,
                train=frame_of(inputs, train),
                tune=frame_of(inputs, tune),
            )
        encoder = Encoder.fit(inputs, train, form.style, max_categories=form.max_categories)
        return Prepared(
            inputs=inputs,
            encoder=encoder,
            train=encoder.transform(train),
            tune=encoder.transform(tune),
        )
