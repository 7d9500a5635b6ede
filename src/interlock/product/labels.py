"""Labels: what each row's is, when it is known, and what their absence gives away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interlock.data.label_times import LabelTimes, MeasuredDelay, label_times, measured_delay
from interlock.data.revisions import FOREVER, changes
from interlock.data.snapshot import AVAILABLE_AT, EVENT_TIME, Taken
from interlock.errors import AuthorError
from interlock.evaluate.leakage import Absence
from interlock.features.function import arguments_of
from interlock.features.packed_source import load_modules
from interlock.product.binding import Bound


@dataclass(frozen=True, kw_only=True)
class LabelFacts:
    """What the data gate asks about labels. ``times`` is None for a product without time."""

    times: LabelTimes | None
    absences: tuple[Absence, ...]

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "times": None if self.times is None else self.times.to_row(),
            "absences": [absence.to_row() for absence in self.absences],
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> LabelFacts:
        """The inverse of :meth:`to_row`."""
        return cls(
            times=None if row["times"] is None else LabelTimes.from_row(row["times"]),
            absences=tuple(Absence(**absence) for absence in row["absences"]),
        )


def label_facts(bound: Bound, taken: Taken, labels: Sequence[Any], *, as_of: int) -> LabelFacts:
    """Facts of the rows of the examples' source; ``labels`` are those of :func:`read_labels`."""
    has_label = present(labels)
    return LabelFacts(
        times=_times(bound, taken, has_label, as_of), absences=_absences(bound, taken, has_label)
    )


def read_labels(bound: Bound, rows: pa.Table) -> list[Any]:
    """One label a row; None where there is none."""
    target = bound.product.target
    if bound.label_place is None:
        return [_no_nan(v) for v in rows.column(target.name).to_pylist()]
    module, name = bound.label_place
    loaded = load_modules(bound.label_source, f"_interlock_label_{bound.code_digest[:16]}")
    function = getattr(loaded[module], name)
    arguments = arguments_of(function)
    missing = [a for a in arguments if a not in rows.column_names]
    if missing:
        raise AuthorError(
            "C124",
            f"the label {name} asks for columns that are not there",
            expected=f"names among {', '.join(rows.column_names)}",
            got=", ".join(missing),
            fix="name the label's arguments after columns of the source",
        )
    values = [rows.column(a).to_pylist() for a in arguments]
    return [_label(function, row) for row in zip(*values, strict=True)]


def _label(function: Any, row: Sequence[Any]) -> Any:
    try:
        return _no_nan(function(*row))
    except Exception as error:  # noqa: BLE001 - the author's code may raise anything
        raise AuthorError(
            "C125",
            f"the label {function.__name__} raised on a row",
            expected="a label, or None where there is none",
            got=f"{type(error).__name__}: {error} on {row!r}"[:200],
            fix="return None for rows that have no label",
        ) from None


def _no_nan(label: Any) -> Any:
    return None if label != label else label


def present(labels: Sequence[Any]) -> np.ndarray:
    """Whether each row has a label, (n_rows,)."""
    return np.array([label is not None for label in labels], dtype=bool)


def label_instants(bound: Bound, rows: pa.Table) -> np.ndarray:
    """When each label is known: after the target's delay, and never before its row is."""
    delay = bound.product.target.delay
    if bound.examples_source.event_time is None:
        return np.zeros(rows.num_rows, dtype=np.int64)
    after_event = np.asarray(rows.column("__event_time").to_numpy()) + delay
    return np.asarray(np.maximum(after_event, rows.column("__available_at").to_numpy()))


def encoded(labels: Sequence[Any], bound: Bound) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Labels as numbers, and the classes that class indices mean."""
    task = bound.product.target.task
    if task == "regression":
        try:
            numbers = np.array([float(v) for v in labels], dtype=np.float64)
        except (TypeError, ValueError):
            raise _bad_labels(bound, "finite numbers", labels) from None
        if not np.isfinite(numbers).all():
            raise _bad_labels(bound, "finite numbers", labels)
        return numbers, ()
    if task == "binary":
        if not set(labels) <= {0, 1}:
            raise _bad_labels(bound, "True and False, or 0 and 1", labels)
        return np.array([int(v) for v in labels], dtype=np.int64), (False, True)
    if not all(isinstance(v, str | int) for v in labels):
        raise _bad_labels(bound, "texts, whole numbers, or True and False", labels)
    classes = tuple(sorted(set(labels), key=lambda v: (str(type(v)), v)))
    index = {label: i for i, label in enumerate(classes)}
    return np.array([index[v] for v in labels], dtype=np.int64), classes


def _bad_labels(bound: Bound, expected: str, labels: Sequence[Any]) -> AuthorError:
    return AuthorError(
        "C126",
        f"the target '{bound.product.target.name}' has values that cannot be learned from",
        where=f"source {bound.examples_source.name}",
        expected=expected,
        got=", ".join(sorted({repr(v) for v in labels})[:5]),
        fix="correct the column, or declare another target",
    )


def _times(bound: Bound, taken: Taken, has_label: np.ndarray, as_of: int) -> LabelTimes | None:
    if bound.examples_source.event_time is None:
        return None
    return label_times(
        np.asarray(taken.table.column(EVENT_TIME).to_numpy()),
        has_label,
        as_of=as_of,
        delay=bound.product.target.delay,
        measured=_measured(bound, taken),
    )


def _measured(bound: Bound, taken: Taken) -> MeasuredDelay | None:
    """Where the source says when a row became known: when each key first had a label.

    A target that declares no delay promises its label with the row: the span then begins with the
    key's first revision, else with the event.
    """
    rows, delay = taken.revisions, bound.product.target.delay
    if bound.examples_source.available_at is None or not rows.num_rows:
        return None
    has_label = present(read_labels(bound, rows))
    available = np.asarray(rows.column(AVAILABLE_AT).to_numpy())
    starts = np.flatnonzero(changes([rows.column(key) for key in bound.examples_source.keys]))
    first = np.minimum.reduceat(np.where(has_label, available, FOREVER), starts)
    began = np.asarray(rows.column(EVENT_TIME).to_numpy()) if delay else available
    spans = np.maximum(0, (first - began[starts])[first < FOREVER])
    return measured_delay(spans, delay=delay)


def _absences(bound: Bound, taken: Taken, has_label: np.ndarray) -> tuple[Absence, ...]:
    """How often each field of the request is missing with and without a label.

    Rows in quarantine for want of a label count as well, where the label is a column.
    """
    rows, aside = taken.table, _without_target(bound, taken.quarantined)
    found = []
    for field in bound.schema.fields:
        column = bound.mapping[field.name]
        if column not in rows.column_names:
            continue
        missing = _missing(rows, column)
        away = _missing(aside, column) if column in aside.column_names else np.ones(0, dtype=bool)
        found.append(
            Absence(
                name=field.name,
                missing_with=int((missing & has_label).sum()),
                rows_with=int(has_label.sum()),
                missing_without=int((missing & ~has_label).sum() + away.sum()),
                rows_without=int((~has_label).sum()) + len(away),
            )
        )
    return tuple(found)


def _without_target(bound: Bound, quarantined: pa.Table) -> pa.Table:
    target = bound.product.target.name
    if bound.label_place is not None or target not in quarantined.column_names:
        return quarantined.slice(0, 0)
    return quarantined.filter(pa.array(_missing(quarantined, target)))


def _missing(table: pa.Table, column: str) -> np.ndarray:
    values = table.column(column)
    return np.asarray(pc.is_null(values, nan_is_null=True).to_numpy())
