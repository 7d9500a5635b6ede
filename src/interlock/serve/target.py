"""The release a service should serve: a fixed one, or the one the pointer names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from interlock.deploy.pointer import read_pointer
from interlock.errors import OperatorError
from interlock.serve.plan import ServePlan


@dataclass(frozen=True, kw_only=True)
class Target:
    """A bundle, where it lies, and the pointer's generation (0 for a fixed one)."""

    digest: str
    directory: Path
    label: str
    generation: int


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
