"""The rows a model learns from: snapshots to examples, labels and features.

Invariants: a row is used, or counted apart with its reason: quarantined (a bad value, or a feature
that failed), without a label, or with a label that is not known yet. No row is dropped in silence.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.clock import now, parse_instant
from interlock.data.snapshot import Taken
from interlock.data.taking import take
from interlock.data.validation import validate_columns
from interlock.features.assemble import Assembled, arrow_type, assemble, history_rows
from interlock.features.assemble import as_of as as_of_rows
from interlock.features.definition import Input
from interlock.features.request import PackedFeatures, RowFailure
from interlock.product.binding import Bound, bind
from interlock.product.declaration import Declaration
from interlock.product.labels import (
    LabelFacts,
    encoded,
    label_facts,
    label_instants,
    present,
    read_labels,
)

Columns = Mapping[str, Any]

_json_text = json.JSONEncoder(default=str).encode


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the rows of the examples' source; ``missing`` counts by column of theirs."""

    rows: int
    missing: Mapping[str, int]
    usable: int
    without_label: int
    label_pending: int
    quarantined: Mapping[str, int]
    feature_failures: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """Examples with their features, in order of time and key.

    ``table`` has the columns ``key``, ``t`` and ``label_at`` (µs), ``y`` (a number, or the index of
    a class), ``unit``, ``weight`` where declared, and prefixed ``request.``, ``feature.``,
    ``yardstick.`` and, where an outlier rule asks for one, ``source.`` columns. ``quarantined``
    holds source rows with a column ``__reason``.
    """

    table: pa.Table
    classes: tuple[Any, ...]
    inputs: tuple[Input, ...]
    quarantined: pa.Table
    counts: Counts
    labels: LabelFacts

    @property
    def y(self) -> np.ndarray:
        """The labels: float64, or int64 class indices, (n_rows,)."""
        return np.asarray(self.table.column("y").to_numpy())

    @property
    def instants(self) -> np.ndarray:
        """Each row's prediction time, (n_rows,) int64 µs."""
        return np.asarray(self.table.column("t").to_numpy())

    def column(self, name: str) -> Any:
        """A model input: float64 with NaN for numbers and booleans, else a list of str or None."""
        kind = next(i.kind for i in self.inputs if i.name == name)
        values = self.stored(name)
        if kind in ("str", "category"):
            return values.to_pylist()
        return values.cast(pa.float64()).to_numpy(zero_copy_only=False)

    def stored(self, name: str) -> pa.ChunkedArray:
        """A model input as it stands in the table, (n_rows,)."""
        made = f"feature.{name}"
        return self.table.column(made if made in self.table.column_names else f"request.{name}")

    def stored_columns(self, rows: np.ndarray) -> dict[str, pa.ChunkedArray]:
        """All model inputs of the rows with these numbers, as they stand in the table."""
        return {i.name: self.stored(i.name).take(pa.array(rows)) for i in self.inputs}

    def columns(self) -> dict[str, Any]:
        """All model inputs by name."""
        return {i.name: self.column(i.name) for i in self.inputs}

    def to_pandas(self) -> Any:
        """The table as a pandas frame, for a notebook."""
        return self.table.to_pandas()


def training_set(product: Declaration, *, as_of: str | None, project_dir: Path) -> TrainingSet:
    """See :meth:`interlock.product.product.Product.training_set`."""
    bound = bind(product, project_dir.resolve())
    moment = parse_instant(as_of, zone=bound.zone) if as_of else now()
    taken = {
        name: take(source, as_of=moment, zone=bound.zone, project_dir=bound.project_dir)
        for name, source in bound.sources.items()
    }
    return build(bound, taken, as_of=moment)


def packed_features(bound: Bound) -> PackedFeatures:
    """The product's request features, loaded from their packed source."""
    return PackedFeatures.load(
        bound.packed,
        bound.features,
        fields=[f.name for f in bound.schema.fields],
        name=f"training_{bound.code_digest[:16]}",
    )


def source_rows(
    bound: Bound,
    packed: PackedFeatures,
    taken: Mapping[str, Taken],
    failures: dict[str, list[RowFailure]] | None = None,
) -> dict[str, pa.Table]:
    """The rows that each history reads, by the history's name; ``failures`` likewise.

    A row whose entity cannot be computed feeds no history: it is a failure, to be counted.
    """
    found = {}
    for h in bound.features.histories:
        failed: list[RowFailure] = []
        found[h.name] = history_rows(h, packed, taken[h.source].revisions, failed)
        if failures is not None and failed:
            failures[h.name] = failed
    return found


def build(bound: Bound, taken: Mapping[str, Taken], *, as_of: int) -> TrainingSet:
    """The training set made of snapshots taken at ``as_of``."""
    source = bound.examples_source
    rows = taken[source.name].table
    columns, found = validate_columns(bound.schema, _request_table(bound, rows))
    reasons = _with_weight_reasons(bound, rows, found)
    labels = read_labels(bound, rows)
    label_at = label_instants(bound, rows)
    has_label = present(labels)
    known = label_at <= as_of
    valid = np.array([reason is None for reason in reasons], dtype=bool)
    chosen = np.flatnonzero(valid & has_label & known)
    kept = {name: _take(values, chosen) for name, values in columns.items()}
    instants = _instants(bound, rows, columns)[chosen]
    packed = packed_features(bound)
    lost: dict[str, list[RowFailure]] = {}
    provider = as_of_rows(source_rows(bound, packed, taken, lost))
    made = assemble(bound.features, packed, kept, instants, provider)
    failed = {f.row: f"feature {f.feature}: {f.message}" for f in reversed(made.failures)}
    good = np.array([i for i in range(len(chosen)) if i not in failed], dtype=np.int64)
    y, classes = encoded([labels[chosen[i]] for i in good], bound)
    order = np.lexsort((chosen[good], instants[good]))
    table = _table(bound, rows, kept, made, chosen, good, instants, label_at)
    table = table.append_column("y", pa.array(y)).take(pa.array(order))
    all_reasons = {int(i): reasons[i] for i in np.flatnonzero(~valid)}
    all_reasons |= {int(chosen[row]): reason for row, reason in failed.items()}
    return TrainingSet(
        table=table,
        classes=classes,
        inputs=bound.features.inputs,
        quarantined=_quarantined(rows, all_reasons),
        labels=label_facts(bound, taken[source.name], labels, as_of=as_of),
        counts=Counts(
            rows=rows.num_rows,
            missing={name: rows.column(name).null_count for name in rows.column_names},
            usable=table.num_rows,
            without_label=int((valid & ~has_label).sum()),
            label_pending=int((valid & has_label & ~known).sum()),
            quarantined=dict(sorted(Counter(map(str, all_reasons.values())).items())),
            feature_failures={
                **Counter(f.feature for f in made.failures),
                **{f"history {name}": len(failed) for name, failed in lost.items()},
            },
        ),
    )


def _with_weight_reasons(
    bound: Bound, rows: pa.Table, reasons: Sequence[str | None]
) -> list[str | None]:
    """The reasons why rows cannot be used, those with a weight that weighs nothing sound added."""
    if not bound.product.weight:
        return list(reasons)
    weights = rows.column(bound.product.weight).to_pylist()
    sound = [w is not None and 0 <= w < float("inf") for w in weights]
    text = f"{bound.product.weight}: a weight must be a number, 0 or more"
    return [r or (None if ok else text) for r, ok in zip(reasons, sound, strict=True)]


def _request_table(bound: Bound, rows: pa.Table) -> pa.Table:
    """The request's fields as columns; an optional field without a source column is all null."""
    found = {}
    for field in bound.schema.fields:
        column = bound.mapping[field.name]
        there = column in rows.column_names
        missing = pa.nulls(rows.num_rows, arrow_type(field.kind))
        found[field.name] = rows.column(column) if there else missing
    return pa.table(found)


def _instants(bound: Bound, rows: pa.Table, columns: Columns) -> np.ndarray:
    """Each row's prediction time: the asked-at field, else the event time, else the epoch."""
    asked = bound.schema.asked_at
    if asked is not None:
        values = columns[asked.name]
        known = {v: bound.schema.instant(v) for v in set(values) if v is not None} | {None: 0}
        return np.array([known[value] for value in values], dtype=np.int64)
    if bound.examples_source.event_time is None:
        return np.zeros(rows.num_rows, dtype=np.int64)
    return np.asarray(rows.column("__event_time").to_numpy())


def _take(values: Sequence[Any], rows: np.ndarray) -> Sequence[Any]:
    if isinstance(values, np.ndarray):
        return list(values[rows].tolist())
    return [values[i] for i in rows.tolist()]


def _table(
    bound: Bound,
    rows: pa.Table,
    kept: Columns,
    made: Assembled,
    chosen: np.ndarray,
    good: np.ndarray,
    instants: np.ndarray,
    label_at: np.ndarray,
) -> pa.Table:
    source_index = pa.array(chosen[good])
    keys = example_keys(bound, rows).take(source_index)
    kinds = {i.name: i.kind for i in bound.features.inputs}
    kinds |= {d.name: d.kind for d in bound.features.request}
    out: dict[str, Any] = {
        "key": keys,
        "t": pa.array(instants[good]),
        "label_at": pa.array(label_at[chosen[good]]),
        "unit": _units(bound, kept, good, keys),
    }
    if bound.product.weight:
        out["weight"] = rows.column(bound.product.weight).take(source_index).cast(pa.float64())
    for field in bound.schema.fields:
        out[f"request.{field.name}"] = pa.array(
            _take(kept[field.name], good), type=arrow_type(field.kind)
        )
    for name, values in made.features.items():
        out[f"feature.{name}"] = pa.array(_take(values, good), type=arrow_type(kinds[name]))
    for column in bound.outliers.columns:
        out[f"source.{column}"] = rows.column(column).take(source_index)
    for name, column in bound.product.yardsticks.items():
        out[f"yardstick.{name}"] = rows.column(column).take(source_index).cast(pa.float64())
    return pa.table(out)


def example_keys(bound: Bound, rows: pa.Table) -> Any:
    """The key of each row of the examples' source; one of several columns as JSON text."""
    keys = bound.examples_source.keys
    if len(keys) == 1:
        return rows.column(keys[0])
    return json_lists([rows.column(key) for key in keys])


def json_lists(columns: Sequence[Any]) -> Any:
    """Each row's values as the text of a JSON list, every distinct value written once.

    >>> json_lists([pa.array([1, 11]), pa.array(["a", None])]).to_pylist()
    ['[1, "a"]', '[11, null]']
    >>> json_lists([pa.array([0.1, 1e22]), pa.array(["a, b", "b"])]).to_pylist()
    ['[0.1, "a, b"]', '[1e+22, "b"]']
    """
    texts = []
    for column in columns:
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        encoded = whole.dictionary_encode()
        distinct = _json_texts(encoded.dictionary)
        written = pa.array(distinct, pa.string()).take(encoded.indices)
        texts.append(pc.fill_null(written, "null"))
    return pc.binary_join_element_wise("[", pc.binary_join_element_wise(*texts, ", "), "]", "")


def _json_texts(values: Any) -> list[str]:
    """Each value as JSON text; numbers, which hold no comma, in one go."""
    if len(values) and (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        return _json_text(values.to_pylist())[1:-1].split(", ")
    return [_json_text(value) for value in values.to_pylist()]


def _units(bound: Bound, kept: Columns, good: np.ndarray, keys: Any) -> Any:
    """The unit of each row as JSON text: typed values, so that (1, 11) never meets (11, 1).

    Without a unit each row is its own, named by its key: so a split by hash moves no row when
    others are added.
    """
    fields = bound.product.unit_fields
    if not fields:
        return pa.array([_json_text(key) for key in keys.to_pylist()], pa.string())
    kinds = {field.name: field.kind for field in bound.schema.fields}
    return json_lists(
        [pa.array(_take(kept[name], good), type=arrow_type(kinds[name])) for name in fields]
    )


def _quarantined(rows: pa.Table, reasons: Mapping[int, str | None]) -> pa.Table:
    index = sorted(reasons)
    taken = rows.take(pa.array(index, type=pa.int64()))
    return taken.append_column("__reason", pa.array([reasons[i] for i in index], type=pa.string()))
