"""An act in an environment: what was made live there, or tried beside it, and when.

Three tell of acts: the ledger's rows, signed statements and, of the last ones, the pointer. All are
read as this one noun, so that one can be held to another (:mod:`interlock.deploy.live`).

>>> made = DeploymentRow(product="rents", environment="prod", generation=2, bundle="b" * 64,
...     label="1.0.0", act=PROMOTE, pinned=False, reason="", delivery="d1", since=7)
>>> Act.of_row(made).text
'promote in generation 2'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from interlock.deploy.challenger import ROLLOUT, SHADOW, STOP
from interlock.deploy.rollout import PROMOTE, ROLLBACK
from interlock.release.attest import DEPLOYMENT, Statement
from interlock.release.statements import deployment_statement
from interlock.store.rows import DeploymentRow, Head, RolloutRow

Order = tuple[int, int]
DEPLOYS = (PROMOTE, ROLLBACK)  # the acts by which a bundle answers everybody


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Of a rollout: the act in its generation, and whose challenger's it makes how many buckets."""

    revision: int
    buckets: int
    salt: str


@dataclass(frozen=True, kw_only=True)
class Act:
    """One act, at that moment (UTC µs); ``trial`` and ``began`` (its start) are a rollout's."""

    product: str
    environment: str
    bundle: str
    kind: str
    generation: int
    at: int
    trial: Trial | None = None
    began: int | None = None

    @classmethod
    def of_row(cls, row: DeploymentRow | RolloutRow) -> Act:
        """What the ledger says was done; only one in shadow answers nobody."""
        if isinstance(row, RolloutRow):
            return cls._of_rollout(row)
        return cls(
            product=row.product,
            environment=row.environment,
            bundle=row.bundle,
            kind=row.act,
            generation=row.generation,
            at=row.since,
        )

    @classmethod
    def _of_rollout(cls, row: RolloutRow) -> Act:
        kind = SHADOW if row.mode == SHADOW else ROLLOUT
        return cls(
            product=row.product,
            environment=row.environment,
            bundle=row.bundle,
            kind=STOP if row.act == STOP else kind,
            generation=row.generation,
            at=row.at,
            trial=Trial(revision=row.revision, buckets=row.buckets, salt=row.salt),
            began=row.began,
        )

    @classmethod
    def of_statement(cls, said: Statement) -> Act | None:
        """What a statement says was done; None where it is of another kind, or malformed."""
        about = said.predicate
        named = about.get("product"), about.get("environment"), about.get("act")
        if said.predicate_type != DEPLOYMENT or named[0] != said.name:
            return None
        if not all(isinstance(name, str) for name in named):
            return None
        if type(about.get("generation")) is not int or type(about.get("at")) is not int:
            return None
        trial = about.get("trial")
        return cls(
            product=said.name,
            environment=about["environment"],
            bundle=said.subject,
            kind=about["act"],
            generation=about["generation"],
            at=about["at"],
            trial=_trial(trial),
            began=trial.get("began") if isinstance(trial, dict) else None,
        )

    def statement(self, *, reason: str, head: Head) -> Statement:
        """What is signed of it: services hold the pointer to it, ``head`` anchors the ledger."""
        trial = None if self.trial is None else {**asdict(self.trial), "began": self.began}
        return deployment_statement(
            bundle=self.bundle,
            product=self.product,
            environment=self.environment,
            generation=self.generation,
            act=self.kind,
            reason=reason,
            at=self.at,
            ledger_sequence=head.sequence,
            ledger_hash=head.hash,
            trial=trial,
        )

    @property
    def order(self) -> Order:
        """Which of two acts in an environment is the later one."""
        return self.generation, 0 if self.trial is None else self.trial.revision

    @property
    def text(self) -> str:
        """What was done, as people read it."""
        return f"{self.kind} in {order_text(self.order)}"


def claimed_order(about: Mapping[str, Any]) -> Order:
    """The place that a predicate, verified or not, claims; the first of all where it has none."""
    generation, trial = about.get("generation"), _trial(about.get("trial"))
    if type(generation) is not int:
        return 0, 0
    return generation, 0 if trial is None else trial.revision


def order_text(order: Order) -> str:
    """A generation and a revision in it, as people read them.

    >>> order_text((7, 0)), order_text((7, 2))
    ('generation 7', 'generation 7, revision 2')
    """
    generation, revision = order
    return f"generation {generation}" + (f", revision {revision}" if revision else "")


def _trial(value: Any) -> Trial | None:
    """None where it is no trial: then it bears out none."""
    if not isinstance(value, dict):
        return None
    revision, buckets, salt = (value.get(name) for name in ("revision", "buckets", "salt"))
    if type(revision) is not int or type(buckets) is not int or not isinstance(salt, str):
        return None
    return Trial(revision=revision, buckets=buckets, salt=salt)
