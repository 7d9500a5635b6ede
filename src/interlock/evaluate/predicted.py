"""What a model said about some rows, as every metric sees it.

Numbers or probabilities are enough for most metrics, and then a plain array will do. What a release
answers is more: with a decision threshold the class is not the likeliest one. A metric of one's own
may also look at the rows themselves. :class:`Predicted` keeps the three together, so that a part of
the rows is always the same part of each.

>>> found = Predicted(np.array([[0.7, 0.3], [0.9, 0.1]]), answered=np.array([1, 0]))
>>> found[np.array([True, False])].answered, np.asarray(found).shape
(array([1]), (2, 2))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.train.answer import Answers

Floats: TypeAlias = NDArray[np.float64]
Chosen: TypeAlias = "NDArray[np.intp] | NDArray[np.bool_] | slice"


class Rows(Mapping[str, NDArray[Any]]):
    """The rows behind predictions, by column: request fields and features.

    Numbers and booleans are float64 with NaN where missing, all else objects with None. ``unit`` is
    what each prediction is about, as text; ``answered`` the class each got, by index, or None for
    a regression; ``classes`` what the indices mean.
    """

    def __init__(
        self,
        columns: Mapping[str, NDArray[Any]],
        *,
        unit: NDArray[Any] | None = None,
        classes: tuple[Any, ...] = (),
        answered: NDArray[np.intp] | None = None,
        chosen: NDArray[np.intp] | None = None,
    ) -> None:
        self.classes, self.answered = classes, answered
        self._columns, self._unit, self._chosen = columns, unit, chosen

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            raise KeyError(f"{name}: the rows have {', '.join(self._columns) or 'no columns'}")
        return self._taken(self._columns[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def unit(self) -> NDArray[Any] | None:
        """What each prediction is about, (n_rows,) texts; None where that is not known."""
        return None if self._unit is None else self._taken(self._unit)

    def at(self, chosen: NDArray[np.intp]) -> Rows:
        """Those rows, in that order; no column is copied until it is asked for."""
        answered = None if self.answered is None else self.answered[chosen]
        return self._with(answered, chosen if self._chosen is None else self._chosen[chosen])

    def answering(self, answered: NDArray[np.intp] | None) -> Rows:
        """The same rows, with what one model answered to them."""
        return self._with(answered, self._chosen)

    def _with(self, answered: NDArray[np.intp] | None, chosen: NDArray[np.intp] | None) -> Rows:
        return Rows(
            self._columns,
            unit=self._unit,
            classes=self.classes,
            answered=answered,
            chosen=chosen,
        )

    def _taken(self, values: NDArray[Any]) -> NDArray[Any]:
        """A copy: who is given it may change it."""
        return values.copy() if self._chosen is None else values[self._chosen]


@dataclass(frozen=True, eq=False)
class Predicted:
    """``values`` are (n_rows,) numbers or (n_rows, n_classes) probabilities.

    ``answered`` (n_rows,) is the index of the class that was answered, the likeliest where nothing
    else was decided; None for numbers. ``rows`` are the rows themselves, where a metric may ask.

    It stands wherever an array of predictions does: it has a length, is indexed by rows, and
    becomes its values under ``np.asarray``.
    """

    values: Floats
    answered: NDArray[np.intp] | None = None
    rows: Rows = field(default_factory=lambda: Rows({}))

    @classmethod
    def of(cls, prediction: Prediction) -> Predicted:
        """The prediction itself, or an array as one whose answers are the likeliest classes."""
        if isinstance(prediction, Predicted):
            return prediction
        values = np.asarray(prediction, dtype=np.float64)
        return cls(values, np.argmax(values, axis=1) if values.ndim == 2 and values.size else None)

    @classmethod
    def of_answers(cls, answers: Answers) -> Predicted:
        """What a model or a release answered."""
        if answers.probabilities is None:
            return cls(answers.value)
        return cls(answers.probabilities, answers.value)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, chosen: Chosen) -> Predicted:
        taken = np.arange(len(self.values))[chosen]
        answered = None if self.answered is None else self.answered[taken]
        return Predicted(self.values[taken], answered, self.rows.at(taken))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.values, dtype=dtype, copy=copy)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its values."""
        return self.values.shape

    @property
    def ndim(self) -> int:
        """1 for numbers, 2 for probabilities."""
        return self.values.ndim

    def beside(self, rows: Rows) -> Predicted:
        """The same, with the rows it was predicted for."""
        return Predicted(self.values, self.answered, rows)


Prediction: TypeAlias = "Floats | Predicted"
"""What may be given wherever predictions are asked for."""
