"""Stage: which examples teach, which are judged by, and what the release will answer for.

Rows are first cut into parts. Outlier rules then take rows out of training, and segments are
counted on what is left; both limit what the release answers for. Tune, calibrate and test hold only
rows that it answers for: what is ranked, calibrated and judged is what will be answered.

A rule that looks at the target cannot know a request, so the rows it names stay in those parts: to
leave them out would flatter the model. Only ``leave_out_of_test`` does, because the product says
that they are no true outcomes; how many is told beside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from interlock.data.snapshot import table_bytes
from interlock.digest import digest_json
from interlock.gates.data.coverage import SegmentCoverage
from interlock.gates.data.measurement import SegmentCount
from interlock.pipeline.context import Context, Outcome
from interlock.pipeline.rows.examples import load_examples
from interlock.pipeline.rows.outlying import Named, Values, name_outliers, values_of
from interlock.product.training_set import TrainingSet
from interlock.release.coverage import Coverage, Covering
from interlock.release.segments import Key, Segments
from interlock.store.arrays import array_from_bytes, array_to_bytes
from interlock.train.split import PARTS, HashSplit, Split, TimeSplit

Rows = NDArray[np.int64]

_LATER = PARTS[1:]
_MOST_REASONS = 50  # kept of one check


def declared_split(context: Context) -> TimeSplit | HashSplit:
    """The product's split; without one, by time where there is a time, else by hash."""
    if context.bound.product.split is not None:
        return context.bound.product.split
    has_time = context.bound.examples_source.event_time is not None
    return TimeSplit() if has_time else HashSplit()


def split_identity(context: Context) -> dict[str, Any]:
    """The split, and of one by unit what makes a unit: under another, other rows test.

    Units are named by the values of request fields, or by the key of the examples' source.
    """
    bound, row = context.bound, declared_split(context).to_row()
    if row["by"] != "unit":
        return row
    kinds = {field.name: field.kind for field in bound.schema.fields}
    fields = [[name, kinds[name], bound.mapping.get(name)] for name in bound.product.unit_fields]
    source = bound.examples_source
    return {**row, "units": {"source": source.name, "key": source.key, "fields": fields}}


def cut(declared: TimeSplit | HashSplit, examples: TrainingSet) -> Split:
    """The split of the examples' rows, before any is left out."""
    if isinstance(declared, TimeSplit):
        return declared.cut(examples.instants, examples.table.column("label_at").to_numpy())
    return declared.cut(examples.table.column("unit").to_pylist())


def split_examples(context: Context, examples: Outcome) -> Outcome:
    """The rows of each part, what is put aside, and the coverage, known before training."""
    product, bound = context.bound.product, context.bound
    declared = declared_split(context)
    inputs = {
        "table": examples.output["table"],
        "split": declared.to_row(),
        "segments": [check.to_row() for check in _checks(context)],
        "outliers": bound.outliers.to_row(),
        "packed": digest_json(dict(bound.packed)) if bound.outliers.rules else "",
        "not covered": product.not_covered,
    }
    return context.run("split", inputs, lambda: _divide(context, examples, declared))


def load_split(context: Context, divided: Mapping[str, Any]) -> Split:
    """The parts of a stage's output, as row numbers."""
    read = {
        name: array_from_bytes(context.artifacts.get(blob))
        for name, blob in divided["parts"].items()
    }
    ends = {name: (first, last) for name, (first, last) in divided["boundaries"].items()}
    return Split(**read, boundaries=ends, purged=divided["purged"])


def load_coverage(context: Context, divided: Mapping[str, Any]) -> Coverage | None:
    """The coverage of a stage's output; None where the release answers for everything."""
    if divided["coverage"] is None:
        return None
    return Coverage.from_row(context.get_json(divided["coverage"]))


def uncovered_rows(context: Context, divided: Mapping[str, Any]) -> tuple[Rows, list[str]]:
    """The rows of the test part that are not covered, (n,) row numbers, and why."""
    found = context.get_json(divided["not_covered_test"])
    return np.array([row for row, _ in found], dtype=np.int64), [why for _, why in found]


def named_in_test(context: Context, divided: Mapping[str, Any], test: Rows) -> NDArray[np.bool_]:
    """Which rows of the test part a rule names that a request cannot decide, (n_test,)."""
    return np.isin(test, np.array(context.get_json(divided["named_test"]), dtype=np.int64))


def coverage_declared(context: Context) -> dict[str, Any]:
    """All that says what is covered, for the label of the release; nothing where nothing does."""
    product, checks = context.bound.product, _checks(context)
    if not checks and not product.outliers:
        return {}
    return {
        "segments": [check.to_row() for check in checks],
        "outliers": context.bound.outliers.to_row(),
        "not_covered": product.not_covered,
    }


def _checks(context: Context) -> list[SegmentCoverage]:
    declared = context.bound.product.data_gate
    return [check for check in declared if isinstance(check, SegmentCoverage)]


@dataclass(frozen=True, kw_only=True)
class _Marks:
    """What the outlier rules say of each row, (n_rows,): the first reason, or "".

    ``live`` are those of rules that a request alone decides, ``unfit`` those that are left out of
    every part, ``all`` of any.
    """

    all: Sequence[str]
    live: Sequence[str]
    unfit: Sequence[str]

    @classmethod
    def of(cls, named: Sequence[Named], n_rows: int) -> _Marks:
        live = [n for n in named if n.live]
        unfit = [n for n in named if n.live or n.leave_out_of_test]
        return cls(
            all=_first(named, n_rows), live=_first(live, n_rows), unfit=_first(unfit, n_rows)
        )


def _first(named: Sequence[Named], n_rows: int) -> list[str]:
    reasons = [n.reasons for n in named]
    return [next(filter(None, found), "") for found in zip(*reasons, strict=True)] or [""] * n_rows


def _divide(context: Context, examples: Outcome, declared: TimeSplit | HashSplit) -> dict[str, Any]:
    rows = load_examples(context, examples.output)
    whole = cut(declared, rows)
    named = name_outliers(context.bound, rows, whole.train)
    marks = _Marks.of(named, len(rows.y))
    train = _without(whole.train, marks.all)
    tested = _without(whole.test, marks.unfit)
    values = values_of(context.bound, rows)
    segments = _segments(context, rows, values, _weighty(rows, train), tested)
    coverage = Coverage(
        segments=tuple(segments.values()),
        limits=tuple(n.limits for n in named if n.live and n.limits is not None),
        rules=tuple(r.definition for r in context.bound.outliers.rules if r.live),
        estimate=context.bound.product.not_covered == "estimate",
    )
    whys = {part: _whys(context, rows, values, coverage, getattr(whole, part)) for part in _LATER}
    kept = {part: _kept(getattr(whole, part), whys[part], marks.unfit) for part in _LATER}
    split = replace(
        whole, train=train, tune=kept["tune"], calibrate=kept["calibrate"], test=kept["test"]
    )
    aside = _put_aside(whole, marks)
    return {
        **split.to_row(),
        "parts": {p: context.artifacts.put(array_to_bytes(getattr(split, p))) for p in PARTS},
        "coverage": None if coverage.is_everything else context.put_json(coverage.to_row()),
        "segments": {
            key: asdict(_counted(found, values, tested)) for key, found in segments.items()
        },
        "not_covered": {part: sum(map(bool, whys[part])) for part in _LATER},
        "not_covered_test": context.put_json(
            [[int(row), why] for row, why in zip(whole.test, whys["test"], strict=True) if why]
        ),
        "named_test": context.put_json([r for r in split.test.tolist() if marks.all[r]]),
        "outliers": [_told(n, whole) for n in named],
        "put_aside": context.artifacts.put(table_bytes(_shown(context, rows, aside))),
        "quarantined": dict(sorted(Counter(aside.values()).items())),
    }


def _without(rows: Rows, marks: Sequence[str]) -> Rows:
    return rows[[not marks[row] for row in rows.tolist()]] if any(marks) else rows


def _kept(rows: Rows, whys: Sequence[str], unfit: Sequence[str]) -> Rows:
    if not any(whys) and not any(unfit):
        return rows
    return rows[[not why and not unfit[row] for row, why in zip(rows.tolist(), whys, strict=True)]]


def _weighty(rows: TrainingSet, train: Rows) -> Rows:
    """Rows that are learned from: those of weight 0 are not."""
    if "weight" not in rows.table.column_names:
        return train
    return train[np.asarray(rows.table.column("weight").to_numpy())[train] > 0]


def _segments(
    context: Context, rows: TrainingSet, values: Values, train: Rows, tested: Rows
) -> dict[str, Segments]:
    """By declared check, its segments with their rows."""
    found = {}
    for check in _checks(context):
        segments = check.segments(context.bound.outliers.request)
        recent = train
        if segments.within is not None and len(train):
            instants = rows.instants[train]
            recent = train[instants > instants.max() - segments.within]
        learned, asked = (_keys(segments, values, part) for part in (recent, tested))
        found[check.key] = segments.counted(learned, asked)
    return found


def _keys(segments: Segments, values: Values, rows: Rows) -> list[Key | None]:
    columns = [values(axis.name) for axis in segments.by]
    return [segments.key([column[row] for column in columns]) for row in rows.tolist()]


def _counted(segments: Segments, values: Values, tested: Rows) -> SegmentCount:
    reasons: Counter[str] = Counter()
    for key, n in Counter(_keys(segments, values, tested)).items():
        nowhere = f"{segments.name}: missing, or outside the edges"
        why = nowhere if key is None else segments.shortage(key)
        if why:
            reasons[why] += n
    return SegmentCount(
        segments=len(segments.rows),
        covered=len(segments.covered),
        rows=len(tested),
        uncovered=reasons.total(),
        reasons=dict(reasons.most_common(_MOST_REASONS)),
    )


def _whys(
    context: Context, rows: TrainingSet, values: Values, coverage: Coverage, part: Rows
) -> list[str]:
    """Why each row of the part is not covered, or ""."""
    if coverage.is_everything:
        return [""] * len(part)
    bound = context.bound
    name = f"training_{bound.code_digest[:16]}"
    covering = Covering(coverage, coverage.needs, bound.packed, name=name)
    columns = {needed: values(needed) for needed in coverage.needs}
    taken = {needed: [column[row] for row in part.tolist()] for needed, column in columns.items()}
    return covering.columns(taken, rows.instants[part].tolist())


def _put_aside(whole: Split, marks: _Marks) -> dict[int, str]:
    """Why rows are quarantined, by row: all that are named in train, elsewhere the unfit."""
    found = {row: marks.all[row] for row in whole.train.tolist() if marks.all[row]}
    for part in _LATER:
        rows = getattr(whole, part).tolist()
        found |= {row: marks.unfit[row] for row in rows if marks.unfit[row]}
    return dict(sorted(found.items()))


def _shown(context: Context, rows: TrainingSet, aside: Mapping[int, str]) -> pa.Table:
    """The rows put aside as the report shows them, with a column ``__reason``."""
    taken = rows.table.take(pa.array(list(aside), type=pa.int64()))
    shown = {"key": taken.column("key")}
    for name in taken.column_names:
        side, _, plain = name.partition(".")
        if side in ("request", "feature", "source") and plain:
            shown.setdefault(plain, taken.column(name))
    target = values_of(context.bound, rows)(context.bound.product.target.name)
    shown[context.bound.product.target.name] = pa.array([target[row] for row in aside])
    return pa.table(shown | {"__reason": pa.array(list(aside.values()), type=pa.string())})


def _told(named: Named, whole: Split) -> dict[str, Any]:
    """What a rule was, and how many rows of each part it named."""
    counts = {
        part: sum(bool(named.reasons[row]) for row in getattr(whole, part).tolist())
        for part in PARTS
    }
    return {
        "name": named.name,
        "limits": None if named.limits is None else named.limits.to_row(),
        "live": named.live,
        "leave_out_of_test": named.leave_out_of_test,
        "named": counts,
    }
