"""Stages: what the winner leans on, and how its prediction moves with its inputs.

Both look at test rows, which nothing was fitted to or chosen by. Importance is part of the release
(``candidate.json``) and so on every delivery's path: it has a budget. Partial dependence is for the
report alone, and is computed when that is written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from interlock.digest import seed_from
from interlock.evaluate.compare import Estimate
from interlock.evaluate.dependence import grid, most_frequent, partial_dependence
from interlock.evaluate.importance import permutation_importance
from interlock.evaluate.metrics import Metric
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.examples import load_examples
from interlock.product.binding import Bound
from interlock.product.training_set import TrainingSet
from interlock.store.arrays import array_from_bytes

if TYPE_CHECKING:
    from interlock.pipeline.training.packaged import Packaged

SCORED = 9_000  # rows that importance may have scored, shuffles of all inputs together
FEWEST_ROWS, MOST_ROWS, MOST_REPEATS = 100, 1_000, 5
SHOWN_INPUTS = 6  # whose partial dependence is traced
DEPENDENCE_ROWS = 200
_CATEGORIES = 8
_TEXTS = ("str", "category")


def explained_metric(bound: Bound) -> Metric:
    """What inputs are weighed by: the metric that ranks, if it is one of predictions alone.

    A metric of the product's own may look at the rows, and be slow; one of decided classes changes
    in jumps; one that is best at a value of its own has no loss. In their stead the default of the
    target.
    """
    metric = bound.metric(bound.product.metric_name)
    plain = not metric.identity and not metric.of_answers and metric.better != "target"
    return metric if plain else bound.metric(bound.product.target.default_metric)


def weigh_inputs(context: Context, examples: Outcome, trained: Outcome) -> Outcome:
    """What the metric loses when an input of the winner, or all of a history, is shuffled."""
    inputs = {"train": trained.key, "winner": trained.output["winner"]}
    return context.run("importance", inputs, lambda: _weigh(context, examples, trained))


def _weigh(context: Context, examples: Outcome, trained: Outcome) -> dict[str, Any]:
    winner = _Winner.loaded(context, examples, trained)
    names = [i.name for i in winner.packaged.inputs]
    histories = {
        h.name: [a.name for a in h.aggregates if a.name in names]
        for h in context.bound.features.histories
    }
    groups = {("input", name): [name] for name in names}
    groups |= {("history", h): members for h, members in histories.items() if len(members) > 1}
    numbers = winner.some_rows(min(MOST_ROWS, max(FEWEST_ROWS, SCORED // len(groups))))
    if not len(numbers):
        return {"rows": 0, "inputs": {}, "histories": {}}
    repeats = min(MOST_REPEATS, max(1, SCORED // (len(groups) * len(numbers))))
    columns = {str(i): winner.columns_of(m) for i, m in enumerate(groups.values())}
    found = permutation_importance(
        explained_metric(context.bound),
        winner.examples.y[numbers],
        winner.rows(numbers),
        columns,
        partial(winner.packaged.predict, cores=context.cores),
        seed=seed_from("importance", str(winner.row["payload"])),
        repeats=repeats,
        clusters=winner.clusters(numbers),
    )
    losses = dict(zip(groups, found.values(), strict=True))
    return {
        "rows": len(numbers),
        "inputs": {name: _loss(losses["input", name]) for name in names},
        "histories": {
            name: {**_loss(loss), "inputs": groups[kind, name]}
            for (kind, name), loss in losses.items()
            if kind == "history"
        },
    }


def _loss(found: Estimate) -> dict[str, float | None]:
    ends = (found.interval.low, found.interval.high) if found.interval else (None, None)
    mean = found.value if math.isfinite(found.value) else None
    return {"mean": mean, "low": ends[0], "high": ends[1]}


def trace_inputs(context: Context, examples: Outcome, trained: Outcome) -> Outcome:
    """How the winner's prediction moves with each of its most important inputs."""
    weights = weigh_inputs(context, examples, trained)
    return context.run(
        "partial dependence",
        {"importance": weights.key},
        lambda: _trace(context, examples, trained, weights.output),
    )


def _trace(
    context: Context, examples: Outcome, trained: Outcome, weights: Mapping[str, Any]
) -> dict[str, Any]:
    winner = _Winner.loaded(context, examples, trained)
    numbers = winner.some_rows(DEPENDENCE_ROWS)
    known = {n: w["mean"] for n, w in weights["inputs"].items() if w["mean"] is not None}
    ranked = sorted(known, key=lambda name: (-known[name], name))[:SHOWN_INPUTS]
    traced = [_traced(context, winner, name, numbers) for name in ranked] if len(numbers) else []
    return {"rows": len(numbers), "dependences": [each for found in traced for each in found]}


def _traced(
    context: Context, winner: _Winner, name: str, numbers: np.ndarray[Any, Any]
) -> list[dict[str, Any]]:
    """The curve of one input: one of a regression or two classes, one a class of more."""
    kind = next(i.kind for i in winner.packaged.inputs if i.name == name)
    values = winner.test_columns[name]
    points: Any = most_frequent(values, _CATEGORIES) if kind in _TEXTS else grid(values)
    if not len(points):
        return []
    found = partial_dependence(
        winner.rows(numbers),
        winner.columns_of([name]),
        winner.points(name, points),
        partial(winner.packaged.predict, cores=context.cores),
        seed=seed_from("partial dependence", str(winner.row["payload"]), name),
        clusters=winner.clusters(numbers),
    )
    classes = winner.packaged.spec.classes
    outputs = {"": 0} if not classes else {str(c): i for i, c in enumerate(classes)}
    if len(classes) == 2:
        outputs = {str(classes[1]): 1}
    place = "labels" if kind in _TEXTS else "points"
    deciles = [] if kind in _TEXTS else _deciles(values)
    return [
        {
            "name": name,
            "of": label,
            place: list(points) if kind in _TEXTS else points.tolist(),
            "deciles": deciles,
            **{key: array[:, column].tolist() for key, array in vars(found).items()},
        }
        for label, column in outputs.items()
    ]


def _deciles(values: np.ndarray[Any, Any]) -> list[float]:
    finite = values[np.isfinite(values)]
    found: list[float] = np.quantile(finite, np.arange(1, 10) / 10).tolist()
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class _Winner:
    """The winner, loaded, and the test rows; ``test`` holds their numbers, in order of time."""

    row: Mapping[str, Any]
    packaged: Packaged
    examples: TrainingSet
    test: np.ndarray[Any, Any]
    test_columns: Mapping[str, Any]

    @classmethod
    def loaded(cls, context: Context, examples: Outcome, trained: Outcome) -> _Winner:
        from interlock.pipeline.training.packaged import Packaged  # noqa: PLC0415 - ONNX Runtime is slow

        output = trained.output
        row = output["candidates"][output["winner"]]
        packaged = Packaged.of(context, row)
        rows = load_examples(context, examples.output)
        test = array_from_bytes(context.artifacts.get(output["rows"]["test"]))
        return cls(
            row=row,
            packaged=packaged,
            examples=rows,
            test=test,
            test_columns={i.name: _taken(rows.column(i.name), test) for i in packaged.inputs},
        )

    def some_rows(self, most: int) -> np.ndarray[Any, Any]:
        """The numbers of test rows, (n,), evenly spaced in time where there are more."""
        if len(self.test) <= most:
            return self.test
        places = np.linspace(0, len(self.test) - 1, most).astype(int)
        return np.asarray(self.test[places])

    def rows(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Those rows, (n, width), as the model's inputs can be exchanged in them."""
        columns = {
            i.name: _taken(self.examples.column(i.name), numbers) for i in self.packaged.inputs
        }
        return np.asarray(self.packaged.exchange.rows(columns))

    def columns_of(self, names: list[str]) -> list[int]:
        """The columns that those inputs fill."""
        places = self.packaged.exchange.places
        return [c for name in names for c in range(places[name].start, places[name].stop)]

    def points(self, name: str, values: Any) -> np.ndarray[Any, Any]:
        """Values of one input, (n_points, its columns), in the same form."""
        first = {n: [column[0]] * len(values) for n, column in self.test_columns.items()}
        rows = self.packaged.exchange.rows({**first, name: values})
        return np.asarray(rows[:, self.columns_of([name])])

    def clusters(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        """The unit of each row where units come more than once."""
        units = np.array(self.examples.table.column("unit").take(numbers).to_pylist(), dtype=object)
        return units if len(set(units)) < len(units) else None


def _taken(column: Any, numbers: np.ndarray[Any, Any]) -> Any:
    if isinstance(column, np.ndarray):
        return np.asarray(column[numbers])
    return [column[i] for i in numbers]
