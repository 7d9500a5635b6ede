"""interlock status: what is live where, since when, and how the last delivery ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interlock.deploy.challenger import running
from interlock.errors import ExitCode, IntegrityError, Mistake
from interlock.pipeline.delivery.interrupted import as_it_is
from interlock.pipeline.delivery.waiving import GATE_WAIVED
from interlock.serve.rollout.evidence import Seen, seen
from interlock.store.rows import DeliveryRow, DeploymentRow, RolloutRow
from interlock.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class EnvironmentStatus:
    """What is live in an environment, None where nothing is; and what let it through.

    ``waivers`` are those of the delivery that made it live, as its summary tells them; ``rollout``
    is what runs beside it, and ``seen`` how often that failed, as the service's workers say.
    ``doubts`` are why what the ledger has cannot be believed: then its pointer is left as it is.
    """

    environment: str
    live: DeploymentRow | None
    waivers: tuple[Mapping[str, str], ...] = ()
    rollout: RolloutRow | None = None
    seen: Seen | None = None
    doubts: tuple[Mistake, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProductStatus:
    """A product in every environment, and its newest delivery with the gates waived for it."""

    product: str
    environments: tuple[EnvironmentStatus, ...]
    last_delivery: DeliveryRow | None
    waived: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    """The whole project."""

    project: str
    products: tuple[ProductStatus, ...]

    @property
    def exit_code(self) -> ExitCode:
        """Whether all that is told can be believed."""
        doubted = any(e.doubts for product in self.products for e in product.environments)
        return ExitCode.INTEGRITY if doubted else ExitCode.OK


def status(workspace: Workspace) -> StatusReport:
    """Read the ledger, hold it to what is signed, and write every pointer anew from it."""
    return StatusReport(
        project=str(workspace.settings.project_dir),
        products=tuple(_product(workspace, name) for name in _names(workspace)),
    )


def _names(workspace: Workspace) -> list[str]:
    """Those delivered before; in a project that never delivered, those declared."""
    return workspace.ledger.deliveries.products() or list(workspace.products)


def _product(workspace: Workspace, product: str) -> ProductStatus:
    found = []
    for environment in workspace.environments:
        live = workspace.ledger.deployments.last(product, environment.name)
        last = workspace.ledger.rollouts.last(product, environment.name)
        trial = running(live, last)
        log = workspace.places.log(environment.name, product)
        found.append(
            EnvironmentStatus(
                environment=environment.name,
                live=live,
                waivers=_waivers(workspace, live),
                rollout=trial,
                seen=None if trial is None else seen(log, trial),
                doubts=tuple(_doubts(workspace, product, environment.name)),
            )
        )
    newest = next(iter(workspace.ledger.deliveries.newest(product=product, limit=1)), None)
    return ProductStatus(
        product=product,
        environments=tuple(found),
        last_delivery=newest and as_it_is(workspace.ledger, workspace.places, newest),
        waived=() if newest is None else _waived(workspace, newest),
    )


def _doubts(workspace: Workspace, product: str, environment: str) -> Sequence[Mistake]:
    """Why what the ledger has of an environment cannot be believed; else its pointer is written."""
    nothing_done = workspace.ledger.deployments.last(product, environment) is None
    if nothing_done and not workspace.places.all_attestations.exists():
        return ()  # and no key is made to find that out
    switch = workspace.switch(product)
    try:
        told = switch.told(environment)
        told.require_proven()
        if told.deployment is not None:
            switch.publish(told.deployment)
    except IntegrityError as error:
        return error.mistakes
    return ()


def _waivers(workspace: Workspace, live: DeploymentRow | None) -> tuple[Mapping[str, str], ...]:
    delivery = None if live is None else workspace.ledger.deliveries.get(live.delivery)
    return () if delivery is None else tuple(delivery.summary.get("waivers", ()))


def _waived(workspace: Workspace, delivery: DeliveryRow) -> tuple[str, ...]:
    events = workspace.ledger.events(kind=GATE_WAIVED, subject=delivery.id)
    return tuple(dict.fromkeys(str(event.body["gate"]) for event in events))
