"""A waiver: somebody opens a shut gate for one delivery, with a reason and until a moment.

It is bound to what that person saw: the delivery, the gate, the digest of the gate's result and,
where there was one already, the bundle. The same words are signed twice: when the gate is waived,
about the result; and when the bundle exists, about the bundle, which carries them for ever.

>>> given = Waiver(product="valuation", delivery="d1", number=7, gate="model", result="0" * 64,
...                bundle=None, role="releaser", by="ada", rights=UNCHECKED,
...                reason="a quiet month", at=5, expires=9)
>>> Waiver.from_row(given.to_row()) == given, given.holds_at(8), given.holds_at(9)
(True, True, False)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from interlock.clock import format_instant
from interlock.digest import digest_json, is_digest
from interlock.release.attest import WAIVER, Attestation, Statement
from interlock.verdict import GateResult

ROLES = ("releaser", "approver", "admin")
UNCHECKED = "unchecked"
"""What ``rights`` says where nobody keeps rights: the name and the role are what was claimed."""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """Who opens which shut gate of which delivery, why, and from when until when (UTC µs).

    ``result`` is the digest of the gate's result, see :func:`result_digest`; ``bundle`` the bundle
    that the gate questioned, None for gates that stand before there is one.
    """

    product: str
    delivery: str
    number: int
    gate: str
    result: str
    bundle: str | None
    role: str
    by: str
    rights: str
    reason: str
    at: int
    expires: int

    def to_row(self) -> dict[str, Any]:
        """Plain JSON values: the predicate that is signed."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Waiver:
        """The inverse of :meth:`to_row`. Raises ValueError for anything else, however close."""
        if not isinstance(row, Mapping) or set(row) != {field.name for field in fields(cls)}:
            raise ValueError("not a waiver's keys")
        numbers = ("number", "at", "expires")
        if any(type(row[name]) is not int for name in numbers):
            raise ValueError("a number or a moment that is none")
        texts = set(row) - {*numbers, "bundle"}
        if any(not isinstance(row[name], str) or not row[name].strip() for name in texts):
            raise ValueError("a text that is empty or none")
        if row["role"] not in ROLES:
            raise ValueError(f"the role {row['role']!r}")
        digests = [row["result"]] + ([] if row["bundle"] is None else [row["bundle"]])
        if any(not isinstance(digest, str) or not is_digest(digest) for digest in digests):
            raise ValueError("a digest that is none")
        return cls(**row)

    @property
    def summary(self) -> dict[str, str]:
        """What a delivery's summary keeps of it."""
        return {
            "gate": self.gate,
            "by": self.by,
            "role": self.role,
            "reason": self.reason,
            "until": format_instant(self.expires),
        }

    def holds_at(self, moment: int) -> bool:
        """Whether that moment lies within it; the end does not."""
        return self.at <= moment < self.expires


def result_digest(result: GateResult | Mapping[str, Any]) -> str:
    """The identity of a gate's result: its name and every check, to the last digit.

    Takes a result, or the ``gate`` and ``checks`` of a row or of a signed predicate as they stand.
    """
    row = result.to_row() if isinstance(result, GateResult) else result
    return digest_json({"gate": row["gate"], "checks": row["checks"]})


def waivers_among(attestations: Iterable[Attestation]) -> tuple[Waiver, ...]:
    """The waivers that were signed, in their order; one that cannot be read is none."""
    found = []
    for attestation in attestations:
        if attestation.predicate_type == WAIVER:
            try:
                found.append(Waiver.from_row(attestation.predicate))
            except ValueError:
                continue
    return tuple(sorted(found, key=lambda waiver: waiver.at))


def waiver_statement(*, subject: str, waiver: Waiver) -> Statement:
    """The waiver about a subject: a gate result's digest at first, the bundle's afterwards."""
    return Statement(
        subject=subject, name=waiver.product, predicate_type=WAIVER, predicate=waiver.to_row()
    )
