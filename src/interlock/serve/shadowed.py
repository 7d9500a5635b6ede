"""What a challenger in shadow would have answered, beside what the champion did.

Made of two logs: the service's, and the scores. Rows whose caller chose the arm are left out, and
so are those that were erased since.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from interlock.serve.log_read import read_log
from interlock.serve.logged import PREDICTIONS
from interlock.serve.record import Record, read_record
from interlock.serve.shipping import read_all

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_GROUPS = 20


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """Rows that both were asked about.

    ``same`` counts equal answers, ``failed`` rows that the challenger did not answer, ``limits``
    rows of which only one of the two says that it covers them. ``differences`` are quantiles of
    challenger minus champion at 5, 25, 50, 75 and 95 %, of rows answered with numbers; None for
    classes and where there are none.
    """

    name: str
    rows: int
    same: int
    failed: int
    limits: int
    differences: tuple[float, ...] | None


@dataclass(frozen=True, kw_only=True)
class ShadowReport:
    """All rows, then the largest groups; ``errors`` counts by code what the challenger failed with.

    ``waiting`` are answered rows that are not scored yet.
    """

    whole: Contrast
    by: str
    groups: tuple[Contrast, ...]
    errors: Mapping[str, int]
    waiting: int


@dataclass
class _Pairs:
    rows: int = 0
    same: int = 0
    failed: int = 0
    limits: int = 0
    differences: list[float] = field(default_factory=list)

    def add(self, champion: Record, score: Record) -> None:
        self.rows += 1
        if score.status != 200:
            self.failed += 1
            return
        before, after = champion.prediction, score.prediction
        self.same += before == after
        self.limits += bool(champion.not_covered) != bool(score.not_covered)
        if isinstance(before, float) and isinstance(after, float):
            self.differences.append(after - before)

    def contrast(self, name: str) -> Contrast:
        found = None
        if self.differences:
            found = tuple(float(q) for q in np.quantile(self.differences, _QUANTILES))
        return Contrast(
            name=name,
            rows=self.rows,
            same=self.same,
            failed=self.failed,
            limits=self.limits,
            differences=found,
        )


def shadow_log(log: Path, salt: str) -> Path:
    """Where the scores of a rollout lie, beside the service's log."""
    return log.parent / "shadow" / salt


def shadow_logs(log: Path) -> list[Path]:
    """The scores of every rollout that there are, beside the service's log."""
    return sorted(path for path in log.parent.glob("shadow/*") if path.is_dir())


def contrasted(log: Path, scores: Path, *, since: int, by: str = "") -> ShadowReport:
    """Compare; ``by`` is a request field or a feature, of which each value is a group.

    Raises IntegrityError S153, S181.
    """
    scored = _scored(scores)
    whole, errors, waiting = _Pairs(), Counter[str](), 0
    groups: dict[str, _Pairs] = {}
    for entry in PREDICTIONS.of(read_all(log)):
        record = read_record(entry.payload)
        if record.status != 200 or record.time < since or record.pinned or record.replay:
            continue
        score = scored.get((entry.worker, entry.segment, entry.offset))
        if score is None:
            waiting += 1
            continue
        errors.update([score.error] * (score.status != 200))
        whole.add(record, score)
        if by:
            groups.setdefault(_value(record, by), _Pairs()).add(record, score)
    largest = sorted(groups.items(), key=lambda item: (-item[1].rows, item[0]))[:_MOST_GROUPS]
    return ShadowReport(
        whole=whole.contrast("all rows"),
        by=by,
        groups=tuple(pairs.contrast(f"{by} {name}") for name, pairs in largest),
        errors=dict(errors.most_common()),
        waiting=waiting,
    )


def _scored(scores: Path) -> dict[tuple[str, int, int], Record]:
    if not scores.is_dir():
        return {}
    records: Iterable[Record] = (read_record(entry.payload) for entry in read_log(scores))
    return {record.shadows: record for record in records if record.shadows is not None}


def _value(record: Record, name: str) -> str:
    """What a row has under that name, as a text; '?' where it has nothing of that name."""
    if name in record.features:
        return str(record.features[name])
    request: dict[str, Any] = msgspec.json.decode(record.request)
    return str(request[name]) if name in request else "?"
