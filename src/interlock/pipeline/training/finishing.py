"""Post-processing over the examples' rows, so that what is scored is what will be answered.

Ranking, the model gate, the report and golden answers see post-processed predictions and intervals
only. Importances explain the model itself, before post-processing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from interlock.data.conform import python_values
from interlock.errors import AuthorError
from interlock.product.binding import Bound
from interlock.product.training_set import TrainingSet
from interlock.train.answer import Answers, Floats
from interlock.train.postprocess import PostProcessing

Measure = Callable[[NDArray[Any], Floats], float]


@dataclass(frozen=True, kw_only=True)
class Finishing:
    """``known`` holds n_rows values, of all examples, for each argument of the post-processing."""

    processing: PostProcessing
    known: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, bound: Bound, rows: TrainingSet) -> Finishing:
        """The product's post-processing, from its packed source, and the values it asks for."""
        processing = PostProcessing.load(
            bound.packed, bound.postprocess, name=f"training_{bound.code_digest[:16]}"
        )
        return cls(
            processing=processing,
            known={name: _values(rows, name) for name in processing.arguments},
        )

    def finish(self, answers: Answers, numbers: NDArray[Any]) -> Answers:
        """The answers to the rows of these numbers, as they will be given.

        Raises AuthorError T120 for rows that post-processing fails on.
        """
        if not self.processing:
            return answers
        known = {name: [values[i] for i in numbers] for name, values in self.known.items()}
        finished, failures = self.processing.many(answers, known)
        if failures:
            first = failures[0]
            raise AuthorError(
                "T120",
                f"{first.feature} cannot post-process what the model answers",
                where=f"{len(failures)} of {len(numbers)} held-out rows",
                expected="a finite number for every prediction and every row",
                got=f"{first.message}, for example where " + _shown(known, first.row),
                fix="make the function answer for such a row",
            )
        return finished

    def measured(self, measure: Measure, numbers: NDArray[Any]) -> Measure:
        """``measure(y, prediction)`` of these rows, with the predictions post-processed first."""

        def after(y: NDArray[Any], prediction: Floats) -> float:
            return measure(y, self.finish(Answers(value=prediction), numbers).prediction)

        return after if self.processing else measure


def _values(rows: TrainingSet, name: str) -> Sequence[Any]:
    stored = f"feature.{name}"
    if stored not in rows.table.column_names:
        stored = f"request.{name}"
    return python_values(rows.table.column(stored).combine_chunks())


def _shown(known: Mapping[str, Sequence[Any]], row: int) -> str:
    return ", ".join(f"{name} is {values[row]!r}" for name, values in known.items()) or f"row {row}"
