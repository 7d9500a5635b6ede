"""Batch–live symmetry, proven again from the prediction log.

A sample of logged answers, chosen by a digest of their entity, is recomputed: request features by
the released source and by the project's present one, history features by the oracle from the rows
of the sources. At the grid point that was logged any difference is a *defect*; a difference to what
the ideal grid point would have given is *staleness*, which is shown apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import msgspec
import pyarrow as pa

from interlock.data.kinds import PYTHON_TYPES
from interlock.features.definition import FeatureSet, HistoryDefinition
from interlock.features.grid import grid_point
from interlock.features.oracle import can_recompute, recompute
from interlock.features.request import PackedFeatures
from interlock.features.result import FeatureFailure
from interlock.pipeline.recomputing import rows_of, same
from interlock.release.coverage import Covering
from interlock.serve.log.record import Record

_BUCKETS = 10_000
EDITED = "the project's function was edited after the release"
REQUEST = "the released function gives another value"
COVERAGE = "the released coverage says otherwise of these values"
HISTORY = "the source's rows give another value: a row was changed, or the store overwritten"


@dataclass(frozen=True, kw_only=True)
class Defect:
    """A logged value that is not what recomputation gives at the logged grid point."""

    id: str
    feature: str
    logged: Any
    expected: Any
    grid: int | None
    cause: str


@dataclass(frozen=True, kw_only=True)
class Staleness:
    """A value looked up at another grid point than the ideal one, which is ``late`` µs later.

    Below 0 it was looked up ahead: the request was about a moment before the store's grid point.
    """

    id: str
    history: str
    late: int
    values_differ: bool


@dataclass(frozen=True, kw_only=True)
class SymmetryFindings:
    """What the comparison of ``rows`` answers and ``values`` feature values showed.

    ``left_out`` counts answers that cannot be compared, by reason; ``not_covered`` the answers
    compared that say their release does not cover them.
    """

    rows: int
    values: int
    not_covered: int
    defects: tuple[Defect, ...]
    stale: tuple[Staleness, ...]
    left_out: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """The features of one release, as they can be computed again.

    ``released`` and ``present`` are its request features' source and the project's (None for a
    release that is no longer live, or where the project no longer has its fields); ``rows`` what
    each history reads, by its name; ``fields`` the request's fields and their kinds;
    ``covering`` its coverage, over the names that it needs, None where it covers everything.
    """

    features: FeatureSet
    fields: Mapping[str, str]
    released: PackedFeatures
    present: PackedFeatures | None
    rows: Mapping[str, pa.Table]
    covering: Covering | None = None


def sampled(records: Iterable[Record], *, share: float) -> list[Record]:
    """Answered records of the entities that fall into the share, always the same ones.

    Where a product has no unit, each answer is an entity of its own, known by its id.
    """
    limit = share * _BUCKETS
    return [r for r in records if r.status == 200 and _bucket(r.entity or (r.id,)) < limit]


def _bucket(entity: Sequence[Any]) -> int:
    data = msgspec.json.encode([[type(part).__name__, part] for part in entity])
    state = hashlib.blake2b(data, digest_size=8, person=b"symmetry")
    return int.from_bytes(state.digest(), "big") % _BUCKETS


def compare(records: Sequence[Record], releases: Mapping[str, Recomputed]) -> SymmetryFindings:
    """Compare logged answers; ``releases`` are by bundle digest."""
    tally = _Tally()
    for record in records:
        release = releases.get(record.digest)
        if release is None:
            tally.leave_out("of a release that is not here")
        elif record.degraded:
            tally.leave_out("degraded: answered with declared defaults")
        else:
            tally.rows += 1
            _compare_request(record, release, tally)
            _compare_histories(record, release, tally)
            _compare_coverage(record, release, tally)
    return SymmetryFindings(
        rows=tally.rows,
        values=tally.values,
        not_covered=tally.not_covered,
        defects=tuple(tally.defects),
        stale=tuple(tally.stale),
        left_out=dict(tally.left_out),
    )


@dataclass
class _Tally:
    rows: int = 0
    values: int = 0
    not_covered: int = 0
    defects: list[Defect] = field(default_factory=list)
    stale: list[Staleness] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def leave_out(self, reason: str) -> None:
        self.left_out[reason] = self.left_out.get(reason, 0) + 1

    def differs(
        self,
        record: Record,
        feature: str,
        expected: Any,
        *,
        logged: Any,
        cause: str,
        grid: int | None = None,
    ) -> None:
        self.defects.append(
            Defect(
                id=record.id,
                feature=feature,
                logged=logged,
                expected=expected,
                grid=grid,
                cause=cause,
            )
        )


def _compare_request(record: Record, release: Recomputed, tally: _Tally) -> None:
    """Request features by the released source, then by the project's present one."""
    values, instant = _request_values(record, release), _instant(record)
    expected = _evaluate(release.released, values, instant)
    now = _evaluate(release.present, values, instant) if release.present else expected
    for definition in release.features.request:
        name, logged = definition.name, record.features.get(definition.name)
        tally.values += 1
        for found, cause in ((expected, REQUEST), (now, EDITED)):
            if name in found and not same(logged, found[name]):
                tally.differs(record, name, found[name], logged=logged, cause=cause)
                break


def _evaluate(packed: PackedFeatures, values: Mapping[str, Any], instant: int) -> dict[str, Any]:
    try:
        made = packed.row([values.get(name) for name in packed.fields], instant)
    except FeatureFailure as failure:
        return {failure.feature: f"fails: {failure.message}"}
    return dict(zip(packed.names, made, strict=True))


def _request_values(record: Record, release: Recomputed) -> dict[str, Any]:
    """The logged request as typed values."""
    types = {name: PYTHON_TYPES.get(kind, Any) for name, kind in release.fields.items()}
    raw = msgspec.json.decode(record.request)
    return {
        name: None if raw.get(name) is None else msgspec.convert(raw[name], types[name])
        for name in release.fields
    }


def _compare_histories(record: Record, release: Recomputed, tally: _Tally) -> None:
    known = {**_request_values(record, release), **record.features}
    for definition in release.features.histories:
        logged_grid = record.grid.get(definition.name)
        if logged_grid is None:
            tally.leave_out("without a grid point")
        elif not can_recompute(definition):
            tally.leave_out("custom SQL, which the oracle cannot recompute")
        elif definition.name not in release.rows:
            tally.leave_out("of a source that is no longer declared")
        else:
            key = tuple(known[name] for name, _ in definition.entity)
            table = release.rows[definition.name]
            _compare_history(record, definition, table, key, logged_grid, tally)


def _compare_history(
    record: Record,
    definition: HistoryDefinition,
    table: pa.Table,
    key: tuple[Any, ...],
    logged_grid: int,
    tally: _Tally,
) -> None:
    """Logged values against those of the logged grid point, and that against the ideal one."""
    ideal = grid_point(_instant(record), definition)
    rows = rows_of(table, definition, key, (ideal, logged_grid))
    expected = recompute(definition, rows, key, logged_grid)
    logged = tuple(record.features.get(a.name) for a in definition.aggregates)
    for aggregate, said, value in zip(definition.aggregates, logged, expected, strict=True):
        tally.values += 1
        if not same(said, value):
            tally.differs(
                record, aggregate.name, value, logged=said, cause=HISTORY, grid=logged_grid
            )
    if ideal != logged_grid:
        fresh = recompute(definition, rows, key, ideal)
        differ = not all(same(a, b) for a, b in zip(logged, fresh, strict=True))
        tally.stale.append(
            Staleness(
                id=record.id,
                history=definition.name,
                late=ideal - logged_grid,
                values_differ=differ,
            )
        )


def _compare_coverage(record: Record, release: Recomputed, tally: _Tally) -> None:
    """Whether the release covers the logged values, and the reason why it does not."""
    tally.not_covered += bool(record.not_covered)
    expected = ""
    if release.covering is not None:
        known = _known(record, release)
        values = tuple(known.get(name) for name in release.covering.names)
        expected = release.covering.row(values, _instant(record))
    if record.not_covered != expected:
        tally.differs(record, "not_covered", expected, logged=record.not_covered, cause=COVERAGE)


def _known(record: Record, release: Recomputed) -> dict[str, Any]:
    """The logged request and features as typed values, by name."""
    features = release.features
    kinds = {d.name: d.kind for d in features.request}
    kinds |= {a.name: a.kind for h in features.histories for a in h.aggregates}
    found = _request_values(record, release)
    for name, value in record.features.items():
        kind = PYTHON_TYPES.get(kinds.get(name, ""), Any)
        moment = kind in (date, datetime) and isinstance(value, str)
        found[name] = msgspec.convert(value, kind) if moment else value
    return found


def _instant(record: Record) -> int:
    return record.time if record.as_of is None else record.as_of
