"""What is live in an environment, and why we believe it; or precisely why we cannot.

Three tell of it: the ledger's rows, what holders of trusted keys signed, and the pointer that
services read. Each is held to the others:

* what the ledger recorded, somebody signed: who can only write to the ledger makes nothing live;
* what somebody signed, the ledger recorded: else it was cut, or replaced by an older one;
* the pointer names what the ledger recorded. An older state was only not told yet; what is later,
  or was never recorded, the ledger did not write.

That a bundle is proven is another question (:mod:`interlock.deploy.policy`). A service has no
ledger, and holds the pointer to the signatures (:mod:`interlock.serve.rollout.deployed`).

>>> told = Live(product="rents", environment="prod", where="rents.json")
>>> told.deployment, told.doubts()
(None, [])
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from interlock.deploy.act import Act
from interlock.deploy.challenger import running
from interlock.deploy.pointer import Pointer
from interlock.errors import IntegrityError, Mistake
from interlock.store.rows import DeploymentRow, RolloutRow


@dataclass(frozen=True, kw_only=True)
class Live:
    """What each of the three says of one environment; the rows newest first.

    ``signed`` is what lies beside bundles, ``sealed`` what was signed as an act was recorded and
    stands in its event. ``where`` is the pointer's file.
    """

    product: str
    environment: str
    where: str
    deployments: tuple[DeploymentRow, ...] = ()
    rollouts: tuple[RolloutRow, ...] = ()
    signed: Collection[Act] = ()
    sealed: Collection[Act] = ()
    pointer: Pointer | None = None

    @property
    def deployment(self) -> DeploymentRow | None:
        """What answers there, as the ledger has it."""
        return next(iter(self.deployments), None)

    @property
    def rollout(self) -> RolloutRow | None:
        """The last act on a rollout there, whether it still runs or not."""
        return next(iter(self.rollouts), None)

    @property
    def trial(self) -> RolloutRow | None:
        """The rollout that runs beside it."""
        return running(self.deployment, self.rollout)

    @property
    def acts(self) -> list[Act]:
        """All that was done there, as the ledger has it."""
        return [*map(Act.of_row, self.deployments), *map(Act.of_row, self.rollouts)]

    def doubts(self) -> list[Mistake]:
        """Everything for which the three cannot all be believed."""
        return [*self.unproven(), *self.astray()]

    def unproven(self) -> list[Mistake]:
        """Acts that were recorded and not signed (R172), or signed and not recorded (R165)."""
        proven, recorded = {*self.signed, *self.sealed}, self.acts
        missing = sorted({*self.signed} - {*recorded}, key=lambda act: act.order)
        return [
            *(unsigned(act) for act in recorded if act not in proven),
            *map(self._unrecorded, missing),
        ]

    def astray(self) -> list[Mistake]:
        """A pointer that names what the ledger never recorded (R165)."""
        found = self.pointer
        if found is None or found in self._pointers():
            return []
        return [self._ahead(found) if found.order > self._order else self._other()]

    def require_proven(self) -> None:
        """Raises IntegrityError R165 or R172: on such a state nobody decides."""
        _require(self.unproven())

    def require_no_later_pointer(self) -> None:
        """Raises IntegrityError R165 where services would not hear of what the ledger knows."""
        if self.pointer is not None and self.pointer.order > self._order:
            _require(self.astray())

    @property
    def _order(self) -> tuple[int, int]:
        """Of the last state that the ledger knows."""
        return (
            (0, 0) if self.deployment is None else Pointer.of(self.deployment, self.rollout).order
        )

    def _pointers(self) -> list[Pointer]:
        """All that a pointer there may have said."""
        live = {row.generation: row for row in self.deployments}
        tried = [act for act in self.rollouts if act.generation in live]
        return [
            *(Pointer.of(row) for row in self.deployments),
            *(Pointer.of(live[act.generation], act) for act in tried),
        ]

    def _unrecorded(self, act: Act) -> Mistake:
        return _unknown(
            where=f"{act.product} in {act.environment}",
            expected="attestations and pointers that the ledger recorded",
            got=f"{act.text} of {act.bundle[:12]}, which is signed and was not recorded",
            fix="restore the ledger from a backup, and find out who changed it; "
            "if it is lost: interlock rebuild",
        )

    def _ahead(self, found: Pointer) -> Mistake:
        known, later = self._order, found.order
        return _unknown(
            where=self.where,
            expected=f"generation {known[0]}, revision {known[1]} or an earlier one",
            got=f"generation {later[0]}, revision {later[1]}",
            fix="find out who wrote the pointer, or restore the ledger; then delete the file and "
            "run `interlock status`",
        )

    def _other(self) -> Mistake:
        return _unknown(
            where=self.where,
            expected="attestations and pointers that the ledger recorded",
            got="something that it has no event of, or other than it recorded",
            fix="restore the ledger from a backup, and find out who changed it",
        )


def unsigned(act: Act) -> Mistake:
    """The mistake of an act that stands in the ledger alone."""
    return Mistake(
        code="R172",
        what="the ledger has an act that nobody entitled signed",
        where=f"{act.product} in {act.environment}",
        expected="a signature by a trusted key of what was made live, or tried",
        got=f"{act.text} of {act.bundle[:12]}, unsigned",
        fix="find out who wrote to the ledger, and restore it from a backup",
        untouched="what services answer with",
    )


def _unknown(*, where: str, expected: str, got: str, fix: str) -> Mistake:
    return Mistake(
        code="R165",
        what="the ledger does not know what lies in the state folder",
        where=where,
        expected=expected,
        got=got,
        fix=fix,
        untouched="what services answer with",
    )


def _require(mistakes: list[Mistake]) -> None:
    if mistakes:
        raise IntegrityError.of(mistakes)
