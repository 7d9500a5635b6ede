"""Batch prediction: a file of rows in, the same rows with their predictions out.

Invariants: exactly one output row for each input row, in order; rules, packed features, coverage,
encoder, scorer and answer are those of the live service, so a row gets the same answer to the bit.
A row that the live service would refuse has no prediction and says why in ``rejected_reason``; of
one that the release does not answer for, ``covered`` is false and ``not_covered`` says why. One
thing differs: rows may ask about any moment, near the present or not. Explanations are those of the
live service too, of the likeliest class where there are more than two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from interlock.data.validation import validate_columns
from interlock.errors import OperatorError
from interlock.features.assemble import HistoryProvider
from interlock.serve.answering import Answering, Outcome
from interlock.serve.contract import class_name
from interlock.serve.tabular import TableReader, TableWriter, is_csv
from interlock.train.answer import Answers, AnswerSpec

REASON = "rejected_reason"
COVERED, NOT_COVERED = "covered", "not_covered"
BASE, CONTRIBUTION = "base", "contribution_"
EXPLAINED_AT_ONCE = 500  # rows between two reports of progress: each costs a thousand answers

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class BatchResult:
    """What became of the rows: each was answered, not covered, or rejected.

    ``reasons`` counts the rejected ones by reason.
    """

    rows: int
    answered: int
    not_covered: int
    rejected: int
    reasons: Mapping[str, int]
    path: Path


def predict_file(
    release: Answering,
    input_path: Path,
    output_path: Path,
    *,
    history: HistoryProvider,
    as_of: int,
    names: Mapping[str, str] | None = None,
    chunk_rows: int = 20_000,
    explain: bool = False,
    progress: Progress | None = None,
) -> BatchResult:
    """Predict every row of a Parquet or CSV file; memory does not grow with the file.

    ``names`` maps request fields to the file's columns where they differ. ``history`` gives history
    values (see :mod:`interlock.features.assemble`). ``as_of`` (µs UTC) is the moment of rows whose
    request holds none. ``explain`` adds a column for each input's contribution. ``progress`` is
    told (rows done, rows in all or None). The output holds the input's columns and those of
    :func:`answer_fields` and :func:`explanation_fields`.

    Raises AuthorError for unknown or ill-typed columns, OperatorError for files that cannot be
    read, names that clash or a release that cannot explain, StoreError when the output cannot be
    written; then no output appears.
    """
    if explain and release.explainer is None:
        raise _inexplicable()
    reader = TableReader(input_path, chunk_rows=chunk_rows if not explain else EXPLAINED_AT_ONCE)
    columns = reader.schema()
    explained = explanation_fields(release) if explain else ()
    outputs = (*answer_fields(release.spec), *explained)
    _check_output(input_path, output_path, columns, outputs)
    check = partial(
        validate_columns, release.schema, names=names, parse=reader.csv, where=str(input_path)
    )
    check(columns.empty_table())
    total, done, uncovered, reasons = reader.n_rows(), 0, 0, Counter[str]()
    with TableWriter(output_path, pa.schema([*columns, *outputs])) as writer:
        for chunk in reader.chunks():
            valid = check(chunk)
            outcome = release.answer(valid.columns, valid.reasons, as_of=as_of, history=history)
            added = _columns(outcome, release.spec)
            if explain:
                added |= _explained(release, valid.columns, outcome)
            writer.write(_beside(chunk, added, columns, outputs))
            reasons.update(reason for reason in outcome.reasons if reason is not None)
            uncovered += sum(map(bool, outcome.not_covered))
            done += chunk.num_rows
            if progress is not None:
                progress(done, total)
        writer.commit()
    rejected = reasons.total()
    return BatchResult(
        rows=done,
        answered=done - rejected - uncovered,
        not_covered=uncovered,
        rejected=rejected,
        reasons=dict(reasons.most_common()),
        path=output_path,
    )


def answer_fields(spec: AnswerSpec) -> tuple[pa.Field, ...]:
    """The columns added: prediction, interval or probabilities, coverage, why it was rejected."""
    fields = [("prediction", pa.float64())]
    if spec.task != "regression":
        fields = [("prediction", pa.array(spec.classes).type)]
        fields += [(f"probability_{name}", pa.float64()) for name in spec.classes]
    elif spec.interval is not None:
        fields += [("interval_low", pa.float64()), ("interval_high", pa.float64())]
    fields += [(COVERED, pa.bool_()), (NOT_COVERED, pa.string()), (REASON, pa.string())]
    return tuple(pa.field(name, kind) for name, kind in fields)


def _columns(outcome: Outcome, spec: AnswerSpec) -> dict[str, Sequence[Any]]:
    """The added columns, None where a row is rejected."""
    rejected = [reason is not None for reason in outcome.reasons]
    covered = zip(rejected, outcome.not_covered, strict=True)
    added: dict[str, Sequence[Any]] = {
        COVERED: [None if refused else not why for refused, why in covered],
        NOT_COVERED: [why or None for why in outcome.not_covered],
        REASON: outcome.reasons,
    }
    found = {} if outcome.answers is None else _named(outcome.answers, spec)
    for field in answer_fields(spec):
        if field.name in added:
            continue
        values: list[Any] = [None] * len(outcome.reasons)
        for place, value in zip(outcome.places, found.get(field.name, ()), strict=True):
            values[place] = value
        added[field.name] = values
    return added


def _named(answers: Answers, spec: AnswerSpec) -> dict[str, Sequence[Any]]:
    if answers.probabilities is not None:
        found: dict[str, Sequence[Any]] = {
            f"probability_{name}": answers.probabilities[:, i].tolist()
            for i, name in enumerate(spec.classes)
        }
        return {"prediction": [spec.classes[i] for i in answers.value.tolist()], **found}
    found = {"prediction": answers.value.tolist()}
    if answers.low is not None and answers.high is not None:
        found |= {"interval_low": answers.low.tolist(), "interval_high": answers.high.tolist()}
    return found


def explanation_fields(release: Answering) -> tuple[pa.Field, ...]:
    """The columns that an explanation adds: base, then each input's contribution."""
    names = [f"{CONTRIBUTION}{given.name}" for given in release.features.inputs]
    return tuple(pa.field(name, pa.float64()) for name in (BASE, *names))


def _explained(
    release: Answering, columns: Mapping[str, Sequence[Any]], outcome: Outcome
) -> dict[str, Sequence[Any]]:
    """The columns of explanations, None where a row has no prediction."""
    added: dict[str, list[Any]] = {
        field.name: [None] * len(outcome.reasons) for field in explanation_fields(release)
    }
    classes = [class_name(c) for c in release.spec.classes]
    for i, (place, found) in enumerate(
        zip(outcome.places, release.explain(columns, outcome), strict=True)
    ):
        base, contributions = found.base, found.contributions
        if isinstance(base, dict):
            assert outcome.answers is not None
            likeliest = classes[int(outcome.answers.value[i])]
            base, contributions = base[likeliest], contributions[likeliest]
        added[BASE][place] = base
        for name, value in contributions.items():
            added[f"{CONTRIBUTION}{name}"][place] = value
    return dict(added)


def _inexplicable() -> OperatorError:
    return OperatorError(
        "S129",
        "the release carries nothing to explain its answers with",
        expected="a release with background rows",
        got="one that was built without them",
        fix="drop --explain, or deliver the product with explanations=True",
    )


def _beside(
    chunk: pa.Table,
    answers: Mapping[str, Sequence[Any]],
    columns: pa.Schema,
    outputs: Sequence[pa.Field],
) -> pa.Table:
    """The chunk's own columns and the answer's."""
    added = [pa.array(answers[field.name], type=field.type) for field in outputs]
    return pa.table([*chunk.columns, *added], schema=pa.schema([*columns, *outputs]))


def _check_output(
    input_path: Path, output_path: Path, columns: pa.Schema, outputs: Sequence[pa.Field]
) -> None:
    is_csv(output_path)
    if output_path.exists() and output_path.samefile(input_path):
        raise OperatorError(
            "S157",
            "the output would replace the input",
            where=str(output_path),
            expected="two different files",
            got="one file for both",
            fix="give the output another name",
        )
    clashing = [f.name for f in outputs if f.name in columns.names]
    if clashing:
        raise OperatorError(
            "S157",
            "the input has columns that the output would add",
            where=str(input_path),
            expected="columns other than " + ", ".join(f.name for f in outputs),
            got=", ".join(clashing),
            fix="rename these columns, or leave them out of the input",
        )
