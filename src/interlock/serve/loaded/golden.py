"""Golden answers: requests with the answers they must have, kept in the bundle.

The rows are made when the release is built and computed again wherever it is loaded: on another
machine, another version of a library, other bytes. A release that no longer gives them is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from interlock.errors import IntegrityError, InterlockError, first_line
from interlock.features.result import FeatureFailure
from interlock.serve.loaded.history import told_values
from interlock.serve.loaded.instant import asked_instant
from interlock.serve.loaded.release import LoadedRelease
from interlock.train.answer import AnswerOne
from interlock.train.postprocess import PostprocessFailure

TOLERANCE = 1e-12  # relative; exponentials may differ in the last bit between machines
_SHOWN = 5  # differences named in an error


class GoldenRow(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what it must give. ``history`` holds the aggregates it was made with.

    ``not_covered`` is why the release does not answer for it; the prediction may then be None.
    """

    request: dict[str, Any]
    as_of: int
    history: tuple[Any, ...] = ()
    features: dict[str, Any]
    prediction: float | None
    not_covered: str = ""
    interval: tuple[float, float] | None = None
    probabilities: tuple[float, ...] | None = None


def golden_row(
    release: LoadedRelease,
    request: Mapping[str, Any],
    *,
    as_of: int,
    history: Sequence[Any] = (),
) -> GoldenRow:
    """What the release gives for this request (plain JSON values) and these aggregates.

    ``as_of`` counts where the request has no time of its own. Raises ServiceError, FeatureFailure
    or PostprocessFailure for a request that it does not answer.
    """
    (values,) = release.decoder.decode(msgspec.json.encode(request)).rows
    instant = asked_instant(release.schema, values, as_of)
    made = release.packed.row(values, instant)
    known = (*values, *made, *history)
    why = release.not_covered(known, instant)
    silent = bool(why) and not release.estimates
    answered = None if silent else release.answer(release.score_one(release.encode(known)), known)
    return GoldenRow(
        request=dict(request),
        as_of=instant,
        history=tuple(history),
        features=dict(zip(release.packed.names, made, strict=True)),
        prediction=None if answered is None else answered.value,
        not_covered=why,
        interval=_interval(answered),
        probabilities=None if answered is None else answered.probabilities,
    )


def _interval(answered: AnswerOne | None) -> tuple[float, float] | None:
    if answered is None or answered.low is None or answered.high is None:
        return None
    return answered.low, answered.high


def golden_bytes(rows: Sequence[GoldenRow]) -> bytes:
    """``golden.json``."""
    return msgspec.json.encode(rows)


def read_golden(data: bytes) -> tuple[GoldenRow, ...]:
    """The rows of a ``golden.json``. Raises IntegrityError S105."""
    try:
        return msgspec.json.decode(data, type=tuple[GoldenRow, ...])
    except msgspec.MsgspecError as error:
        raise _refused([f"golden.json: {error}"]) from None


def check_golden(release: LoadedRelease, rows: Sequence[GoldenRow]) -> None:
    """Compute every row again. Raises IntegrityError S105 for any difference, or no row at all."""
    if not rows:
        raise _refused(["golden.json holds no row"])
    differences = [
        f"row {number}: {difference}"
        for number, row in enumerate(rows)
        if (difference := _difference(release, row))
    ]
    if differences:
        raise _refused(differences)


def _difference(release: LoadedRelease, row: GoldenRow) -> str:
    aggregates = [a for definition in release.histories for a in definition.aggregates]
    try:
        history = told_values(aggregates, row.history)
    except (ValueError, TypeError, IndexError) as error:
        return f"its history cannot be read: {error}"
    try:
        found = golden_row(release, row.request, as_of=row.as_of, history=history)
    except (InterlockError, FeatureFailure, PostprocessFailure) as error:
        return first_line(error)
    plain = msgspec.to_builtins(found.features)  # as JSON has them: dates are texts
    for name, value in row.features.items():
        if not _same(plain.get(name), value):
            return f"feature {name} is {plain.get(name)!r}, was {value!r}"
    for name in ("not_covered", "prediction", "interval", "probabilities"):
        now, then = getattr(found, name), getattr(row, name)
        if not _same(now, then):
            return f"{name} is {now!r}, was {then!r}"
    silent = found.prediction is None and found.not_covered
    return "" if silent or _is_finite(found.prediction) else "the prediction is not finite"


def _is_finite(prediction: float | None) -> bool:
    return prediction is not None and math.isfinite(prediction)


def _same(now: Any, then: Any) -> bool:
    if isinstance(now, tuple) and isinstance(then, tuple):
        return len(now) == len(then) and all(map(_same, now, then))
    if isinstance(now, float) and isinstance(then, int | float):
        return math.isclose(now, then, rel_tol=TOLERANCE, abs_tol=0.0)
    return bool(now == then)


def _refused(differences: Sequence[str]) -> IntegrityError:
    more = len(differences) - _SHOWN
    listed = "; ".join(differences[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
    return IntegrityError(
        "S105",
        "the release does not give its golden answers",
        expected="the answers recorded when it was built",
        got=listed,
        fix="serve it with the library versions it was built with, or build it again",
        untouched="what is live",
    )
