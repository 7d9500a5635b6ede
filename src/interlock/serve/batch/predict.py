"""Batch prediction: a file of rows in, the same rows with their predictions out.

Invariants: exactly one output row for each input row, in order; rules, packed features, coverage,
encoder, scorer and answer are those of the live service, so a row gets the same answer to the bit.
A row that the live service would refuse has no prediction and says why in ``rejected_reason``; of
one that the release does not answer for, ``covered`` is false and ``not_covered`` says why. One
thing differs: rows may ask about any moment, near the present or not. Explanations are those of the
live service too, of the likeliest class where there are more than two.

The product's functions and everything else run on one thread; only the model is asked on others,
so that all cores work and no more than a few chunks are held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.data.validation import Validated, validate_columns
from interlock.digest import digest_json
from interlock.errors import OperatorError
from interlock.features.assemble import HistoryProvider
from interlock.serve.batch.answering import Answering, Outcome, Prepared
from interlock.serve.batch.files import (
    check_columns,
    check_output,
    check_rejected,
    check_unchanged,
    ends_digest,
    file_state,
)
from interlock.serve.batch.parts import PartsWriter
from interlock.serve.batch.scoring import in_order, scoring_threads
from interlock.serve.batch.tabular import TableReader, TableWriter
from interlock.serve.contract import class_name
from interlock.train.answer import Answers, AnswerSpec

REASON = "rejected_reason"
COVERED, NOT_COVERED = "covered", "not_covered"
BASE, CONTRIBUTION = "base", "contribution_"
EXPLAINED_AT_ONCE = 500  # rows between two reports of progress: each costs a thousand answers

Form = Literal["file", "parts", "delta"]
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
    form: Form = "file",
    rejected_path: Path | None = None,
    batch: str = "",
    progress: Progress | None = None,
) -> BatchResult:
    """Predict every row of a Parquet or CSV file; memory does not grow with the file.

    ``form`` "parts" or "delta" writes a directory of Parquet files, which the same call takes up
    where it broke off; ``batch`` names what the call depends on beside the input file. Rejected
    rows are written to ``rejected_path`` too, with their reasons.

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
    rows = _Input.read(release, input_path, names or {}, chunk_rows=chunk_rows, explain=explain)
    directory = form != "file"
    check_output(input_path, output_path, directory=directory)
    if rejected_path is not None:
        check_rejected(rejected_path, input_path, output_path, directory=directory)
    rows.check(rows.columns.empty_table())
    begun = file_state(input_path)
    source, schema = [*begun, ends_digest(input_path)], pa.schema([*rows.columns, *rows.outputs])
    about = {"batch": _identity(source, batch, schema, names or {}), "as_of": as_of}
    total, tally = rows.reader.n_rows(), _Counts()
    with _opened(output_path, schema, form, about) as writer:
        if isinstance(writer, PartsWriter):
            as_of = writer.kept["as_of"]
            for earlier in writer.earlier([COVERED, REASON]):
                tally.add(earlier)
        for table in _answered(release, rows, history=history, as_of=as_of, skip=tally.rows):
            writer.write(table)
            tally.add(table)
            if progress is not None:
                progress(tally.rows, total)
        check_unchanged(input_path, begun)
        writer.commit()
        if rejected_path is not None:
            _write_rejected(output_path, rejected_path, form)
        if isinstance(writer, PartsWriter):
            writer.seal()
    return tally.result(output_path)


@dataclass(frozen=True, kw_only=True)
class _Input:
    """The rows of a file, and what is put beside them.

    ``columns`` are the file's; ``outputs`` those added; ``check`` reads a chunk's request fields.
    """

    reader: TableReader
    columns: pa.Schema
    outputs: tuple[pa.Field, ...]
    check: Callable[[pa.Table], Validated]
    explain: bool

    @classmethod
    def read(
        cls,
        release: Answering,
        path: Path,
        names: Mapping[str, str],
        *,
        chunk_rows: int,
        explain: bool,
    ) -> _Input:
        """Raises AuthorError, OperatorError for files that cannot be read, names that clash."""
        reader = TableReader(path, chunk_rows=EXPLAINED_AT_ONCE if explain else chunk_rows)
        columns = reader.schema()
        explained = explanation_fields(release) if explain else ()
        outputs = (*answer_fields(release.spec), *explained)
        fields = [names.get(f.name, f.name) for f in release.schema.fields]
        check_columns(path, columns, asked=fields, added=[f.name for f in outputs])
        check = partial(
            validate_columns, release.schema, names=names, parse=reader.csv, where=str(path)
        )
        return cls(reader=reader, columns=columns, outputs=outputs, check=check, explain=explain)


def _answered(
    release: Answering, rows: _Input, *, history: HistoryProvider, as_of: int, skip: int
) -> Iterator[pa.Table]:
    """The file's chunks after the first ``skip`` rows, in order, with their answers."""
    asked = (
        _Asked(
            chunk=chunk,
            columns=valid.columns,
            prepared=release.prepare(*valid, as_of=as_of, history=history),
        )
        for chunk in rows.reader.chunks(skip=skip)
        for valid in (rows.check(chunk),)
    )
    threads = 0 if rows.explain else scoring_threads(release.scorer)
    for each, raw in in_order(asked, lambda a: release.score(a.prepared), threads=threads):
        outcome = release.finish(each.prepared, raw)
        added = _columns(outcome, release.spec)
        if rows.explain:
            added |= _explained(release, each.columns, outcome)
        yield _beside(each.chunk, added, rows.columns, rows.outputs)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """A chunk of the file, its fields' values, and what the model is asked."""

    chunk: pa.Table
    columns: Mapping[str, Sequence[Any]]
    prepared: Prepared


class _Counts:
    """What became of rows, from the columns that say so."""

    def __init__(self) -> None:
        self.rows = self._uncovered = 0
        self._reasons: Counter[str] = Counter()

    def add(self, table: pa.Table) -> None:
        self.rows += table.num_rows
        self._uncovered += pc.sum(pc.equal(table[COVERED], False)).as_py() or 0
        counted = pc.value_counts(table[REASON].drop_null()).to_pylist()
        self._reasons.update({one["values"]: one["counts"] for one in counted})

    def result(self, path: Path) -> BatchResult:
        rejected = self._reasons.total()
        return BatchResult(
            rows=self.rows,
            answered=self.rows - rejected - self._uncovered,
            not_covered=self._uncovered,
            rejected=rejected,
            reasons=dict(self._reasons.most_common()),
            path=path,
        )


def _opened(
    path: Path, schema: pa.Schema, form: Form, about: Mapping[str, Any]
) -> TableWriter | PartsWriter:
    if form == "file":
        return TableWriter(path, schema)
    return PartsWriter(path, schema, about, delta=form == "delta")


def _identity(
    source: Sequence[Any], batch: str, schema: pa.Schema, names: Mapping[str, str]
) -> str:
    """A digest of what decides every byte of the output but the moment it is made."""
    parts = {
        "input": list(source),
        "batch": batch,
        "schema": schema.to_string(),
        "names": dict(names),
    }
    return digest_json(parts)


def _write_rejected(output_path: Path, rejected_path: Path, form: Form) -> None:
    """The rejected rows of an output, apart."""
    places = [output_path] if form == "file" else sorted(output_path.glob("part-*.parquet"))
    columns = TableReader(places[0], chunk_rows=1).schema()
    with TableWriter(rejected_path, columns) as writer:
        for place in places:
            for chunk in TableReader(place, chunk_rows=20_000).chunks():
                writer.write(chunk.filter(_is_rejected(chunk)))
        writer.commit()


def _is_rejected(table: pa.Table) -> Any:
    return pc.is_valid(table[REASON])


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


def _columns(outcome: Outcome, spec: AnswerSpec) -> dict[str, pa.Array]:
    """The added columns, null where a row has none."""
    n_rows = len(outcome.reasons)
    reasons, limits = (
        pa.array(texts, pa.string()) for texts in (outcome.reasons, outcome.not_covered)
    )
    limited = pc.not_equal(limits, "")
    added = {
        COVERED: pc.if_else(pc.is_null(reasons), pc.invert(limited), None),
        NOT_COVERED: pc.if_else(limited, limits, None),
        REASON: reasons,
    }
    found = {} if outcome.answers is None else _named(outcome.answers, spec)
    for field in answer_fields(spec):
        if field.name not in added:
            values = pa.array(found.get(field.name, ()), field.type)
            added[field.name] = _spread(values, outcome.places, n_rows)
    return added


def _named(answers: Answers, spec: AnswerSpec) -> dict[str, Any]:
    if answers.probabilities is not None:
        found: dict[str, Any] = {
            f"probability_{name}": answers.probabilities[:, i]
            for i, name in enumerate(spec.classes)
        }
        return {"prediction": [spec.classes[i] for i in answers.value.tolist()], **found}
    found = {"prediction": answers.value}
    if answers.low is not None and answers.high is not None:
        found |= {"interval_low": answers.low, "interval_high": answers.high}
    return found


def _spread(values: pa.Array, places: Sequence[int], n_rows: int) -> pa.Array:
    """The values at their places among n rows, null elsewhere."""
    if len(values) == n_rows:
        return values
    of = np.full(n_rows, -1)
    of[np.array(places, dtype=np.intp)] = np.arange(len(values))
    return values.take(pa.array(of, mask=of < 0))


def explanation_fields(release: Answering) -> tuple[pa.Field, ...]:
    """The columns that an explanation adds: base, then each input's contribution."""
    names = [f"{CONTRIBUTION}{given.name}" for given in release.features.inputs]
    return tuple(pa.field(name, pa.float64()) for name in (BASE, *names))


def _explained(
    release: Answering, columns: Mapping[str, Sequence[Any]], outcome: Outcome
) -> dict[str, Sequence[Any]]:
    """The columns of explanations, None where a row has no prediction or cannot be explained."""
    added: dict[str, list[Any]] = {
        field.name: [None] * len(outcome.reasons) for field in explanation_fields(release)
    }
    classes = [class_name(c) for c in release.spec.classes]
    for i, (place, found) in enumerate(
        zip(outcome.places, release.explain(columns, outcome), strict=True)
    ):
        if found is None:
            continue
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
    answers: Mapping[str, pa.Array | Sequence[Any]],
    columns: pa.Schema,
    outputs: Sequence[pa.Field],
) -> pa.Table:
    """The chunk's own columns and the answer's."""
    added = [_array(answers[field.name], field.type) for field in outputs]
    return pa.table([*chunk.columns, *added], schema=pa.schema([*columns, *outputs]))


def _array(values: pa.Array | Sequence[Any], kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, type=kind)
