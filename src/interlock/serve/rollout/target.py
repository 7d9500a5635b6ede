"""The release a service should serve: a fixed one, or the one the pointer names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from interlock.deploy.act import Order, order_text
from interlock.deploy.challenger import SPLIT
from interlock.deploy.pointer import Pointer, read_pointer
from interlock.errors import IntegrityError, OperatorError
from interlock.serve.plan import ServePlan
from interlock.serve.rollout.traffic import Split

Key = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Rival:
    """The challenger's bundle, where it lies, and which units are its."""

    digest: str
    directory: Path
    label: str
    split: Split


@dataclass(frozen=True, kw_only=True)
class Target:
    """A bundle, where it lies, and the pointer's generation (0 for a fixed one).

    ``rival`` is what answers a share of the traffic beside it; one in shadow is none.
    """

    digest: str
    directory: Path
    label: str
    generation: int
    revision: int = 0
    rival: Rival | None = None

    @property
    def key(self) -> Key:
        """What tells loaded releases apart."""
        return self.digest, self.label

    @property
    def keys(self) -> tuple[Key, ...]:
        """Of all releases that answer."""
        rival = self.rival
        return (self.key,) if rival is None else (self.key, (rival.digest, rival.label))

    @property
    def order(self) -> Order:
        """Which of two targets is the newer one."""
        return self.generation, self.revision

    @property
    def of_rival(self) -> Target:
        """The challenger as one would load it."""
        assert self.rival is not None
        return replace(
            self.alone,
            digest=self.rival.digest,
            directory=self.rival.directory,
            label=self.rival.label,
        )

    @property
    def alone(self) -> Target:
        """The same without a rollout."""
        return replace(self, revision=0, rival=None)

    def after(self, live: Target | None) -> Target:
        """The next step towards this one: another champion first, and then its challenger.

        So a challenger that cannot be loaded never keeps a champion from taking over.
        """
        return self if live is None or live.key == self.key else self.alone


def going_back(order: Order, newest: Order, *, where: str = "") -> IntegrityError:
    """The error for a pointer that names an older state than the newest one that is known."""
    return IntegrityError(
        "S136",
        "the pointer names an older state than there was",
        where=where,
        expected=f"{order_text(newest)} or a later one",
        got=order_text(order),
        fix="run `interlock status`, which writes the pointer anew; find out who changed it",
        untouched="what is live",
    )


def target_reader(plan: ServePlan) -> Callable[[], Target]:
    """A function that says which release is wanted now."""
    if plan.bundle is None:
        return lambda: _pointed(plan)
    directory = Path(plan.bundle)
    fixed = Target(
        digest=plan.digest or directory.name, directory=directory, label=plan.label, generation=0
    )
    return lambda: fixed


def _pointed(plan: ServePlan) -> Target:
    """What the pointer file says. Raises StoreError (damaged), OperatorError S133 (none, other)."""
    assert plan.pointer is not None
    assert plan.bundles is not None
    found = read_pointer(Path(plan.pointer))
    if found is None:
        raise _no_release(plan, "nothing is deployed yet", "no such file")
    if (found.product, found.environment) != (plan.product, plan.environment):
        raise _no_release(
            plan, "the pointer is not this service's", f"{found.product} in {found.environment}"
        )
    return Target(
        digest=found.bundle,
        directory=Path(plan.bundles) / found.bundle,
        label=found.label,
        generation=found.generation,
        revision=found.revision,
        rival=_rival(found, Path(plan.bundles)),
    )


def _rival(found: Pointer, bundles: Path) -> Rival | None:
    trial = found.challenger
    if trial is None or trial.mode != SPLIT:
        return None
    return Rival(
        digest=trial.bundle,
        directory=bundles / trial.bundle,
        label=trial.label,
        split=Split(trial.salt, trial.buckets),
    )


def _no_release(plan: ServePlan, what: str, got: str) -> OperatorError:
    return OperatorError(
        "S133",
        what,
        where=str(plan.pointer),
        expected=f"a release of {plan.product} in {plan.environment}",
        got=got,
        fix=f"run 'interlock deliver --to {plan.environment}'",
        untouched="what is live",
    )
