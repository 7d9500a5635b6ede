"""What the winner answers to changed requests and to examples: behaviour checks' measurement.

The packaged candidate is asked as a service would be, column by column: rules of the request,
packed features, encoder, model, post-processing. History features of a changed request keep the
value that its own row has, so that a check asks about the field and nothing else; those of an
example are of its own time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from interlock.data.conform import conform, python_values
from interlock.data.request import Field
from interlock.data.rule import EXACT_INT
from interlock.digest import seed_from
from interlock.features.assemble import HistoryProvider, arrow_type
from interlock.features.assemble import as_of as as_of_rows
from interlock.features.definition import HistoryDefinition
from interlock.gates.model.behaviour import Behaviour, Directional, Invariant
from interlock.gates.model.expect import Expect
from interlock.gates.model.tried import REFUSED, Expected, Floats, Tried
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.probes.parity import spread_rows
from interlock.pipeline.rows.snapshots import load_snapshots
from interlock.product.binding import Bound
from interlock.product.training_set import TrainingSet, packed_features, source_rows
from interlock.release.coverage import Coverage, Covering
from interlock.release.scorers.opening import open_scorer
from interlock.serve.batch.answering import Answering
from interlock.serve.batch.answering import Outcome as Answered
from interlock.serve.errors import ServiceError
from interlock.serve.loaded.decode import RequestDecoder
from interlock.train.answer import Answers, AnswerSpec
from interlock.train.encoder import Encoder
from interlock.train.postprocess import PostProcessing

MAX_ROWS = 5_000  # test rows, evenly spread over time, that each check changes

_MISSING = "without a value"
_OUTSIDE = "outside what the field admits"
_UNCHANGED = "unchanged"
_UNCOVERED = "not covered"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the behaviour checks of a gate tried, by the key of each."""

    behaviour: Mapping[str, Tried]
    expected: Mapping[str, Expected]


def measure_behaviour(
    context: Context,
    snapshots: Outcome,
    rows: TrainingSet,
    winner: Mapping[str, Any],
    test: NDArray[np.int64],
    checks: Sequence[Any],
    *,
    coverage: Coverage | None,
    clusters: NDArray[Any] | None,
) -> Measured:
    """Ask the winner whatever the checks declare; ``winner`` is its row of the train stage.

    ``test`` are the numbers of the test rows, ``clusters`` their (n_test,) unit ids where rows of
    one unit depend on each other. Requests beyond the ``coverage`` are not tried: of those the
    release promises nothing.
    """
    asked = [check for check in checks if isinstance(check, Behaviour)]
    if not asked or not len(test):
        return Measured(behaviour={}, expected={})
    chosen = spread_rows(len(test), MAX_ROWS)
    trial = _Trial(
        bound=context.bound,
        release=candidate_release(context, winner, coverage),
        table=rows.table.take(pa.array(test[chosen])),
        units=None if clusters is None else clusters[chosen],
    )
    examples = [check for check in asked if isinstance(check, Expect)]
    history = _own_time(context, snapshots) if examples else _no_history
    newest = int(rows.instants[test].max())
    return Measured(
        behaviour={c.key: trial.tried(c) for c in asked if isinstance(c, Directional | Invariant)},
        expected={c.key: _expected(trial.release, c, history, newest) for c in examples},
    )


def candidate_release(
    context: Context, row: Mapping[str, Any], coverage: Coverage | None
) -> Answering:
    """A packaged candidate with the parts that its release would have."""
    bound, name = context.bound, f"candidate_{context.bound.code_digest[:16]}"
    known = [
        *(field.name for field in bound.schema.fields),
        *(feature.name for feature in bound.features.request),
        *(a.name for history in bound.features.histories for a in history.aggregates),
    ]
    encoder = Encoder.from_row(context.get_json(row["encoder"])) if row["encoder"] else None
    return Answering(
        schema=bound.schema,
        features=bound.features,
        packed=packed_features(bound),
        encoder=encoder,
        scorer=open_scorer(
            row["format"],
            context.artifacts.get(row["payload"]),
            n_columns=encoder.n_columns if encoder else None,
            inputs=bound.features.inputs,
        ),
        spec=AnswerSpec.from_row(row["spec"]),
        postprocessing=PostProcessing.load(bound.packed, bound.postprocess, name=name),
        covering=None if coverage is None else Covering(coverage, known, bound.packed, name=name),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """The rows that are changed, and the release that is asked."""

    bound: Bound
    release: Answering
    table: pa.Table
    units: NDArray[Any] | None

    @cached_property
    def requests(self) -> dict[str, list[Any]]:
        """The requests as they were, by field."""
        return {f.name: self._values(f"request.{f.name}") for f in self.bound.schema.fields}

    @cached_property
    def history(self) -> dict[str, list[Any]]:
        """The aggregates that the rows have, by name."""
        names = [a.name for h in self.bound.features.histories for a in h.aggregates]
        return {name: self._values(f"feature.{name}") for name in names}

    @cached_property
    def before(self) -> tuple[NDArray[np.int64], Floats]:
        """(rows answered, their answers) as they were."""
        places, answers, _ = self._answers(self.requests, np.arange(self.table.num_rows))
        return places, answers

    def tried(self, check: Directional | Invariant) -> Tried:
        """The check's changes of every row, and what was answered to them."""
        field = self.bound.schema.field(check.field)
        parts = [self._changed(field, became) for became in self._values_to_try(check, field)]
        return _together(parts)

    def _values_to_try(self, check: Directional | Invariant, field: Field) -> list[list[Any]]:
        """Lists of one new value a row."""
        own = self.requests[field.name]
        if isinstance(check, Directional):
            return [[check.change(value, whole=field.kind == "int") for value in own]]
        if check.shuffled:
            order = np.random.default_rng(seed_from("shuffled", check.key)).permutation(len(own))
            return [[own[i] for i in order]]
        return [[value] * len(own) for value in check.values]

    def _changed(self, field: Field, became: list[Any]) -> Tried:
        """Every row with one field changed; those that cannot be are counted."""
        own = self.requests[field.name]
        skipped: Counter[str] = Counter()
        kept = []
        outside = _outside(field, became)
        for row, (was, now) in enumerate(zip(own, became, strict=True)):
            reason = _reason(field, was, now, outside=row in outside)
            if reason:
                skipped[reason] += 1
            else:
                kept.append(row)
        answered, before = self.before
        known = {row: place for place, row in enumerate(answered.tolist())}
        numbers = np.array([row for row in kept if row in known], dtype=np.int64)
        changed = {name: [values[i] for i in numbers] for name, values in self.requests.items()}
        changed[field.name] = [became[i] for i in numbers]
        places, after, uncovered = self._answers(changed, numbers)
        refused = len(kept) - len(places) - uncovered
        skipped.update({_UNCOVERED: uncovered} if uncovered else {})
        skipped.update({REFUSED: refused} if refused else {})
        rows = numbers[places]
        return Tried(
            before=before[[known[row] for row in rows.tolist()]],
            after=after,
            rows=rows,
            requests={name: [values[i] for i in rows] for name, values in self.requests.items()},
            became=[became[i] for i in rows],
            skipped=dict(skipped),
            units=None if self.units is None else self.units[rows],
        )

    def _answers(
        self, columns: Mapping[str, Sequence[Any]], rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Floats, int]:
        """Of requests, each with the history of its own row: (places answered, answers, how many
        are not covered, which are among neither)."""
        instants = np.asarray(self.table.column("t").to_numpy())[rows]
        outcome = self.release.answer(
            columns, [None] * len(rows), as_of=instants, history=self._kept_history(rows)
        )
        covered = np.array([not outcome.not_covered[p] for p in outcome.places], dtype=bool)
        places = np.array(outcome.places, dtype=np.int64)
        uncovered = sum(map(bool, outcome.not_covered))
        return places[covered], _numbers(outcome)[covered], uncovered

    def _kept_history(self, rows: NDArray[np.int64]) -> HistoryProvider:
        def provide(definition: HistoryDefinition, *_: Any) -> dict[str, list[Any]]:
            return {a.name: [self.history[a.name][i] for i in rows] for a in definition.aggregates}

        return provide

    def _values(self, column: str) -> list[Any]:
        return python_values(self.table.column(column).combine_chunks())


def _outside(field: Field, became: Sequence[Any]) -> set[int]:
    """Rows whose new value the request would not admit."""
    if field.kind == "int":
        became = [v if v is None or _is_exact(v) else None for v in became]
    rule = replace(field.rule, nullable=True)
    faults = conform(pa.chunked_array([pa.array(became, arrow_type(field.kind))]), rule).faults
    return {row for fault in faults for row in fault.rows.tolist()}


def _is_exact(value: Any) -> bool:
    return isinstance(value, int) and -EXACT_INT <= value <= EXACT_INT


def _reason(field: Field, was: Any, now: Any, *, outside: bool) -> str:
    """Why a row is not tried, or ""."""
    if was == now:
        return _MISSING if was is None else _UNCHANGED
    if outside or (now is None and not field.optional):
        return _OUTSIDE
    return _OUTSIDE if field.kind == "int" and now is not None and not _is_exact(now) else ""


def _numbers(outcome: Answered) -> Floats:
    """Values, or probabilities of the positive class, (n,); of more classes (n, n_classes)."""
    if outcome.answers is None:
        return np.zeros(0)
    return _numbers_of(outcome.answers)


def _numbers_of(answers: Answers) -> Floats:
    found = answers.prediction
    return found[:, 1] if found.ndim == 2 and found.shape[1] == 2 else found


def _together(parts: Sequence[Tried]) -> Tried:
    """Several changes of the same rows as one measurement."""
    if len(parts) == 1:
        return parts[0]
    skipped: Counter[str] = Counter()
    for part in parts:
        skipped.update(part.skipped)
    some = [part for part in parts if len(part.rows)] or [parts[0]]
    units = None if parts[0].units is None else np.concatenate([p.units for p in some])
    return Tried(
        before=np.concatenate([p.before for p in some]),
        after=np.concatenate([p.after for p in some]),
        rows=np.concatenate([p.rows for p in some]),
        requests={n: [v for p in some for v in p.requests[n]] for n in parts[0].requests},
        became=[v for p in some for v in p.became],
        skipped=dict(skipped),
        units=units,
    )


def _expected(release: Answering, check: Expect, history: HistoryProvider, newest: int) -> Expected:
    """What is answered to an example; at the newest test row's time if it names none itself."""
    try:
        decoded = RequestDecoder(release.schema, max_rows=1).decode(
            msgspec.json.encode(dict(check.request))
        )
    except ServiceError as error:
        return Expected(reason=error.what)
    names = [field.name for field in release.schema.fields]
    columns = {name: [value] for name, value in zip(names, decoded.rows[0], strict=True)}
    outcome = release.answer(columns, [None], as_of=newest, history=history)
    if outcome.not_covered[0]:
        return Expected(reason=f"not covered: {outcome.not_covered[0]}")
    if outcome.answers is None or not outcome.places:
        return Expected(reason=str(outcome.reasons[0]))
    found = outcome.answers
    classes = release.spec.classes
    answered = classes[int(found.value[0])] if classes else float(found.value[0])
    numbers = _numbers_of(found)
    value = float(numbers[0]) if numbers.ndim == 1 else None
    return Expected(value=value, answered=answered)


def _own_time(context: Context, snapshots: Outcome) -> HistoryProvider:
    """History features as of each request's own time, from the snapshots."""
    bound = context.bound
    if not bound.features.histories:
        return _no_history
    taken = load_snapshots(context, snapshots.output)
    return as_of_rows(source_rows(bound, packed_features(bound), taken))


def _no_history(definition: HistoryDefinition, *_: Any) -> dict[str, list[Any]]:
    raise LookupError(f"no history was asked for: {definition.name}")
