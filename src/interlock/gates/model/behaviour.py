"""Behaviour checks: how the answer must, and must not, follow the request.

In the manner of CheckList (Ribeiro, Wu, Guestrin and Singh 2020, "Beyond accuracy: behavioral
testing of NLP models with CheckList"): directional expectations, invariances and minimum
functionality examples (:mod:`interlock.gates.model.expect`). The winner is asked as the service
would be: the changed request passes the packed features, the encoder, the model and
post-processing; history features keep their value.

>>> Directional("full_baths", add=1, never_lowers_by="2%").name
'full_baths + 1 never lowers it by over 2 %'
>>> Invariant("agent", shuffled=True).name
'agent does not matter, shuffled'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from interlock.digest import digest_json
from interlock.errors import AuthorError
from interlock.evaluate.metrics import format_value
from interlock.gates.finding import finite, percent
from interlock.gates.gate import Declared
from interlock.gates.model.measurement import WinnerMeasurement
from interlock.gates.model.tried import Floats, judge_share, plain
from interlock.verdict import Check

MAX_SHARE = 0.01
"""No sample shows that a rule is never broken; one in a hundred it can: 368 rows without one do."""


@dataclass(frozen=True)
class Behaviour(Declared):
    """What behaviour checks share: what they tried is found by their declaration."""

    @property
    def key(self) -> str:
        """What the measurement files the answers under."""
        return digest_json(self.to_row())


def unusable(check: Behaviour, expected: str) -> AuthorError:
    """The error of a declaration that contradicts itself."""
    return AuthorError(
        "M230",
        f"{type(check).__name__} cannot be used as declared",
        expected=expected,
        got=repr(check)[:200],
        fix="correct the declaration",
    )


@dataclass(frozen=True)
class Directional(Behaviour):
    """Changing ``field`` by one of ``add``, ``multiply``, ``set`` moves the answer only one way.

    The answer is the number, or the probability of the positive class. ``never_lowers_by`` or
    ``never_raises_by``: by how much it may move the other way, in the answer's unit or relative to
    it as a text ("2%"). At most ``max_share`` of the rows may break that; with 0 none of the rows
    tried may. A changed value outside the field's declared range is not tried, and counted.
    """

    field: str
    add: float | None = None
    multiply: float | None = None
    set: Any = ...
    never_lowers_by: float | str | None = None
    never_raises_by: float | str | None = None
    max_share: float = MAX_SHARE

    @property
    def name(self) -> str:
        """The rule in words."""
        if self.add is not None:
            change = f"{'+' if self.add >= 0 else '−'} {abs(self.add):g}"
        elif self.multiply is not None:
            change = f"× {self.multiply:g}"
        else:
            change = f"= {plain(self.set)}"
        way = "lowers" if self.never_lowers_by is not None else "raises"
        return f"{self.field} {change} never {way} it by over {_shown(self._allowed)}"

    @property
    def _allowed(self) -> float | str | None:
        return self.never_raises_by if self.never_lowers_by is None else self.never_lowers_by

    def validate(self) -> None:
        """Raises AuthorError for a declaration that cannot be used."""
        changes = [self.add is not None, self.multiply is not None, self.set is not ...]
        if sum(changes) != 1:
            raise unusable(self, "exactly one of add=, multiply= and set=")
        if (self.never_lowers_by is None) == (self.never_raises_by is None):
            raise unusable(self, "exactly one of never_lowers_by= and never_raises_by=")
        for number in (self.add, self.multiply):
            if number is not None:
                finite(number, "M230", "Directional", low=-math.inf)
        if self.add == 0 or self.multiply == 1:
            raise unusable(self, "a change: add= anything but 0, multiply= anything but 1")
        _checked(self._allowed, "Directional")
        finite(self.max_share, "M230", "Directional, max_share", low=0, high=0.5)

    def to_row(self) -> dict[str, Any]:
        """The declaration, plain; what is not declared is left out."""
        return _row(self)

    def change(self, value: Any, *, whole: bool) -> Any:
        """The value to try in place of this one; None of a number stays missing."""
        if self.set is not ... or value is None:
            return value if self.set is ... else self.set
        made = value + self.add if self.add is not None else value * (self.multiply or 0.0)
        return round(made) if whole and math.isfinite(made) else made

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """Judges the share of rows that move the wrong way by more than is allowed."""
        sign = 1.0 if self.never_lowers_by is not None else -1.0

        def excess(before: Floats, after: Floats) -> Floats:
            return sign * (before - after) - _room(self._allowed, before)

        return (
            judge_share(
                self.name,
                measurement.behaviour.get(self.key),
                excess,
                changed=self.field,
                max_share=self.max_share,
                evidence={"kind": "directional", "candidate": measurement.winner},
            ),
        )


@dataclass(frozen=True)
class Invariant(Behaviour):
    """``field`` does not matter: with each of ``values``, or another row's, the answer stays.

    ``shuffled`` gives every row the value of another, drawn with the data's own seed. ``tolerance``
    is how far the answer (of classes: any probability) may move, in its unit or relative as a text
    ("1%").
    """

    field: str
    values: Sequence[Any] = ()
    shuffled: bool = False
    tolerance: float | str = 0.0
    max_share: float = MAX_SHARE

    @property
    def name(self) -> str:
        """The rule in words."""
        how = "shuffled" if self.shuffled else f"set to {_listed(self.values)}"
        return f"{self.field} does not matter, {how}"

    def validate(self) -> None:
        """Raises AuthorError for a declaration that cannot be used."""
        listed = isinstance(self.values, list | tuple | range) and isinstance(self.shuffled, bool)
        if not listed or bool(self.values) == self.shuffled:
            raise unusable(self, "either values=[…] or shuffled=True")
        _checked(self.tolerance, "Invariant")
        finite(self.max_share, "M230", "Invariant, max_share", low=0, high=0.5)

    def to_row(self) -> dict[str, Any]:
        """The declaration, plain."""
        return {**_row(self), "values": [plain(value) for value in self.values]}

    def judge(self, measurement: WinnerMeasurement) -> tuple[Check, ...]:
        """Judges the share of rows whose answer moves by more than is tolerated."""

        def excess(before: Floats, after: Floats) -> Floats:
            moved: Floats = np.abs(after - before) - _room(self.tolerance, before)
            return moved if moved.ndim == 1 else moved.max(axis=1)

        return (
            judge_share(
                self.name,
                measurement.behaviour.get(self.key),
                excess,
                changed=self.field,
                max_share=self.max_share,
                evidence={"kind": "invariant", "candidate": measurement.winner},
            ),
        )


def _row(check: Directional | Invariant) -> dict[str, Any]:
    """What is declared, plain; a field may be set to None, anything else that is None is not."""
    row = {"check": type(check).__name__}
    for name, value in vars(check).items():
        if value is not ... and (value is not None or name == "set"):
            row[name] = plain(value)
    return row


def _checked(allowed: float | str | None, where: str) -> None:
    share = percent(allowed) if isinstance(allowed, str) else allowed
    finite(allowed if share is None else share, "M230", where, low=0)


def _room(allowed: float | str | None, before: Floats) -> Floats:
    """How far the answer may move, (n,) or (n, n_classes)."""
    share = percent(allowed) if isinstance(allowed, str) else None
    if share is not None:
        return share * np.abs(before)
    return np.full(np.shape(before), float(allowed or 0.0))


def _shown(allowed: float | str | None) -> str:
    share = percent(allowed) if isinstance(allowed, str) else None
    return format_value(float(allowed or 0.0), "") if share is None else format_value(share, "%")


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(str(plain(value)) for value in values)
